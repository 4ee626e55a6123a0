/**
 * The rows of `counters`: how many jobs each queue has in each state, and how many each worker has succeeded with and
 * failed at. All in one table, so that the few that an end changes lie in one page.
 */

import type { JobState } from "../core/job.ts";
import type { Connection } from "./connection.ts";

/** Adds to a count: kind, name, what, jobs. */
const COUNT_UP = `
  INSERT INTO counters (kind, name, what, jobs) VALUES (?, ?, ?, ?)
  ON CONFLICT (kind, name, what) DO UPDATE SET jobs = jobs + excluded.jobs`;

/** Takes from a count: jobs, kind, name, what. */
const COUNT_DOWN = "UPDATE counters SET jobs = jobs - ? WHERE kind = ? AND name = ? AND what = ?";

/** The counts of all queues together. */
export const COUNTS = "SELECT state, sum(jobs) AS jobs FROM queue_counters GROUP BY state";

/** The counts of one queue. */
export const COUNTS_OF_QUEUE = "SELECT state, jobs FROM queue_counters WHERE queue = ?";

/** Forgets the counts of a worker. */
export const DELETE_COUNTS_OF_WORKER = "DELETE FROM counters WHERE kind = 'worker' AND name = ?";

interface Change {
  readonly kind: "queue" | "worker";
  readonly name: string;
  readonly what: string;
  by: number;
}

/** What one transaction changes about the counts, written once at its end: much of it cancels out. */
export class CountChanges {
  readonly #db: Connection;
  readonly #changes = new Map<string, Change>();

  constructor(db: Connection) {
    this.#db = db;
  }

  /** Jobs of a queue come into a state, or leave it if `by` is below 0. */
  ofQueue(queue: string, state: JobState, by: number): void {
    this.#add({ kind: "queue", name: queue, what: state, by });
  }

  /** A worker has succeeded with a job, or failed at it. */
  ofWorker(workerId: number, what: "succeeded" | "failed"): void {
    this.#add({ kind: "worker", name: String(workerId), what, by: 1 });
  }

  /** Does `work`, which adds to this, and writes what it added. Only within a transaction. */
  during<T>(work: () => T): T {
    this.#changes.clear(); // of a transaction that failed
    const result = work();
    for (const { kind, name, what, by } of this.#changes.values()) {
      if (by > 0) this.#db.run(COUNT_UP, kind, name, what, by);
      if (by < 0) this.#db.run(COUNT_DOWN, -by, kind, name, what);
    }
    return result;
  }

  #add(change: Change): void {
    const key = `${change.kind} ${change.what} ${change.name}`;
    const known = this.#changes.get(key);
    if (known === undefined) this.#changes.set(key, change);
    else known.by += change.by;
  }
}
