/**
 * Everything at a glance, at a cost that doesn't grow with the number of jobs.
 */

import { JOB_STATES, type JobState } from "../core/job.ts";
import { totalOf, workerJson } from "../core/json_view.ts";
import type { JobCounts, Store } from "../core/store.ts";
import type { WorkerView } from "../core/worker_record.ts";
import { iso, type JsonObject, summaryJson } from "./views.ts";

/** The time over which changes are told. */
const CHANGE_MS = 60_000;
/** An overview is good for that long: many askers cost what one does. */
const FRESH_MS = 250;
const MAX_QUEUES = 50;
const MAX_SCHEDULED = 10;
const MAX_RUNNING = 100;

/** What the overview is made of. */
export interface OverviewSources {
  readonly store: Store;
  readonly workers: () => Promise<WorkerView[]>;
  readonly now: () => number;
}

/** Makes overviews, and remembers the counts of the last minute. */
export class Overview {
  readonly #sources: OverviewSources;
  readonly #samples: { readonly at: number; readonly counts: JobCounts }[] = [];
  #last: { readonly atMs: number; readonly made: Promise<JsonObject> } | null = null;

  constructor(sources: OverviewSources) {
    this.#sources = sources;
  }

  /** Notes the counts as they are now, for what has changed since. To be called about every second. */
  async sample(): Promise<void> {
    const counts = await this.#sources.store.counts();
    this.#samples.push({ at: this.#sources.now(), counts });
    // The last one older than a minute is what the others are compared with.
    while (this.#samples.length > 1 && this.#samples[1]!.at <= this.#sources.now() - CHANGE_MS) {
      this.#samples.shift();
    }
  }

  /** The overview; an earlier one if it is hardly older than that. */
  current(): Promise<JsonObject> {
    const nowMs = performance.now();
    if (this.#last === null || nowMs - this.#last.atMs > FRESH_MS) {
      const made = this.#make();
      this.#last = { atMs: nowMs, made };
      made.catch(() => this.#last = null);
    }
    return this.#last.made;
  }

  async #make(): Promise<JsonObject> {
    const { store, now } = this.#sources;
    const at = now();
    const [counts, workers, oldestReadyAt, scheduled, running] = [
      await store.counts(),
      await this.#sources.workers(),
      await store.reports.oldestReadyAt(null, at),
      await store.reports.dueLater(at, MAX_SCHEDULED),
      await store.reports.running(MAX_RUNNING),
    ];
    return {
      now: iso(at),
      counts: { ...counts, total: totalOf(counts) },
      change: this.#change(counts, at),
      workers: workers.map(workerJson),
      ...await queuesJson(store, at),
      oldest_ready_at: iso(oldestReadyAt),
      scheduled: scheduled.map(summaryJson),
      running: running.map((job) => ({
        job: job.id,
        command: job.command,
        worker: job.workerId,
        attempt_id: job.attemptId,
        since: iso(job.claimedAt),
        progress: job.progress === null ? null : { ...job.progress },
      })),
    };
  }

  #change(counts: JobCounts, at: number): JsonObject {
    const before = this.#samples[0] ?? { at, counts };
    const seconds = Math.min(CHANGE_MS, Math.max(0, at - before.at)) / 1000;
    const byState = JOB_STATES.map((state: JobState) => [state, counts[state] - before.counts[state]]);
    return {
      seconds: Math.round(seconds),
      ...Object.fromEntries(byState),
      total: totalOf(counts) - totalOf(before.counts),
    };
  }
}

/** The fullest queues with what waits in them, and how many are left out. */
export async function queuesJson(store: Store, now: number): Promise<JsonObject> {
  const { queues, total } = await store.reports.queueDepths(MAX_QUEUES);
  const told = [];
  for (const { queue, counts } of queues) {
    const { pending, processing, failed } = counts;
    const oldest = pending + failed === 0 ? null : await store.reports.oldestReadyAt(queue, now);
    told.push({ queue, pending, processing, failed, oldest_ready_at: iso(oldest) });
  }
  return { queues: told, more_queues: total - queues.length };
}
