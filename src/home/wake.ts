/**
 * Waking idle workers in other processes: a touch of a file that each of them watches.
 */

import { existsSync } from "node:fs";
import type { Home } from "./home.ts";

/**
 * Tells every idle worker of this home to look for work. It is only a hint, so a failure is no error: workers
 * look by themselves every `poll_interval_ms`.
 */
export function wakeWorkers(home: Home): void {
  // No worker has ever started in this home: nobody is waiting for the touch, and to fail takes longer than to look.
  if (!existsSync(home.wakeFile)) return;
  try {
    const now = new Date();
    Deno.utimeSync(home.wakeFile, now, now);
  } catch {
    // The disk is read-only, say: nobody is waiting for the touch.
  }
}

/**
 * Calls `onWake` at each touch until the returned function is called. Where files can't be watched (the kernel
 * allows only so many watches), `onTrouble` is told why and the workers' own looking has to do.
 */
export function watchWakes(home: Home, onWake: () => void, onTrouble: (why: unknown) => void): () => void {
  let watcher: Deno.FsWatcher | null = null;
  let isClosed = false;
  const follow = async () => {
    Deno.openSync(home.wakeFile, { create: true, append: true, mode: 0o600 }).close();
    watcher = Deno.watchFs(home.wakeFile);
    for await (const _ of watcher) onWake();
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
