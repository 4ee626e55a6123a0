/**
 * The SQLite store's lines of ready jobs: which job is next, and making those ready whose time has come.
 *
 * Methods that say nothing else may be used within a transaction.
 */

import type { Job } from "../core/job.ts";
import type { ClaimRequest } from "../core/store.ts";
import type { Connection } from "./connection.ts";
import * as jobs from "./jobs_table.ts";

/** How many jobs of a queue whose time has come one transaction makes ready. */
const PROMOTE_LIMIT = 500;

/** The ready jobs of an open connection. */
export class ReadyJobs {
  readonly #db: Connection;

  constructor(db: Connection) {
    this.#db = db;
  }

  /**
   * Whether a claim may find something: a look that takes no lock, so that idle workers disturb nobody. Not
   * within a transaction that writes.
   */
  has(request: ClaimRequest): boolean {
    const { queues, mode, jobSeq } = request;
    const what = `ready ${mode} ${jobSeq ?? ""} ${queues.join(" ")}`;
    return this.#db.remember(what, () => this.next(request) !== null);
  }

  /**
   * Makes all jobs ready whose time has come, so that the best of them is claimed first. Each job needs that
   * once; when very many are due together, nobody has to wait for all of them at once. Makes its own
   * transactions.
   */
  async promoteAll(queues: readonly string[], now: number): Promise<void> {
    const isDue = () => {
      const dueAt = this.knownNextRunAt(queues);
      return dueAt !== null && dueAt <= now;
    };
    while (await this.#db.read(isDue)) {
      await this.#db.write(() => this.promoteSome(queues, now));
    }
  }

  /** Makes some of them ready, the longest overdue first; returns whether none are left. */
  promoteSome(queues: readonly string[], now: number): boolean {
    if (!this.#isDue(queues, now)) return true;
    if (queues.length === 0) this.#db.run(jobs.PROMOTE_DUE_OF_ALL, now, PROMOTE_LIMIT);
    for (const queue of queues) this.#db.run(jobs.PROMOTE_DUE, queue, now, PROMOTE_LIMIT);
    return !this.#isDue(queues, now);
  }

  /** Whether the time of a job has come that isn't ready yet. */
  #isDue(queues: readonly string[], now: number): boolean {
    const dueAt = this.nextRunAt(queues);
    return dueAt !== null && dueAt <= now;
  }

  /** The job that is next in line, of all queues, of those that were asked for, or the only one wanted. */
  next({ queues, mode, jobSeq }: ClaimRequest): Job | null {
    if (jobSeq !== undefined) {
      const row = this.#db.get(jobs.READY_JOB, jobSeq);
      return row === undefined ? null : jobs.jobFromRow(row);
    }
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

  /** When the next job is due that isn't ready yet; null if there is none. */
  nextRunAt(queues: readonly string[]): number | null {
    if (queues.length === 0) return this.#db.get(jobs.NEXT_RUN_AT_OF_ALL)?.run_at as number | null;
    const times = queues.map((queue) => this.#db.get(jobs.NEXT_RUN_AT, queue)?.run_at as number | null)
      .filter((time) => time !== null);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** The same, asked only if something has changed since the last time. Not within a transaction that writes. */
  knownNextRunAt(queues: readonly string[]): number | null {
    return this.#db.remember(`due ${queues.join(" ")}`, () => this.nextRunAt(queues));
  }
}
