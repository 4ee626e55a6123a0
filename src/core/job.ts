/**
 * A job, in each of its states. The states and who moves a job out of them are in `lifecycle.ts`.
 */

/** The six states, in the order in which every listing shows them. */
export const JOB_STATES = ["pending", "processing", "completed", "failed", "dead", "cancelled"] as const;

/** The name of a state. */
export type JobState = typeof JOB_STATES[number];

/** The states that nothing but a user leaves. */
export const FINAL_STATES = ["completed", "dead", "cancelled"] as const satisfies readonly JobState[];

/** The queue of a job that names none. */
export const DEFAULT_QUEUE = "default";

/** What was asked for when the job was enqueued. Fixed from then on, but for `maxRetries` (see `retry`). */
export interface JobSpec {
  /** Chosen by the user or made up; unique in the store; 1 to 200 characters, no control characters. */
  readonly id: string;
  /** Given to `/bin/sh -c`; not empty, no NUL. */
  readonly command: string;
  readonly queue: string;
  /** 0 to 10; higher is claimed first. */
  readonly priority: number;
  /** How many attempts the job gets, at least 1. */
  readonly maxRetries: number;
  /** An attempt that takes longer has failed. 0 means no limit. */
  readonly timeoutMs: number;
  /** The delay after the nth failed attempt is `backoffBase ^ n` seconds. */
  readonly backoffBase: number;
  /** The absolute directory in which the command starts. */
  readonly cwd: string;
  /** Variables added to the worker's own. */
  readonly env: Readonly<Record<string, string>>;
}

/** A job that is about to be stored: what was asked for, and when it may be claimed (ms since the epoch). */
export interface NewJob extends JobSpec {
  readonly runAt: number;
}

/** What a job has in every state. */
export interface JobBase extends JobSpec {
  /** The order of arrival; given by the store and never used twice. */
  readonly seq: number;
  /** Attempts made in this round, with the one that is running. A manual retry starts a new round. */
  readonly attempts: number;
  /** How often a worker died under this job since the last manual retry. */
  readonly crashes: number;
  readonly createdAt: number;
  /** When the last transition happened. */
  readonly updatedAt: number;
}

/** A worker's hold on a job. Its lease is the worker's: it lasts while that worker gives signs of life. */
export interface Claim {
  readonly workerId: number;
  /** Proof of ownership: whoever ends the attempt must show it. Secret: it is never printed or logged. */
  readonly token: string;
  /** The row of the attempt, and a part of the cookie that its processes carry. */
  readonly attemptId: number;
  /** When the claim was made, in ms since the epoch. */
  readonly since: number;
}

/** Waits for its first attempt, or for `runAt`. A claim moves it on. */
export interface PendingJob extends JobBase {
  readonly state: "pending";
  readonly runAt: number;
}

/** A worker holds the claim. That worker moves it on; recovery does if the worker is dead. */
export interface ProcessingJob extends JobBase {
  readonly state: "processing";
  readonly claim: Claim;
  /** When a user asked to cancel it; null if nobody did. */
  readonly cancelRequestedAt: number | null;
}

/** Its last attempt exited 0. Final. */
export interface CompletedJob extends JobBase {
  readonly state: "completed";
  readonly finishedAt: number;
}

/** Its last attempt failed; it waits for `runAt`, the end of its backoff delay. A claim moves it on. */
export interface FailedJob extends JobBase {
  readonly state: "failed";
  readonly runAt: number;
  readonly lastError: string;
}

/** Out of attempts: in the dead letter queue. Final until `dlq retry`. */
export interface DeadJob extends JobBase {
  readonly state: "dead";
  readonly finishedAt: number;
  readonly lastError: string;
}

/** Withdrawn by a user. Final until `retry`. */
export interface CancelledJob extends JobBase {
  readonly state: "cancelled";
  readonly finishedAt: number;
}

/** A job in any state; `state` tells which fields it has. */
export type Job = PendingJob | ProcessingJob | CompletedJob | FailedJob | DeadJob | CancelledJob;

/** A job that nothing but a user moves on. */
export type FinalJob = CompletedJob | DeadJob | CancelledJob;

/** Whether nothing but a user moves `job` on. */
export function isFinal(job: Job): job is FinalJob {
  return (FINAL_STATES as readonly JobState[]).includes(job.state);
}

/** The fields that every state has, taken from `job`: what a transition starts from. */
export function baseOf(job: Job): JobBase {
  const { seq, id, command, queue, priority, maxRetries, timeoutMs, backoffBase, cwd, env } = job;
  const { attempts, crashes, createdAt, updatedAt } = job;
  return {
    ...{ seq, id, command, queue, priority, maxRetries, timeoutMs, backoffBase, cwd, env },
    ...{ attempts, crashes, createdAt, updatedAt },
  };
}
