/**
 * Noticing that somebody has changed the store, without asking it again and again.
 */

import { basename, dirname } from "node:path";
import type { Home } from "./home.ts";

/**
 * Calls `onChange` soon after each commit of any process, until the returned function is called. Every commit
 * appends to SQLite's log beside the file, so the watching costs those who write nothing. It is a hint: calls
 * may come together, or for nothing. Where files can't be watched (the kernel allows only so many watches),
 * `onTrouble` is told why, and the caller has to look by itself now and then.
 */
export function watchChanges(
  home: Home,
  onChange: () => void,
  onTrouble: (why: unknown) => void = () => {},
): () => void {
  let watcher: Deno.FsWatcher | null = null;
  let isClosed = false;
  const name = basename(home.dbPath);
  const follow = async () => {
    // The folder and not the log: that is removed and made anew when the last process closes the store.
    watcher = Deno.watchFs(dirname(home.dbPath), { recursive: false });
    for await (const { paths } of watcher) {
      if (paths.some((path) => basename(path).startsWith(name))) onChange();
    }
  };
  follow().catch((error) => {
    if (!isClosed) onTrouble(error);
  });
  return () => {
    isClosed = true;
    try {
      watcher?.close();
    } catch {
      // It had ended by itself, which `onTrouble` was told.
    }
  };
}
