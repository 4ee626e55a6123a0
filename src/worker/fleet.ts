/**
 * Workers that belong to the command that started them: it can stop them, and they end with it.
 */

import type { WorkerRecord } from "../core/worker_record.ts";
import { CERTAIN_LOOKS, killStrays } from "./ladder.ts";
import { type LaunchOptions, spawnWorker, untilRegistered } from "./launch.ts";
import { newLockName } from "./lock_file.ts";
import { Worker } from "./worker.ts";

/** Workers of one command. */
export interface Fleet {
  readonly workers: readonly WorkerRecord[];
  /** They claim nothing more, and end when what they run has ended. */
  stop(): void;
  /** They end what they run by the ladder, and give it back. */
  forceStop(): void;
  /** Settles when all have ended: whether all did so in good order. */
  readonly ended: Promise<boolean>;
}

/**
 * Starts workers and returns once each has registered itself. A single one works in this process, which moves
 * to the home's folder for that; several are children that end when this process does, however it ends.
 */
export function startFleet(options: LaunchOptions): Promise<Fleet> {
  return options.count === 1 ? startHere(options) : startChildren(options);
}

/** Kills at once whatever still carries the cookie of an attempt. */
export async function killAttempt(storeUid: string, attemptId: number): Promise<void> {
  await killStrays(storeUid, (carrier) => carrier.attemptId === attemptId, CERTAIN_LOOKS);
}

async function startHere(options: LaunchOptions): Promise<Fleet> {
  const { store, home, concurrency: slots, queues, goal } = options;
  Deno.chdir(home.dir); // the folder in which it was started may be deleted, or unmounted
  const worker = await Worker.start({
    ...{ store, home, slots, queues, isEchoed: false, lockName: newLockName() },
    ...(goal === undefined ? {} : { goal }),
  });
  return {
    workers: [worker.record],
    stop: () => worker.stop(),
    forceStop: () => worker.forceStop(),
    ended: worker.run().then(() => true),
  };
}

async function startChildren(options: LaunchOptions): Promise<Fleet> {
  const processes = Array.from({ length: options.count }, () => spawnWorker(options, "fleet"));
  const pass = (signal: Deno.Signal) => {
    for (const { child } of processes) {
      try {
        child.kill(signal);
      } catch {
        // It has ended already.
      }
    }
  };
  const ended = Promise.all(processes.map(({ child }) => child.status))
    .then((ends) => ends.every((end) => end.success));
  try {
    const workers = await Promise.all(processes.map((process) => untilRegistered(process, options.store)));
    return { workers, stop: () => pass("SIGTERM"), forceStop: () => pass("SIGQUIT"), ended };
  } catch (error) {
    pass("SIGQUIT");
    await ended;
    throw error;
  }
}
