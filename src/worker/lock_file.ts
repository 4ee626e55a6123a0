/**
 * The lock that a worker holds for as long as it lives.
 *
 * The kernel gives it up when the process ends, however it ends, so whoever waits for it learns of a death at
 * once and without polling. Commands don't inherit it.
 */

import { join } from "node:path";
import type { Home } from "../home/home.ts";
import { removeIfThere } from "../home/output_files.ts";

/** A lock that this process holds until it is released or the process ends. */
export interface HeldLock {
  /** Gives the lock up. The one who took it first removes its file as well. */
  release(): void;
}

/** A name for a lock that nobody else has. */
export function newLockName(): string {
  return `worker-${crypto.randomUUID()}.lock`;
}

/** Takes the lock of a name that nobody else has. */
export function takeLock(home: Home, name: string): HeldLock {
  const path = join(home.runDir, name);
  const file = Deno.openSync(path, { create: true, write: true, mode: 0o600 });
  file.lockSync(true);
  return {
    release() {
      removeIfThere(path);
      file.close();
    },
  };
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
  return { release: () => file.close() };
}
