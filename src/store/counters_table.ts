/**
 * The rows of `counters`: how many jobs each queue has in each state.
 */

import type { JobState } from "../core/job.ts";
import type { Connection } from "./connection.ts";

/** Adds to the count of a queue and state. */
const COUNT_UP = `
  INSERT INTO counters (queue, state, jobs) VALUES (?, ?, ?)
  ON CONFLICT (queue, state) DO UPDATE SET jobs = jobs + excluded.jobs`;

/** Takes from the count of a queue and state. */
const COUNT_DOWN = "UPDATE counters SET jobs = jobs - ? WHERE queue = ? AND state = ?";

/** The counts of all queues together. */
export const COUNTS = "SELECT state, sum(jobs) AS jobs FROM counters GROUP BY state";

/** The counts of one queue. */
export const COUNTS_OF_QUEUE = "SELECT state, jobs FROM counters WHERE queue = ?";

/** What one transaction changes about the counts, written once at its end: much of it cancels out. */
export class CountChanges {
  readonly #db: Connection;
  readonly #byQueue = new Map<string, Map<JobState, number>>();

  constructor(db: Connection) {
    this.#db = db;
  }

  /** Jobs of a queue come into a state, or leave it if `change` is below 0. */
  add(queue: string, state: JobState, change: number): void {
    let ofQueue = this.#byQueue.get(queue);
    if (ofQueue === undefined) this.#byQueue.set(queue, ofQueue = new Map());
    ofQueue.set(state, (ofQueue.get(state) ?? 0) + change);
  }

  /** Does `work`, which adds to this, and writes what it added. Only within a transaction. */
  during<T>(work: () => T): T {
    this.#byQueue.clear(); // of a transaction that failed
    const result = work();
    for (const [queue, ofQueue] of this.#byQueue) {
      for (const [state, change] of ofQueue) this.#write(queue, state, change);
    }
    return result;
  }

  #write(queue: string, state: JobState, change: number): void {
    if (change > 0) this.#db.run(COUNT_UP, queue, state, change);
    if (change < 0) this.#db.run(COUNT_DOWN, -change, queue, state);
  }
}
