/**
 * The store in a SQLite file: the embedded default.
 *
 * A write takes the file's only write lock at once (`BEGIN IMMEDIATE`), reads the rows it is about, asks
 * `lifecycle.ts` what they become, and writes rows, counters and log entry together.
 */

import type { Attempt, AttemptEnd, RunningAttempt } from "../core/attempt.ts";
import type { Backlog } from "../core/backlog.ts";
import type { ConfigKey } from "../core/config.ts";
import { DuplicateIdError, notFound } from "../core/errors.ts";
import type { LogEntry, LoggedEvent } from "../core/event.ts";
import type { Claim, Job, JobState, NewJob, PendingJob, ProcessingJob } from "../core/job.ts";
import { enqueue, type LifecycleEvent, transition } from "../core/lifecycle.ts";
import { isSameProgress, type Progress } from "../core/progress.ts";
import type {
  ClaimRef,
  ClaimRequest,
  DeletedJob,
  EndedAttempt,
  JobCounts,
  JobFilter,
  OutputRef,
  Store,
  TurnoverPlan,
  UserEvent,
} from "../core/store.ts";
import type { NewWorker, WorkerRecord } from "../core/worker_record.ts";
import * as attempts from "./attempts_table.ts";
import * as config from "./config_table.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { CountChanges, DELETE_COUNTS_OF_WORKER } from "./counters_table.ts";
import * as events from "./events_table.ts";
import * as filters from "./job_filter.ts";
import * as jobs from "./jobs_table.ts";
import { type CheckWorkers, migrate } from "./migrate.ts";
import { SqliteBacklog } from "./sqlite_backlog.ts";
import { ReadyJobs } from "./sqlite_ready.ts";
import { SqliteIds } from "./sqlite_ids.ts";
import { SqliteReports } from "./sqlite_reports.ts";
import * as workers from "./workers_table.ts";

/** How many jobs of a bulk are stored between two words about it. */
const JOBS_BETWEEN_REPORTS = 1000;
/** The end of a job whose worker died; `lifecycle.ts` decides what it becomes. */
const LOST: AttemptEnd = { outcome: "lost", exitCode: null, signal: null, error: "its worker died" };

/** A `Store` in one SQLite file. */
export class SqliteStore implements Store {
  readonly uid: string;
  readonly backlog: Backlog;
  readonly ids: SqliteIds;
  readonly reports: SqliteReports;
  readonly #db: Connection;
  readonly #ready: ReadyJobs;
  readonly #counts: CountChanges;

  private constructor(db: Connection, uid: string) {
    this.uid = uid;
    this.#db = db;
    this.backlog = new SqliteBacklog(db);
    this.#ready = new ReadyJobs(db);
    this.#counts = new CountChanges(db);
    this.ids = new SqliteIds(db);
    this.reports = new SqliteReports(db);
  }

  /**
   * Opens the store in the file `path` and brings it to the newest schema; creates it if there is none, in a
   * folder that exists. Throws a `store` error for what is no store of ours, or a newer one, and what `checkWorkers`
   * throws before the schema is changed.
   */
  static async open(
    path: string,
    { checkWorkers, ...options }: ConnectionOptions & { readonly checkWorkers?: CheckWorkers },
  ): Promise<SqliteStore> {
    const db = Connection.open(path, options);
    try {
      await migrate(db, checkWorkers);
      return new SqliteStore(db, await db.read(() => String(db.get("SELECT uid FROM store")!.uid)));
    } catch (error) {
      db.close();
      throw error;
    }
  }

  enqueue(
    newJobs: readonly NewJob[],
    now: number,
    { onStored }: { onStored?: (count: number) => void } = {},
  ): Promise<PendingJob[]> {
    return this.#change(() => {
      const lastEntryId = this.#db.get(events.LAST_ENTRY_ID)!.id as number | null ?? 0;
      const stored = newJobs.map((job, index) => {
        const seq = this.#insertJob(job, { index, now, entryId: lastEntryId + index + 1 });
        this.#counts.ofQueue(job.queue, "pending", 1);
        if ((index + 1) % JOBS_BETWEEN_REPORTS === 0) onStored?.(index + 1);
        return enqueue(job, seq, now);
      });
      // The numbers of one transaction follow each other.
      if (stored.length > 0) this.#db.run(events.INSERT_ENQUEUED, now, stored[0]!.seq, stored.at(-1)!.seq);
      return stored;
    });
  }

  async claim(request: ClaimRequest, now: number): Promise<ProcessingJob | null> {
    await this.#ready.promoteAll(request.queues, now);
    if (!await this.#mayFind([request])) return null;
    return this.#change(() => this.#claimNext(request, now));
  }

  async endAttemptsAndClaim(
    ends: readonly EndedAttempt[],
    planFor: (settings: ReadonlyMap<ConfigKey, string>) => TurnoverPlan,
  ): Promise<{ ended: (Job | null)[]; next: ProcessingJob[] }> {
    if (ends.length === 0 && !await this.#mayFind(planFor(await this.settings()).next)) {
      return { ended: [], next: [] };
    }
    return await this.#change(() => {
      const plan = planFor(this.#settings());
      const ended = ends.map(({ ref, end }) => this.#endClaimed(ref, end, plan));
      const next: ProcessingJob[] = [];
      for (const request of plan.next) {
        const job = this.#claimNext(request, plan.now);
        if (job === null) break;
        next.push(job);
      }
      return { ended, next };
    });
  }

  async setProgress(attemptId: number, progress: Progress, now: number): Promise<boolean> {
    const running = await this.#db.read(() => this.#db.get(attempts.RUNNING_ATTEMPT, attemptId));
    if (running === undefined) return false;
    if (isSameProgress(attempts.progressFromRow(running), progress)) return true;
    return await this.#db.write(() => {
      const row = this.#db.get(attempts.RUNNING_ATTEMPT, attemptId);
      if (row === undefined) return false;
      const { percent, text } = progress;
      const entryId = this.#log({ type: "progressed", attemptId, percent, text }, row.job_seq as number, now);
      this.#db.run(attempts.SET_PROGRESS, percent, text, entryId, attemptId);
      if (row.progress_event_id !== null) this.#db.run(events.DELETE_EVENT, row.progress_event_id!);
      return true;
    });
  }

  recoverWorker(workerId: number, now: number): Promise<Job[] | null> {
    return this.#change(() => {
      if (!this.#removeWorker(workerId)) return null;
      const held = this.#db.all(jobs.JOBS_OF_WORKER, workerId).map(jobs.jobFromRow) as ProcessingJob[];
      this.#log({ type: "worker_lost", workerId }, null, now);
      return held.map((job) => this.#endHeld(job, LOST, { now, maxBackoffMs: 0 }));
    });
  }

  apply(ids: readonly string[], event: UserEvent, now: number): Promise<Job[]> {
    return this.#change(() =>
      ids.map((id) => {
        const row = this.#db.get(jobs.JOB_BY_ID, id);
        if (row === undefined) throw notFound(`There is no job ${id}`, "queuectl list");
        return this.#transition(jobs.jobFromRow(row), event, now);
      })
    );
  }

  delete(filter: JobFilter, options: { now: number; limit: number }): Promise<DeletedJob[]> {
    const { sql, values } = filters.selectDeletable(filter, options.limit);
    return this.#change(() =>
      this.#db.all(sql, ...values).map((row) => {
        const seq = row.seq as number;
        this.#log({ type: "deleted", id: row.id as string }, seq, options.now);
        this.#db.run(attempts.DELETE_OUTPUT_LATER, seq);
        this.#db.run(attempts.NOTE_DELETED, seq);
        this.#db.run(events.DELETE_PROGRESS, seq);
        this.#db.run(events.DELETE_EVENTS, seq);
        this.#db.run(attempts.DELETE_ATTEMPTS, seq);
        this.#db.run(jobs.DELETE_JOB, seq);
        this.#counts.ofQueue(row.queue as string, row.state as JobState, -1);
        return { id: row.id as string, seq };
      })
    );
  }

  outputToDelete(limit: number): Promise<OutputRef[]> {
    return this.#db.read(() =>
      this.#db.all(attempts.OUTPUT_TO_DELETE, limit)
        .map((row) => ({ jobSeq: row.job_seq as number, attemptId: row.attempt_id as number }))
    );
  }

  outputDeleted(outputs: readonly OutputRef[]): Promise<void> {
    return this.#db.write(() => {
      for (const { attemptId } of outputs) this.#db.run(attempts.OUTPUT_DELETED, attemptId);
    });
  }

  shiftDelays(now: number): Promise<number> {
    return this.#change(() => {
      const failed = this.#db.all(jobs.FAILED_AFTER, now).map(jobs.jobFromRow);
      for (const job of failed) this.#transition(job, { type: "clock_set_back" }, now);
      return failed.length;
    });
  }

  job(id: string): Promise<Job | null> {
    return this.#db.read(() => {
      const row = this.#db.get(jobs.JOB_BY_ID, id);
      return row === undefined ? null : jobs.jobFromRow(row);
    });
  }

  jobs(filter: JobFilter): Promise<Job[]> {
    const { sql, values } = filters.selectJobs(filter);
    return this.#db.read(() => this.#db.all(sql, ...values).map(jobs.jobFromRow));
  }

  counts(): Promise<JobCounts> {
    return this.backlog.counts([]);
  }

  nextRunAt(queues: readonly string[]): Promise<number | null> {
    return this.#db.read(() => this.#ready.knownNextRunAt(queues));
  }

  attempts(jobSeq: number): Promise<Attempt[]> {
    return this.reports.newestAttempts(jobSeq, -1);
  }

  recentAttempts(limit: number): Promise<Attempt[]> {
    return this.#db.read(() =>
      this.#db.all(attempts.RECENT_ATTEMPTS, limit).map(attempts.attemptFromRow).reverse()
    );
  }

  cancelRequests(workerId: number): Promise<Claim[]> {
    return this.#db.read(() =>
      this.#db.all(jobs.CANCEL_REQUESTS, workerId).map((row) => (jobs.jobFromRow(row) as ProcessingJob).claim)
    );
  }

  processing(): Promise<ProcessingJob[]> {
    return this.#db.read(() => this.#db.all(jobs.JOBS_PROCESSING).map(jobs.jobFromRow) as ProcessingJob[]);
  }

  runningAttempts(): Promise<RunningAttempt[]> {
    return this.#db.read(() =>
      this.#db.all(attempts.RUNNING_ATTEMPTS).map(attempts.attemptFromRow) as RunningAttempt[]
    );
  }

  events(afterId: number, limit: number): Promise<LogEntry[]> {
    return this.#db.read(() => this.#db.all(events.EVENTS_AFTER, afterId, limit).map(events.entryFromRow));
  }

  registerWorker(worker: NewWorker, now: number): Promise<WorkerRecord> {
    return this.#db.write(() => {
      const row = this.#db.get(workers.INSERT_WORKER, ...workers.workerValues(worker, now));
      const record = workers.workerFromRow(row!);
      this.#log({ type: "worker_started", workerId: record.id }, null, now);
      return record;
    });
  }

  beat(workerId: number, now: number): Promise<boolean> {
    return this.#db.write(() => this.#db.run(workers.BEAT, now, workerId).changes === 1);
  }

  markStopping(workerId: number, now: number): Promise<void> {
    return this.#db.write(() => {
      if (this.#db.run(workers.MARK_STOPPING, workerId).changes === 0) return;
      this.#log({ type: "worker_stopping", workerId }, null, now);
    });
  }

  unregisterWorker(workerId: number, now: number): Promise<void> {
    return this.#db.write(() => {
      if (!this.#removeWorker(workerId)) return;
      this.#log({ type: "worker_stopped", workerId }, null, now);
    });
  }

  workers(): Promise<WorkerRecord[]> {
    const read = () => this.#db.all(workers.ALL_WORKERS).map(workers.workerFromRow);
    return this.#db.read(() => this.#db.remember("workers", read));
  }

  settings(): Promise<Map<ConfigKey, string>> {
    return this.#db.read(() => this.#db.remember("settings", () => this.#settings()));
  }

  setSetting(key: ConfigKey, value: string | null): Promise<void> {
    return this.#db.write(() => {
      if (value === null) this.#db.run(config.DELETE_SETTING, key);
      else this.#db.run(config.SET_SETTING, key, value);
    });
  }

  version(): Promise<string> {
    return this.#db.read(() => this.#db.version());
  }

  tidy(): Promise<void> {
    this.#db.shortenLog();
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#db.close();
    return Promise.resolve();
  }

  /** Runs `work`, which changes jobs, in one transaction that ends with writing their counts. */
  #change<T>(work: () => T): Promise<T> {
    return this.#db.write(() => this.#counts.during(work));
  }

  #settings(): Map<ConfigKey, string> {
    return new Map(this.#db.all(config.SETTINGS).map((row) => [row.key as ConfigKey, row.value as string]));
  }

  /** Whether one of several claims may find something: a look that disturbs nobody. */
  #mayFind(requests: readonly ClaimRequest[]): Promise<boolean> {
    return this.#db.read(() => requests.some((request) => this.#ready.has(request)));
  }

  /** Adds one of several new jobs; `index` is its place among them. */
  #insertJob(job: NewJob, options: { index: number; now: number; entryId: number }): number {
    try {
      return this.#db.run(jobs.INSERT_JOB, ...jobs.insertValues(job, options)).lastRowid;
    } catch (error) {
      const UNIQUE_CONSTRAINT = 2067;
      if ((error as { errcode?: number }).errcode !== UNIQUE_CONSTRAINT) throw error;
      throw new DuplicateIdError(job.id, options.index);
    }
  }

  #claimNext(request: ClaimRequest, now: number): ProcessingJob | null {
    // While the caller waited for its turn to write, more may have become due.
    const isComplete = this.#ready.promoteSome(request.queues, now);
    // Of very many, the best may still be among those that were left.
    if (!isComplete) return null;
    const job = this.#ready.next(request);
    if (job === null) return null;
    // Its time has come by the clock of whoever made it ready, which may be a little ahead of the caller's.
    const at = "runAt" in job ? Math.max(now, job.runAt) : now;
    const attempt = [job.seq, job.attempts + 1, request.workerId, at, job.seq];
    const { lastRowid: attemptId } = this.#db.run(attempts.INSERT_ATTEMPT, ...attempt);
    const claim = { workerId: request.workerId, token: request.token, attemptId, since: at };
    return this.#transition(job, { type: "claimed", claim }, at) as ProcessingJob;
  }

  #endClaimed(ref: ClaimRef, end: AttemptEnd, options: { now: number; maxBackoffMs: number }): Job | null {
    const row = this.#db.get(jobs.JOB_BY_CLAIM, ref.jobSeq, ref.attemptId, ref.token);
    if (row === undefined) return null;
    return this.#endHeld(jobs.jobFromRow(row) as ProcessingJob, end, options);
  }

  /** Ends the attempt that holds `job`: the attempt's row, the worker's tally, then the job's transition. */
  #endHeld(job: ProcessingJob, end: AttemptEnd, options: { now: number; maxBackoffMs: number }): Job {
    this.#db.run(attempts.END_ATTEMPT, ...attempts.endValues(job.claim.attemptId, end, options.now));
    if (end.outcome === "succeeded") this.#counts.ofWorker(job.claim.workerId, "succeeded");
    if (end.outcome === "failed" || end.outcome === "timed_out") {
      this.#counts.ofWorker(job.claim.workerId, "failed");
    }
    return this.#transition(job, { type: "ended", end, maxBackoffMs: options.maxBackoffMs }, options.now);
  }

  /** Asks the lifecycle what `job` becomes, and writes that with the counters and the log. */
  #transition(job: Job, event: LifecycleEvent, now: number): Job {
    const after = transition(job, event, now);
    if (after === job) return job;
    const entryId = this.#log(event, job.seq, now);
    const { sql, values } = jobs.updateOf(job, after, { now, entryId });
    const { changes } = this.#db.run(sql, ...values);
    if (changes !== 1) throw new Error(`The row of job ${job.id} changed inside a transaction`);
    if (after.state !== job.state) {
      this.#counts.ofQueue(job.queue, job.state, -1);
      this.#counts.ofQueue(job.queue, after.state, 1);
    }
    return after;
  }

  /** Removes a worker's row and its counts; false if there is none. */
  #removeWorker(workerId: number): boolean {
    if (this.#db.run(workers.DELETE_WORKER, workerId).changes === 0) return false;
    this.#db.run(DELETE_COUNTS_OF_WORKER, String(workerId));
    return true;
  }

  /** Appends an entry; returns its id. Before anything is taken out of the log, so that no id is given twice. */
  #log(event: LoggedEvent, jobSeq: number | null, now: number): number {
    // That a job is deleted is all that is left of it.
    const linkedTo = event.type === "deleted" ? null : jobSeq;
    return this.#db.run(events.INSERT_EVENT, now, jobSeq, events.eventData(event), linkedTo).lastRowid;
  }
}
