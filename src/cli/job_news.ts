/**
 * What is told on stderr about a job that somebody waits for, when it happens.
 */

import { formatDuration } from "../core/duration.ts";
import type { FinalJob } from "../core/job.ts";
import { printableLine } from "../core/printable.ts";

/** A line that tells `what` about the job with this id. */
export function jobNews(id: string, what: string): string {
  return `queuectl: job ${printableLine(id)}: ${what}`;
}

/** An attempt that failed though it wasn't the job's last one. */
export interface FailedAttempt {
  readonly number: number;
  readonly maxRetries: number;
  /** Null: nobody knows why. */
  readonly error: string | null;
  /** When the next attempt is due, in ms since the epoch; null if it has begun already. */
  readonly nextAt: number | null;
}

/** `attempt 1/3 failed (exited with 2); the next one in 2s`. */
export function retryText({ number, maxRetries, error, nextAt }: FailedAttempt): string {
  const why = error === null ? "" : ` (${printableLine(error)})`;
  const delayMs = nextAt === null ? 0 : Math.max(0, nextAt - Date.now());
  const next = delayMs === 0 ? "now" : `in ${formatDuration(Math.ceil(delayMs / 100) * 100)}`;
  return `attempt ${number}/${maxRetries} failed${why}; the next one ${next}`;
}

/** `out of attempts (3/3): exited with 2`, or `cancelled`; null for a job that completed, which is no news. */
export function failureText(
  job: {
    readonly state: FinalJob["state"];
    readonly attempts: number;
    readonly maxRetries: number;
    /** Null unless it is dead. */
    readonly lastError: string | null;
  },
): string | null {
  if (job.state === "completed") return null;
  if (job.state === "cancelled") return "cancelled";
  return `out of attempts (${job.attempts}/${job.maxRetries}): ${printableLine(job.lastError ?? "")}`;
}
