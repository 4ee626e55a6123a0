/**
 * What happens after a worker has died: what is left of its commands is killed, and only then its jobs are
 * given back.
 */

import { join } from "node:path";
import type { Job } from "../core/job.ts";
import type { Store } from "../core/store.ts";
import type { Life, WorkerRecord } from "../core/worker_record.ts";
import type { Home } from "../home/home.ts";
import { removeIfThere } from "../home/output_files.ts";
import { wakeWorkers } from "../home/wake.ts";
import { scriptPath } from "./command.ts";
import { CERTAIN_LOOKS, killStrays } from "./ladder.ts";
import { type CookieCarrier, livesOf } from "./process_probe.ts";

/** Where recovery works, and whom it tells. */
export interface RecoveryPlace {
  readonly store: Store;
  readonly home: Home;
  readonly now: () => number;
  readonly log: (line: string) => void;
}

/** The workers among `workers` of whose processes this can be said. */
export async function workersThatAre(life: Life, workers: readonly WorkerRecord[]): Promise<WorkerRecord[]> {
  const lives = await livesOf(workers.map((worker) => worker.identity));
  return workers.filter((_, index) => lives[index] === life);
}

/**
 * Gives back the jobs of a worker that is proved dead. Safe to call from several processes at once: the first
 * does it. Returns the jobs as they are now; null if somebody else was faster.
 */
export async function recover(worker: WorkerRecord, place: RecoveryPlace): Promise<Job[] | null> {
  const { store, home, now, log } = place;
  // What no living worker holds is killed, so also what an ended attempt of the dead one had left running. An
  // attempt that begins meanwhile has a higher number than the newest one now.
  const newest = (await store.recentAttempts(1)).at(-1)?.id ?? 0;
  const processing = await store.processing();
  const kept = new Set(
    processing.filter((job) => job.claim.workerId !== worker.id).map((job) => job.claim.attemptId),
  );
  const isStray = ({ attemptId, workerId }: CookieCarrier) =>
    attemptId === null ? workerId === worker.id : attemptId <= newest && !kept.has(attemptId);
  const killed = await killStrays(store.uid, isStray, CERTAIN_LOOKS);
  const jobs = await store.recoverWorker(worker.id, now());
  if (jobs === null) return null;
  removeIfThere(join(home.runDir, worker.lockName));
  for (const job of processing) {
    if (job.claim.workerId === worker.id) removeIfThere(scriptPath(home, job.claim.attemptId));
  }
  const given = jobs.map((job) => `${job.id} is ${job.state}`).join(", ");
  log(
    `worker ${worker.id} (pid ${worker.identity.pid}) has died: killed ${killed} of its processes; ${
      given || "it had no job"
    }`,
  );
  wakeWorkers(home);
  return jobs;
}
