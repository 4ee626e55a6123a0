/**
 * The lock that a worker holds for as long as it lives.
 *
 * The kernel gives it up when the process ends, however it ends, so whoever waits for it learns of a death at
 * once and without polling. Commands don't inherit it.
 */

import { basename, join } from "node:path";
import type { Home } from "../home/home.ts";
import { removeIfThere } from "../home/output_files.ts";

/** A lock that this process holds until it is released or the process ends. */
export interface HeldLock {
  readonly name: string;
  /** Gives the lock up and removes its file. */
  release(): void;
}

/** Takes a lock of a new name. */
export function takeNewLock(home: Home): HeldLock {
  const name = `worker-${crypto.randomUUID()}.lock`;
  const path = join(home.runDir, name);
  const file = Deno.openSync(path, { createNew: true, write: true, mode: 0o600 });
  file.lockSync(true);
  return heldLock(path, file);
}

/**
 * Waits until the lock can be had: its holder is gone. The caller holds the lock then and must release it. Null
 * at once if the file is gone, which proves nothing. The wait can't be called off, and it occupies one of the
 * few threads that Deno has for files.
 */
export async function waitForLock(home: Home, name: string): Promise<HeldLock | null> {
  const path = join(home.runDir, name);
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { write: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  await file.lock(true);
  return heldLock(path, file);
}

function heldLock(path: string, file: Deno.FsFile): HeldLock {
  return {
    name: basename(path),
    release() {
      removeIfThere(path);
      file.close();
    },
  };
}
