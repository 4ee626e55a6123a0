/**
 * An attempt: one execution of a job.
 */

import type { Progress } from "./progress.ts";

/**
 * How an attempt ended.
 * - `succeeded`: the command exited 0
 * - `failed`: it exited otherwise, died by a signal, or couldn't be started
 * - `timed_out`: it took longer than the job's timeout and was ended; counts as a failure
 * - `cancelled`: a user cancelled the job and the command was ended
 * - `released`: its worker was told to stop at once; costs the job no attempt
 * - `lost`: its worker died; costs the job no attempt, but counts towards `CRASH_LIMIT`
 */
export const OUTCOMES = ["succeeded", "failed", "timed_out", "cancelled", "released", "lost"] as const;

/** The name of an outcome. */
export type Outcome = typeof OUTCOMES[number];

/** The end of an attempt, as the worker saw it. */
export interface AttemptEnd {
  readonly outcome: Outcome;
  /** What the command exited with; null if it didn't exit by itself. */
  readonly exitCode: number | null;
  /** The signal that ended it, as in `SIGKILL`; null if none did. */
  readonly signal: string | null;
  /** Why it didn't succeed, as a phrase for people; null if it did. */
  readonly error: string | null;
}

interface AttemptBase {
  /** Given by the store, never used twice; names the output files. */
  readonly id: number;
  readonly jobSeq: number;
  readonly jobId: string;
  /** Counted from 1 in each round. An attempt that was released or lost gives its number to the next one. */
  readonly number: number;
  readonly workerId: number;
  readonly startedAt: number;
  /** How far its command said it has come, which stays when the attempt has ended; null if it never said. */
  readonly progress: Progress | null;
}

/** An attempt that has not ended. */
export interface RunningAttempt extends AttemptBase {
  readonly outcome: null;
}

/** An attempt that has ended. */
export interface EndedAttempt extends AttemptBase, AttemptEnd {
  readonly finishedAt: number;
}

/** One execution of a job; `outcome` is null while it runs. */
export type Attempt = RunningAttempt | EndedAttempt;
