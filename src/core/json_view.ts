/**
 * Jobs, attempts and workers as JSON for scripts: keys in `snake_case` as in the input, times in ISO 8601 UTC,
 * lengths of time in seconds. A claim's token is never in it.
 */

import type { Attempt } from "./attempt.ts";
import type { Job } from "./job.ts";
import type { Progress } from "./progress.ts";
import type { JobCounts } from "./store.ts";
import type { WorkerView } from "./worker_record.ts";

/** What `JSON.stringify` takes. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** A job in full. Keys that its state doesn't have are null, so that every job has the same keys. */
export function jobJson(job: Job): { readonly [key: string]: Json } {
  return {
    id: job.id,
    command: job.command,
    state: job.state,
    attempts: job.attempts,
    max_retries: job.maxRetries,
    priority: job.priority,
    queue: job.queue,
    timeout: job.timeoutMs / 1000,
    backoff_base: job.backoffBase,
    cwd: job.cwd,
    env: job.env,
    created_at: iso(job.createdAt),
    updated_at: iso(job.updatedAt),
    run_at: "runAt" in job ? iso(job.runAt) : null,
    started_at: job.state === "processing" ? iso(job.claim.since) : null,
    finished_at: "finishedAt" in job ? iso(job.finishedAt) : null,
    worker: job.state === "processing" ? job.claim.workerId : null,
    cancel_requested: job.state === "processing" && job.cancelRequestedAt !== null,
    last_error: "lastError" in job ? job.lastError : null,
  };
}

/** An attempt in full. */
export function attemptJson(attempt: Attempt): { readonly [key: string]: Json } {
  const hasEnded = attempt.outcome !== null;
  return {
    job: attempt.jobId,
    attempt: attempt.number,
    worker: attempt.workerId,
    outcome: attempt.outcome ?? "running",
    exit_code: hasEnded ? attempt.exitCode : null,
    signal: hasEnded ? attempt.signal : null,
    error: hasEnded ? attempt.error : null,
    started_at: iso(attempt.startedAt),
    finished_at: hasEnded ? iso(attempt.finishedAt) : null,
    progress: progressJson(attempt.progress),
    duration_seconds: hasEnded ? (attempt.finishedAt - attempt.startedAt) / 1000 : null,
  };
}

function progressJson(progress: Progress | null): Json {
  return progress === null ? null : { percent: progress.percent, text: progress.text };
}

/** A worker and the jobs at hand. */
export function workerJson({ worker, life, jobs }: WorkerView): { readonly [key: string]: Json } {
  return {
    id: worker.id,
    pid: worker.identity.pid,
    state: workerState({ worker, life, jobs }),
    slots: worker.slots,
    queues: worker.queues,
    jobs: jobs.map((job) => ({
      id: job.id,
      since: iso(job.claim.since),
      progress: progressJson(job.progress),
    })),
    jobs_done: worker.jobsSucceeded,
    jobs_failed: worker.jobsFailed,
    started_at: iso(worker.startedAt),
    heartbeat_at: iso(worker.heartbeatAt),
  };
}

/** What a worker is doing, in a word. A dead one waits for another worker to give its jobs back. */
export function workerState({ worker, life, jobs }: WorkerView): "dead" | "stopping" | "busy" | "idle" {
  if (life === "dead") return "dead";
  if (worker.stopping) return "stopping";
  return jobs.length > 0 ? "busy" : "idle";
}

/** Workers and jobs by state. */
export function statusJson(
  workers: readonly WorkerView[],
  counts: JobCounts,
): { readonly [key: string]: Json } {
  return {
    active_workers: workers.filter((view) => view.life !== "dead").length,
    workers: workers.map(workerJson),
    jobs: { ...counts, total: totalOf(counts) },
  };
}

/** The number of jobs in all states. */
export function totalOf(counts: JobCounts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
