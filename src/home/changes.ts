/**
 * Noticing that somebody has changed the store, without asking it again and again.
 */

import type { Home } from "./home.ts";
import { SignalFlag } from "./signal_flag.ts";

/** How often to see whether the log is there (again), where it isn't. */
const LOOK_INTERVAL_MS = 200;

/**
 * Calls `onChange` soon after each commit of any process, until the returned function is called. Every commit
 * appends to SQLite's log beside the file, so the watching costs those who write nothing. It is a hint: calls
 * may come together, or for nothing. Where files can't be watched (the kernel allows only so many watches),
 * `onTrouble` is told why, and the caller has to look by itself now and then.
 *
 * Only the log may be watched, never its folder: for each event Deno opens and closes the file that it is about,
 * and by the rules of POSIX that takes all locks away that this process holds on the file. SQLite has its locks
 * on the database and on its shared memory, and without them another process throws both away under our feet;
 * on the log it has none.
 */
export function watchChanges(
  home: Home,
  onChange: () => void,
  onTrouble: (why: unknown) => void = () => {},
): () => void {
  const path = `${home.dbPath}-wal`;
  let watcher: Deno.FsWatcher | null = null;
  let isClosed = false;
  const closing = new SignalFlag();
  const follow = async () => {
    while (!isClosed) {
      watcher = watchIfThere(path);
      if (watcher === null) {
        await closing.wait(LOOK_INTERVAL_MS); // nobody has the store open, or it is new
        continue;
      }
      onChange(); // what came before we watched
      for await (const { kind } of watcher) {
        if (kind === "remove") break; // the last process has closed the store
        onChange();
      }
    }
  };
  follow().catch((error) => {
    if (!isClosed) onTrouble(error);
  });
  return () => {
    isClosed = true;
    closing.raise();
    try {
      watcher?.close();
    } catch {
      // It had ended by itself, which `onTrouble` was told.
    }
  };
}

function watchIfThere(path: string): Deno.FsWatcher | null {
  try {
    return Deno.watchFs(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
