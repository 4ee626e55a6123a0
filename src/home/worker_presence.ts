/**
 * Whether somebody is there to run a job, asked so cheaply that `enqueue` can afford it.
 */

import { join } from "node:path";
import type { WorkerRecord } from "../core/worker_record.ts";
import type { Home } from "./home.ts";

/**
 * Whether a registered worker's process seems to be there. It is no proof in either direction, as a pid may have
 * been given to another process: enough for a hint, too little for giving a worker's jobs back.
 */
export function seemsPresent(home: Home, worker: WorkerRecord): boolean {
  return isLockHeld(join(home.runDir, worker.lockName)) ?? processExists(worker.identity.pid);
}

/** Whether another process holds the lock on a file; null where that can't be told without waiting for it. */
function isLockHeld(path: string): boolean | null {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path);
  } catch {
    return null; // its worker has ended, or belongs to another home over the same store
  }
  try {
    // Deno 2.4 can't try a lock.
    const { tryLockSync } = file as { tryLockSync?: (exclusive: boolean) => boolean };
    return tryLockSync === undefined ? null : !tryLockSync.call(file, false);
  } catch {
    return null;
  } finally {
    file.close();
  }
}

function processExists(pid: number): boolean {
  try {
    // `node:process` is loaded anew, for 0.3 ms, with each module that imports it while the program runs.
    // deno-lint-ignore no-process-global
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}
