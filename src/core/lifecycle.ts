/**
 * What happens to a job, and when: the only place that decides what a job becomes.
 *
 * A job is enqueued `pending`. A worker **claims** it (`processing`, one attempt more). Then
 *
 * - the command exits 0: **succeed** makes it `completed`;
 * - it exits otherwise, is ended by a signal or its timeout, or can't be started: **fail** makes it `failed`,
 *   to be claimed again after its backoff delay, or `dead` if that was its last attempt: it is then in the
 *   dead letter queue until a user retries it;
 * - its worker is told to stop at once: **release** makes it `pending` again; the attempt doesn't count;
 * - its worker dies: **lose**, called by the worker that proved the death, does the same, but after
 *   `CRASH_LIMIT` such deaths the job is `dead`: it may be what kills the workers;
 * - a user cancels it: **requestCancel** makes a waiting job `cancelled` at once and leaves a mark on a
 *   processing one; its worker ends the command and **cancel** makes it `cancelled`. Once marked, a job is
 *   never run again, whatever else happens to its attempt; if it succeeds first, it has `completed`.
 *
 * A user's **retry** makes a `failed`, `dead`, `cancelled` or `completed` job `pending`, in a new round.
 *
 * Each function is pure: the job before, what happened, the time in ms since the epoch → the job after.
 * `transition` does the same for an event that is a value, such as one read back from the events log.
 * Called on a state in which the event can't happen, they throw a `QueueError` with code `conflict`.
 */

import type { AttemptEnd } from "./attempt.ts";
import { backoffMs } from "./backoff.ts";
import { conflict } from "./errors.ts";
import {
  baseOf,
  type CancelledJob,
  type Claim,
  type CompletedJob,
  type DeadJob,
  type FailedJob,
  type Job,
  type JobState,
  type NewJob,
  type PendingJob,
  type ProcessingJob,
} from "./job.ts";
import { callFor } from "./shell_words.ts";

/** A job whose worker died under it this many times in one round is dead. */
export const CRASH_LIMIT = 3;

/** The states out of which a user may retry a job. */
export const RETRIED_FROM = [
  "failed",
  "dead",
  "cancelled",
  "completed",
] as const satisfies readonly JobState[];
/** The states out of which a user may cancel a job. */
export const CANCELLED_FROM = ["pending", "failed", "processing"] as const satisfies readonly JobState[];

/** Everything that can happen to a stored job; the events log keeps these (but for the claim's token). */
export type LifecycleEvent =
  | { readonly type: "claimed"; readonly claim: Claim }
  | { readonly type: "ended"; readonly end: AttemptEnd; readonly maxBackoffMs: number }
  | { readonly type: "cancel_requested" }
  | { readonly type: "clock_set_back" }
  | { readonly type: "retried"; readonly keepAttempts: boolean };

/** The job as it is stored first. `seq` is its place in the order of arrival. */
export function enqueue(job: NewJob, seq: number, now: number): PendingJob {
  return { ...job, seq, attempts: 0, crashes: 0, createdAt: now, updatedAt: now, state: "pending" };
}

/** A worker takes a waiting job: the attempt that now begins counts. */
export function claim(job: Job, claim: Claim, now: number): ProcessingJob {
  if (job.state !== "pending" && job.state !== "failed") {
    throw wrongState("claim", job, ["pending", "failed"]);
  }
  return {
    ...baseOf(job),
    attempts: job.attempts + 1,
    updatedAt: now,
    state: "processing",
    claim,
    cancelRequestedAt: null,
  };
}

/** The attempt ended: dispatches on how. */
export function end(job: Job, end: AttemptEnd, maxBackoffMs: number, now: number): Job {
  if (job.state !== "processing") throw wrongState("end an attempt of", job, ["processing"]);
  switch (end.outcome) {
    case "succeeded":
      return succeed(job, now);
    case "failed":
    case "timed_out":
      return fail(job, { error: end.error ?? end.outcome, maxBackoffMs }, now);
    case "cancelled":
      return cancel(job, now);
    case "released":
      return release(job, now);
    case "lost":
      return lose(job, now);
  }
}

/** The command exited 0. */
function succeed(job: ProcessingJob, now: number): CompletedJob {
  return { ...baseOf(job), updatedAt: now, state: "completed", finishedAt: now };
}

/** The attempt failed: another one after the backoff delay, unless this was the last or nobody wants it. */
function fail(
  job: ProcessingJob,
  failure: { error: string; maxBackoffMs: number },
  now: number,
): FailedJob | DeadJob | CancelledJob {
  if (job.cancelRequestedAt !== null) return cancel(job, now);
  const base = { ...baseOf(job), updatedAt: now, lastError: failure.error };
  if (job.attempts >= job.maxRetries) return { ...base, state: "dead", finishedAt: now };
  const delayMs = backoffMs(job.backoffBase, job.attempts, failure.maxBackoffMs);
  return { ...base, state: "failed", runAt: now + delayMs };
}

/** The worker gives the job back unfinished, because it was told to stop: the attempt doesn't count. */
function release(job: ProcessingJob, now: number): PendingJob | CancelledJob {
  if (job.cancelRequestedAt !== null) return cancel(job, now);
  return { ...baseOf(job), attempts: job.attempts - 1, updatedAt: now, state: "pending", runAt: now };
}

/** The worker died: the attempt doesn't count, but a job under which workers keep dying goes to the DLQ. */
function lose(job: ProcessingJob, now: number): PendingJob | DeadJob | CancelledJob {
  if (job.cancelRequestedAt !== null) return cancel(job, now);
  const crashes = job.crashes + 1;
  const base = { ...baseOf(job), attempts: job.attempts - 1, crashes, updatedAt: now };
  if (crashes < CRASH_LIMIT) return { ...base, state: "pending", runAt: now };
  return { ...base, state: "dead", finishedAt: now, lastError: `its worker died under it ${crashes} times` };
}

/** The command was ended because the user cancelled the job. */
function cancel(job: Job, now: number): CancelledJob {
  return { ...baseOf(job), updatedAt: now, state: "cancelled", finishedAt: now };
}

/** A user withdraws the job. A processing one is only marked; asking twice changes nothing. */
export function requestCancel(job: Job, now: number): CancelledJob | ProcessingJob {
  switch (job.state) {
    case "pending":
    case "failed":
      return cancel(job, now);
    case "processing":
      return job.cancelRequestedAt !== null ? job : { ...job, updatedAt: now, cancelRequestedAt: now };
    default:
      throw wrongState("cancel", job, CANCELLED_FROM);
  }
}

/**
 * A user wants the job to run again, now. A new round begins with attempts 0; with `keepAttempts` the count
 * goes on instead, and a job that has used up its attempts is granted one more.
 */
export function retry(job: Job, options: { keepAttempts: boolean }, now: number): PendingJob {
  if (job.state === "pending" || job.state === "processing") {
    throw wrongState("retry", job, RETRIED_FROM);
  }
  const base = { ...baseOf(job), crashes: 0, updatedAt: now, state: "pending", runAt: now } as const;
  if (!options.keepAttempts) return { ...base, attempts: 0 };
  return { ...base, maxRetries: Math.max(job.maxRetries, job.attempts + 1) };
}

/**
 * The clock was set back to a time before the job failed. A backoff delay is a length of time and no time of
 * day: it begins again, or the job would wait for as long as the clock was set back.
 */
export function shiftDelay(job: Job, now: number): FailedJob {
  if (job.state !== "failed") throw wrongState("shift the delay of", job, ["failed"]);
  return { ...job, updatedAt: now, runAt: now + (job.runAt - job.updatedAt) };
}

/** The job after `event`: what the store writes, and what a replay of the log must give again. */
export function transition(job: Job, event: LifecycleEvent, now: number): Job {
  switch (event.type) {
    case "claimed":
      return claim(job, event.claim, now);
    case "ended":
      return end(job, event.end, event.maxBackoffMs, now);
    case "cancel_requested":
      return requestCancel(job, now);
    case "clock_set_back":
      return shiftDelay(job, now);
    case "retried":
      return retry(job, event, now);
  }
}

function wrongState(verb: string, job: Job, wanted: readonly JobState[]) {
  return conflict(
    `Cannot ${verb} ${job.id}: it is ${job.state}, not ${wanted.join(", ").replace(/, ([^,]+)$/, " or $1")}`,
    callFor("status", job.id),
  );
}
