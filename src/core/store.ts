/**
 * Where jobs live: the one seam between the queue and a database.
 *
 * Rules for every store:
 * - each method is atomic: all of it happens or nothing;
 * - what a method has acknowledged survives a crash of the program, and of the machine where the store was
 *   opened for users (`durability: "full"`);
 * - a store decides *which* job a call is about and whether the caller still owns it; *what becomes of it* is
 *   decided by `lifecycle.ts`, which every store calls;
 * - every transition is written to the events log together with the job;
 * - times are ms since the epoch and come from the caller;
 * - a store that can't be used throws a `QueueError` with code `store`. One that is only locked for a while
 *   waits without blocking the program's timers.
 */

import type { Attempt, AttemptEnd, RunningAttempt } from "./attempt.ts";
import type { Backlog } from "./backlog.ts";
import type { ConfigKey, SchedulingMode } from "./config.ts";
import type { LogEntry } from "./event.ts";
import type { Claim, Job, JobState, NewJob, PendingJob, ProcessingJob } from "./job.ts";
import type { JobIds } from "./job_ids.ts";
import type { LifecycleEvent } from "./lifecycle.ts";
import type { Progress } from "./progress.ts";
import type { StoreReports } from "./reports.ts";
import type { NewWorker, WorkerRecord } from "./worker_record.ts";

/** The number of jobs in each state. */
export type JobCounts = Record<JobState, number>;

/** Who claims, and from where. */
export interface ClaimRequest {
  readonly workerId: number;
  /** The queues to look in; empty means all. */
  readonly queues: readonly string[];
  readonly mode: SchedulingMode;
  /** The only job that is wanted, of one of `queues`; any if absent. */
  readonly jobSeq?: number;
  /** The secret that the worker will show when it ends the attempt. */
  readonly token: string;
}

/** The attempt that is ended, and the proof that the caller owns it. */
export interface ClaimRef {
  readonly jobSeq: number;
  readonly attemptId: number;
  readonly token: string;
}

/** How an attempt ended, and the proof that the caller owns it. */
export interface EndedAttempt {
  readonly ref: ClaimRef;
  readonly end: AttemptEnd;
}

/** How attempts are ended and what is taken with it. */
export interface TurnoverPlan {
  readonly now: number;
  /** Caps the delay before an attempt's job is tried again. */
  readonly maxBackoffMs: number;
  readonly next: readonly ClaimRequest[];
}

/** Which jobs a listing shows; what is absent doesn't restrict. */
export interface JobFilter {
  readonly ids?: readonly string[];
  readonly states?: readonly JobState[];
  readonly queue?: string;
  /** Jobs whose id or command contains this, whatever the case of ASCII letters. */
  readonly search?: string;
  /** Only jobs whose last transition was before this time. */
  readonly updatedBefore?: number;
  /** Only jobs that arrived after the job with this `seq`: the way to the next page. */
  readonly afterSeq?: number;
  readonly limit?: number;
}

/** A user's wish, which `lifecycle.ts` grants or refuses. */
export type UserEvent = Extract<LifecycleEvent, { type: "cancel_requested" | "retried" }>;

/** A job that is gone. */
export interface DeletedJob {
  readonly id: string;
  readonly seq: number;
}

/** The output of one attempt. */
export interface OutputRef {
  readonly jobSeq: number;
  readonly attemptId: number;
}

/** The jobs, their attempts and events, the workers and the configuration. */
export interface Store {
  /** Unlike that of any other store; makes attempt cookies unique on a machine. */
  readonly uid: string;

  /** What is still to be done. */
  readonly backlog: Backlog;

  /** Looks at the jobs' ids. */
  readonly ids: JobIds;

  /** Views for dashboards. */
  readonly reports: StoreReports;

  /**
   * Stores all of `jobs`, in this order, or none. Returns them as stored.
   * Throws `DuplicateIdError` for the first whose id is taken, by a stored job or an earlier one of `jobs`.
   * `onStored` is told now and then how many are done.
   */
  enqueue(
    jobs: readonly NewJob[],
    now: number,
    options?: { readonly onStored?: (count: number) => void },
  ): Promise<PendingJob[]>;

  /** Takes the job that is next in line for this worker and begins an attempt; null if none is ready. */
  claim(request: ClaimRequest, now: number): Promise<ProcessingJob | null>;

  /**
   * Notes how far a running attempt has come. False if it isn't running (any more): then nothing has changed.
   * Told to the log only when it is something new, in place of what the attempt told there before.
   */
  setProgress(attemptId: number, progress: Progress, now: number): Promise<boolean>;

  /**
   * Ends attempts and then takes a job for each request of `next`, for a worker that has a backlog: one commit for
   * all of it. Returns the jobs of the attempts as they are now, null where the claim was lost, and the jobs taken,
   * in the order of the requests. Those may be fewer although there are ready jobs: then `claim` finds them.
   * `planFor` is asked within that transaction, and perhaps before, with the settings as they are then.
   */
  endAttemptsAndClaim(
    ends: readonly EndedAttempt[],
    planFor: (settings: ReadonlyMap<ConfigKey, string>) => TurnoverPlan,
  ): Promise<{ ended: (Job | null)[]; next: ProcessingJob[] }>;

  /**
   * Unregisters a worker that is proved dead and gives its jobs back. Returns the jobs as they are now, and
   * null if the worker is not registered (any more).
   */
  recoverWorker(workerId: number, now: number): Promise<Job[] | null>;

  /**
   * Applies a user's event to all the jobs named, or to none. Returns them as they are now, in the order given.
   * Throws `not_found` for an unknown id and `conflict` for a state in which that can't be done.
   */
  apply(ids: readonly string[], event: UserEvent, now: number): Promise<Job[]>;

  /**
   * Deletes at most `limit` jobs that match, never one that is processing. Empty: none is left. Their output
   * is noted, so that it gets deleted even if the caller dies before it could.
   */
  delete(filter: JobFilter, options: { now: number; limit: number }): Promise<DeletedJob[]>;

  /** The output of at most `limit` attempts of deleted jobs that is still to be deleted. */
  outputToDelete(limit: number): Promise<OutputRef[]>;

  /** Notes that output has been deleted. */
  outputDeleted(outputs: readonly OutputRef[]): Promise<void>;

  /**
   * Shifts the delays of failed jobs whose failure lies in the future, because the clock has been set back
   * since. Returns how many.
   */
  shiftDelays(now: number): Promise<number>;

  /** The job with this id; null if there is none. */
  job(id: string): Promise<Job | null>;

  /** The jobs that match, in order of arrival. */
  jobs(filter: JobFilter): Promise<Job[]>;

  /** How many jobs are in each state. Costs the same however many there are. */
  counts(): Promise<JobCounts>;

  /** When the next job in these queues (empty: all) is due; null if none waits for a time. */
  nextRunAt(queues: readonly string[]): Promise<number | null>;

  /** The attempts of a job, oldest first. */
  attempts(jobSeq: number): Promise<Attempt[]>;

  /** The newest `limit` attempts of all jobs, oldest first. */
  recentAttempts(limit: number): Promise<Attempt[]>;

  /** The claims that a worker holds on jobs that a user wants cancelled. */
  cancelRequests(workerId: number): Promise<Claim[]>;

  /** The jobs that are processing, oldest first. */
  processing(): Promise<ProcessingJob[]>;

  /** The attempts that are running, in the order of `processing`. */
  runningAttempts(): Promise<RunningAttempt[]>;

  /** At most `limit` log entries after the one with id `afterId`, oldest first. */
  events(afterId: number, limit: number): Promise<LogEntry[]>;

  /** Adds a worker. */
  registerWorker(worker: NewWorker, now: number): Promise<WorkerRecord>;

  /** A worker's sign of life. False if it is not registered (any more): it has been taken for dead. */
  beat(workerId: number, now: number): Promise<boolean>;

  /** Notes that a worker was told to stop. */
  markStopping(workerId: number, now: number): Promise<void>;

  /** Removes a worker that ends in good order. It holds no claim. */
  unregisterWorker(workerId: number, now: number): Promise<void>;

  /** The registered workers, oldest first; some may have died. */
  workers(): Promise<WorkerRecord[]>;

  /** The texts that were set, by key. */
  settings(): Promise<Map<ConfigKey, string>>;

  /** Sets a key; null takes it back to its default. */
  setSetting(key: ConfigKey, value: string | null): Promise<void>;

  /**
   * A mark that is another one as soon as anybody has stored anything: with an equal mark, looking again would
   * find the same.
   */
  version(): Promise<string>;

  /** Housekeeping that some process has to do now and then. Never fails. */
  tidy(): Promise<void>;

  /** Releases whatever the store holds. To be called once, and nothing after it. */
  close(): Promise<void>;
}
