/**
 * Bringing a store to a newer schema is nothing to be done under workers that know only the older one.
 */

import { storeError } from "../core/errors.ts";
import type { RegisteredWorker } from "../core/worker_record.ts";
import type { Home } from "../home/home.ts";
import { waitForLock } from "./lock_file.ts";
import { livesOf } from "./process_probe.ts";

/** Who is gone gives its lock up at once; who hasn't by then is there. */
const MAX_LOCK_WAIT_MS = 500;

/** Throws a `store` error if one of the workers is running; those that have died are no hindrance. */
export async function refuseWhileTheyWork(
  home: Home,
  registered: readonly RegisteredWorker[],
): Promise<void> {
  const lives = await livesOf(registered.map(({ identity }) => identity));
  const here = registered.filter((_, index) => lives[index] === "alive");
  // Of a process in another container the lock is all that can be seen.
  const unseen = registered.filter((_, index) => lives[index] === "elsewhere");
  const areLocked = await Promise.all(unseen.map((worker) => isLockHeld(home, worker)));
  const elsewhere = unseen.filter((_, index) => areLocked[index]);
  const running = [...here, ...elsewhere];
  if (running.length === 0) return;
  const pids = here.map(({ identity }) => identity.pid);
  const ways = [
    ...(pids.length > 0 ? [`kill ${pids.join(" ")}`] : []),
    ...(elsewhere.length > 0 ? [`stopping worker ${namesOf(elsewhere)} in its container`] : []),
  ];
  throw storeError(
    `Cannot use ${home.dbPath} yet: this version changes its form, and worker ${
      namesOf(running)
    } of an older one is running`,
    `${ways.join(" and ")}, and this again once the jobs that run have ended`,
  );
}

/** The wait for a lock that is held goes on until this process ends, which it does then. */
async function isLockHeld(home: Home, { lockName }: RegisteredWorker): Promise<boolean> {
  const tooLong = Promise.withResolvers<"held">();
  const timer = setTimeout(() => tooLong.resolve("held"), MAX_LOCK_WAIT_MS);
  const lock = await Promise.race([waitForLock(home, lockName), tooLong.promise]);
  clearTimeout(timer);
  if (lock === "held") return true;
  lock?.release();
  return false;
}

function namesOf(workers: readonly RegisteredWorker[]): string {
  return workers.map(({ id }) => id).join(", ");
}
