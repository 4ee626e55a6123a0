/**
 * The SQLite store's view of what is still to be done.
 */

import type { Backlog } from "../core/backlog.ts";
import { JOB_STATES } from "../core/job.ts";
import type { JobCounts } from "../core/store.ts";
import type { Connection, Row } from "./connection.ts";
import { COUNTS, COUNTS_OF_QUEUE } from "./counters_table.ts";
import { NEXT_RUN_AT, NEXT_RUN_AT_OF_ALL } from "./jobs_table.ts";

/** A `Backlog` over an open connection. */
export class SqliteBacklog implements Backlog {
  readonly #db: Connection;

  constructor(db: Connection) {
    this.#db = db;
  }

  counts(queues: readonly string[]): Promise<JobCounts> {
    return this.#db.read(() => this.#counts(queues));
  }

  isLeft(queues: readonly string[], until: number): Promise<boolean> {
    return this.#db.snapshot(() => {
      const { processing, failed } = this.#counts(queues);
      if (processing > 0 || failed > 0) return true;
      if (this.#rows(READY_OF_ALL, READY, queues).length > 0) return true;
      // None has failed, so whatever is due later waits for its first attempt.
      return this.#rows(NEXT_RUN_AT_OF_ALL, NEXT_RUN_AT, queues)
        .some(({ run_at }) => run_at !== null && (run_at as number) <= until);
    });
  }

  scheduledAfter(queues: readonly string[], time: number): Promise<number> {
    return this.#db.read(() =>
      queues.length === 0
        ? this.#db.get(SCHEDULED_AFTER_OF_ALL, time)!.jobs as number
        : queues.reduce((sum, queue) => sum + (this.#db.get(SCHEDULED_AFTER, queue, time)!.jobs as number), 0)
    );
  }

  #counts(queues: readonly string[]): JobCounts {
    const counts = Object.fromEntries(JOB_STATES.map((state) => [state, 0])) as JobCounts;
    for (const { state, jobs } of this.#rows(COUNTS, COUNTS_OF_QUEUE, queues)) {
      counts[state as keyof JobCounts] += jobs as number;
    }
    return counts;
  }

  /** The rows of the statement for all queues, or of the one for a queue, for each that is wanted. */
  #rows(ofAll: string, ofQueue: string, queues: readonly string[]): Row[] {
    if (queues.length === 0) return this.#db.all(ofAll);
    return queues.flatMap((queue) => this.#db.all(ofQueue, queue));
  }
}

/** A row if a job is ready. */
export const READY_OF_ALL = `
  SELECT 1 FROM jobs INDEXED BY jobs_of_all_ready_by_priority WHERE ready = 1 LIMIT 1`;

/** A row if a job of a queue is ready. */
export const READY = `
  SELECT 1 FROM jobs INDEXED BY jobs_ready_by_priority WHERE ready = 1 AND queue = ? LIMIT 1`;

/** How many jobs wait for their first attempt until after a time. */
export const SCHEDULED_AFTER_OF_ALL = `
  SELECT count(*) AS jobs FROM jobs INDEXED BY jobs_of_all_due_later
  WHERE ready = 0 AND run_at > ? AND state = 'pending'`;

/** The same of one queue. */
export const SCHEDULED_AFTER = `
  SELECT count(*) AS jobs FROM jobs INDEXED BY jobs_due_later
  WHERE ready = 0 AND queue = ? AND run_at > ? AND state = 'pending'`;
