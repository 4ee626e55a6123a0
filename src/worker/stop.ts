/**
 * Stopping workers from any terminal, and looking at them.
 */

import { notFound } from "../core/errors.ts";
import type { Store } from "../core/store.ts";
import type { JobAtHand, WorkerRecord, WorkerView } from "../core/worker_record.ts";
import type { Home } from "../home/home.ts";
import { livesOf, signalProcess } from "./process_probe.ts";
import { recover, workersThatAre } from "./recovery.ts";

/** How to stop, and whom to tell how it goes on. */
export interface StopOptions {
  readonly store: Store;
  readonly home: Home;
  /** Which workers; empty means all. */
  readonly ids: readonly number[];
  /** End the commands at once; their jobs go back to pending. */
  readonly force: boolean;
  /** After so long, force. Null: wait as long as it takes. */
  readonly timeoutMs: number | null;
  /** The time between TERM and KILL that the workers give their commands. */
  readonly graceMs: number;
  readonly now: () => number;
  /** Called with the workers that are waited for, first at once and then whenever something has changed. */
  readonly onWaiting: (views: readonly WorkerView[]) => void;
}

const LOOK_INTERVAL_MS = 50;
/** What a forced worker gets on top of the grace before it is killed itself. */
const FORCE_MARGIN_MS = 5000;

/** All registered workers. */
export async function viewWorkers(store: Store): Promise<WorkerView[]> {
  const workers = await store.workers();
  const lives = await livesOf(workers.map((worker) => worker.identity));
  const jobs = workers.length === 0 ? [] : await jobsAtHand(store);
  return workers.map((worker, index) => ({
    worker,
    life: lives[index]!,
    jobs: jobs.filter((job) => job.claim.workerId === worker.id),
  }));
}

async function jobsAtHand(store: Store): Promise<JobAtHand[]> {
  const jobs = await store.processing();
  const attempts = new Map((await store.runningAttempts()).map((attempt) => [attempt.id, attempt]));
  return jobs.map((job) => ({ ...job, progress: attempts.get(job.claim.attemptId)?.progress ?? null }));
}

/**
 * Asks workers to stop and waits until their processes are gone. Returns the workers that were stopped.
 * Throws `not_found` for an id that no living worker has.
 */
export async function stopWorkers(options: StopOptions): Promise<WorkerRecord[]> {
  const views = (await viewWorkers(options.store)).filter((view) => view.life === "alive");
  for (const id of options.ids) {
    if (!views.some((view) => view.worker.id === id)) {
      throw notFound(`There is no active worker ${id}`, "queuectl worker list");
    }
  }
  const chosen = views.filter((view) => options.ids.length === 0 || options.ids.includes(view.worker.id));
  const workers = chosen.map((view) => view.worker);
  if (workers.length === 0) return [];
  options.onWaiting(chosen);
  for (const { identity } of workers) signalProcess(identity.pid, options.force ? "SIGQUIT" : "SIGTERM");
  await waitWithDeadlines(workers, options);
  return workers;
}

async function waitWithDeadlines(workers: readonly WorkerRecord[], options: StopOptions): Promise<void> {
  const startedAt = performance.now();
  const forceAtMs = options.force ? 0 : options.timeoutMs ?? Infinity;
  const killAtMs = forceAtMs + options.graceMs + FORCE_MARGIN_MS;
  let isForced = options.force;
  let isKilled = false;
  let waitedFor = workers.length;
  while (true) {
    const left = await workersThatAre("alive", workers);
    if (left.length === 0) break;
    const elapsedMs = performance.now() - startedAt;
    if (!isForced && elapsedMs >= forceAtMs) {
      isForced = true;
      for (const { identity } of left) signalProcess(identity.pid, "SIGQUIT");
    }
    if (!isKilled && elapsedMs >= killAtMs) {
      isKilled = true; // a worker that doesn't even react to that is stopped or stuck
      for (const { identity } of left) signalProcess(identity.pid, "SIGKILL");
    }
    if (left.length !== waitedFor) {
      waitedFor = left.length;
      const ids = new Set(left.map((worker) => worker.id));
      options.onWaiting((await viewWorkers(options.store)).filter((view) => ids.has(view.worker.id)));
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL_MS));
  }
  await recoverKilled(workers, options);
}

/** Those that ended in good order have unregistered themselves; the others had to be killed. */
async function recoverKilled(workers: readonly WorkerRecord[], options: StopOptions): Promise<void> {
  const registered = new Set((await options.store.workers()).map((worker) => worker.id));
  const left = workers.filter(({ id }) => registered.has(id));
  for (const worker of await workersThatAre("dead", left)) {
    await recover(worker, { ...options, log: () => {} });
  }
}
