/**
 * The store in a SQLite file: the embedded default.
 *
 * A write takes the file's only write lock at once (`BEGIN IMMEDIATE`), reads the rows it is about, asks
 * `lifecycle.ts` what they become, and writes rows, counters and log entry together.
 */

import type { Attempt, AttemptEnd } from "../core/attempt.ts";
import type { ConfigKey } from "../core/config.ts";
import { DuplicateIdError, notFound } from "../core/errors.ts";
import type { LogEntry, LoggedEvent } from "../core/event.ts";
import {
  type Claim,
  type Job,
  JOB_STATES,
  type NewJob,
  type PendingJob,
  type ProcessingJob,
} from "../core/job.ts";
import { enqueue, type LifecycleEvent, transition } from "../core/lifecycle.ts";
import type {
  ClaimRef,
  ClaimRequest,
  DeletedJob,
  JobCounts,
  JobFilter,
  OutputRef,
  Store,
  UserEvent,
} from "../core/store.ts";
import type { NewWorker, WorkerRecord } from "../core/worker_record.ts";
import * as attempts from "./attempts_table.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import * as events from "./events_table.ts";
import * as filters from "./job_filter.ts";
import * as jobs from "./jobs_table.ts";
import { migrate } from "./migrate.ts";
import { SqliteReports } from "./sqlite_reports.ts";
import * as workers from "./workers_table.ts";

/** How many jobs of a queue whose time has come one transaction makes ready. */
const PROMOTE_LIMIT = 500;
/** The end of a job whose worker died; `lifecycle.ts` decides what it becomes. */
const LOST: AttemptEnd = { outcome: "lost", exitCode: null, signal: null, error: "its worker died" };

/** A `Store` in one SQLite file. */
export class SqliteStore implements Store {
  readonly uid: string;
  readonly reports: SqliteReports;
  readonly #db: Connection;

  private constructor(db: Connection) {
    this.#db = db;
    this.reports = new SqliteReports(db);
    this.uid = String(db.get("SELECT uid FROM store")!.uid);
  }

  /**
   * Opens the store in the file `path` and brings it to the newest schema; creates it if there is none, in a
   * folder that exists. Throws a `store` error for what is no store of ours, or a newer one.
   */
  static async open(path: string, options: ConnectionOptions): Promise<SqliteStore> {
    const db = Connection.open(path, options);
    try {
      await migrate(db);
      return new SqliteStore(db);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  enqueue(newJobs: readonly NewJob[], now: number): Promise<PendingJob[]> {
    return this.#db.write(() => {
      const arrived = new Map<string, number>();
      const stored = newJobs.map((job, index) => {
        const seq = this.#insertJob(job, { index, now });
        arrived.set(job.queue, (arrived.get(job.queue) ?? 0) + 1);
        this.#log({ type: "enqueued", runAt: job.runAt }, seq, now);
        return enqueue(job, seq, now);
      });
      for (const [queue, count] of arrived) this.#db.run(jobs.COUNT_UP, queue, "pending", count);
      return stored;
    });
  }

  async claim(request: ClaimRequest, now: number): Promise<ProcessingJob | null> {
    await this.#promoteDue(request.queues, now);
    if (!await this.#db.read(() => this.#mayClaim(request))) return null;
    return this.#db.write(() => {
      // While we waited for our turn to write, more may have become due.
      this.#promoteSome(request.queues, now);
      const job = this.#nextReady(request);
      if (job === null) return null;
      // Its time has come by the clock of whoever made it ready, which may be a little ahead of the caller's.
      const at = "runAt" in job ? Math.max(now, job.runAt) : now;
      const { lastRowid: attemptId } = this.#db.run(
        attempts.INSERT_ATTEMPT,
        job.seq,
        job.attempts + 1,
        request.workerId,
        at,
      );
      const claim = { workerId: request.workerId, token: request.token, attemptId, since: at };
      return this.#transition(job, { type: "claimed", claim }, at) as ProcessingJob;
    });
  }

  endAttempt(
    ref: ClaimRef,
    end: AttemptEnd,
    options: { now: number; maxBackoffMs: number },
  ): Promise<Job | null> {
    return this.#db.write(() => {
      const row = this.#db.get(jobs.JOB_BY_CLAIM, ref.jobSeq, ref.attemptId, ref.token);
      if (row === undefined) return null;
      return this.#endHeld(jobs.jobFromRow(row) as ProcessingJob, end, options);
    });
  }

  recoverWorker(workerId: number, now: number): Promise<Job[] | null> {
    return this.#db.write(() => {
      if (this.#db.run(workers.DELETE_WORKER, workerId).changes === 0) return null;
      const held = this.#db.all(jobs.JOBS_OF_WORKER, workerId).map(jobs.jobFromRow) as ProcessingJob[];
      this.#log({ type: "worker_lost", workerId }, null, now);
      return held.map((job) => this.#endHeld(job, LOST, { now, maxBackoffMs: 0 }));
    });
  }

  apply(ids: readonly string[], event: UserEvent, now: number): Promise<Job[]> {
    return this.#db.write(() =>
      ids.map((id) => {
        const row = this.#db.get(jobs.JOB_BY_ID, id);
        if (row === undefined) throw notFound(`There is no job ${id}`, "queuectl list");
        return this.#transition(jobs.jobFromRow(row), event, now);
      })
    );
  }

  delete(filter: JobFilter, options: { now: number; limit: number }): Promise<DeletedJob[]> {
    const { sql, values } = filters.selectDeletable(filter, options.limit);
    return this.#db.write(() =>
      this.#db.all(sql, ...values).map((row) => {
        const seq = row.seq as number;
        this.#db.run(attempts.DELETE_OUTPUT_LATER, seq);
        this.#db.run(events.DELETE_EVENTS, seq);
        this.#db.run(jobs.DELETE_JOB, seq);
        this.#db.run(jobs.COUNT_DOWN, row.queue!, row.state!);
        this.#log({ type: "deleted", id: row.id as string }, seq, options.now);
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
    return this.#db.write(() => {
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
    return this.#db.read(() => {
      const counted = new Map(this.#db.all(jobs.COUNTS).map((row) => [row.state, row.jobs as number]));
      return Object.fromEntries(JOB_STATES.map((state) => [state, counted.get(state) ?? 0])) as JobCounts;
    });
  }

  nextRunAt(queues: readonly string[]): Promise<number | null> {
    return this.#db.read(() => this.#nextRunAt(queues));
  }

  attempts(jobSeq: number): Promise<Attempt[]> {
    return this.#db.read(() => this.#db.all(attempts.ATTEMPTS_OF_JOB, jobSeq).map(attempts.attemptFromRow));
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
      if (this.#db.run(workers.DELETE_WORKER, workerId).changes === 0) return;
      this.#log({ type: "worker_stopped", workerId }, null, now);
    });
  }

  workers(): Promise<WorkerRecord[]> {
    return this.#db.read(() => this.#db.all(workers.ALL_WORKERS).map(workers.workerFromRow));
  }

  settings(): Promise<Map<ConfigKey, string>> {
    return this.#db.read(() =>
      new Map(this.#db.all(SETTINGS).map((row) => [row.key as ConfigKey, row.value as string]))
    );
  }

  setSetting(key: ConfigKey, value: string | null): Promise<void> {
    return this.#db.write(() => {
      if (value === null) this.#db.run(DELETE_SETTING, key);
      else this.#db.run(SET_SETTING, key, value);
    });
  }

  tidy(): Promise<void> {
    this.#db.shortenLog();
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#db.close();
    return Promise.resolve();
  }

  /** Adds one of several new jobs; `index` is its place among them. */
  #insertJob(job: NewJob, options: { index: number; now: number }): number {
    try {
      return this.#db.run(jobs.INSERT_JOB, ...jobs.insertValues(job, options.now)).lastRowid;
    } catch (error) {
      const UNIQUE_CONSTRAINT = 2067;
      if ((error as { errcode?: number }).errcode !== UNIQUE_CONSTRAINT) throw error;
      throw new DuplicateIdError(job.id, options.index);
    }
  }

  /** Ends the attempt that holds `job`: the attempt's row, the worker's tally, then the job's transition. */
  #endHeld(job: ProcessingJob, end: AttemptEnd, options: { now: number; maxBackoffMs: number }): Job {
    this.#db.run(attempts.END_ATTEMPT, ...attempts.endValues(job.claim.attemptId, end, options.now));
    const succeeded = end.outcome === "succeeded" ? 1 : 0;
    const failed = end.outcome === "failed" || end.outcome === "timed_out" ? 1 : 0;
    this.#db.run(workers.ADD_TO_TALLY, succeeded, failed, job.claim.workerId);
    return this.#transition(job, { type: "ended", end, maxBackoffMs: options.maxBackoffMs }, options.now);
  }

  /** Asks the lifecycle what `job` becomes, and writes that with the counters and the log. */
  #transition(job: Job, event: LifecycleEvent, now: number): Job {
    const after = transition(job, event, now);
    if (after === job) return job;
    const { changes } = this.#db.run(jobs.UPDATE_JOB, ...jobs.updateValues(job, after, now));
    if (changes !== 1) throw new Error(`The row of job ${job.id} changed inside a transaction`);
    if (after.state !== job.state) {
      this.#db.run(jobs.COUNT_DOWN, job.queue, job.state);
      this.#db.run(jobs.COUNT_UP, job.queue, after.state, 1);
    }
    this.#log(event, job.seq, now);
    return after;
  }

  #log(event: LoggedEvent, jobSeq: number | null, now: number): void {
    this.#db.run(events.INSERT_EVENT, now, jobSeq, events.eventData(event));
  }

  /** Whether a claim may find something: a look that takes no lock, so that idle workers disturb nobody. */
  #mayClaim(request: ClaimRequest): boolean {
    return this.#nextReady(request) !== null;
  }

  /**
   * Makes all jobs ready whose time has come, so that the best of them is claimed first. Each job needs that
   * once; when very many are due together, nobody has to wait for all of them at once.
   */
  async #promoteDue(wanted: readonly string[], now: number): Promise<void> {
    while (await this.#db.read(() => this.#isDue(wanted, now))) {
      await this.#db.write(() => this.#promoteSome(wanted, now));
    }
  }

  #promoteSome(wanted: readonly string[], now: number): void {
    if (!this.#isDue(wanted, now)) return;
    if (wanted.length === 0) this.#db.run(jobs.PROMOTE_DUE_OF_ALL, now, PROMOTE_LIMIT);
    for (const queue of wanted) this.#db.run(jobs.PROMOTE_DUE, queue, now, PROMOTE_LIMIT);
  }

  #isDue(wanted: readonly string[], now: number): boolean {
    const dueAt = this.#nextRunAt(wanted);
    return dueAt !== null && dueAt <= now;
  }

  /** The job that is next in line, of all queues or of those that were asked for. */
  #nextReady({ queues, mode }: ClaimRequest): Job | null {
    const isFifo = mode === "fifo";
    if (queues.length === 0) {
      const row = this.#db.get(isFifo ? jobs.NEXT_BY_ARRIVAL_OF_ALL : jobs.NEXT_BY_PRIORITY_OF_ALL);
      return row === undefined ? null : jobs.jobFromRow(row);
    }
    const sql = isFifo ? jobs.NEXT_BY_ARRIVAL : jobs.NEXT_BY_PRIORITY;
    const isBefore = (a: Job, b: Job) =>
      isFifo || a.priority === b.priority ? a.seq < b.seq : a.priority > b.priority;
    return queues.map((queue) => this.#db.get(sql, queue)).filter((row) => row !== undefined)
      .map(jobs.jobFromRow)
      .reduce<Job | null>((best, job) => best === null || isBefore(job, best) ? job : best, null);
  }

  #nextRunAt(queues: readonly string[]): number | null {
    if (queues.length === 0) return this.#db.get(jobs.NEXT_RUN_AT_OF_ALL)?.run_at as number | null;
    const times = queues.map((queue) => this.#db.get(jobs.NEXT_RUN_AT, queue)?.run_at as number | null)
      .filter((time) => time !== null);
    return times.length === 0 ? null : Math.min(...times);
  }
}

const SETTINGS = "SELECT key, value FROM config";
const SET_SETTING = `
  INSERT INTO config (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`;
const DELETE_SETTING = "DELETE FROM config WHERE key = ?";
