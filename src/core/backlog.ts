/**
 * What is still to be done: the questions of those who wait for the end of it.
 */

import type { JobState } from "./job.ts";

/**
 * A view of the jobs of some queues (an empty list means all). But for `scheduledAfter`, an answer costs the
 * same however many jobs there are.
 */
export interface Backlog {
  /** How many jobs are in each state. */
  counts(queues: readonly string[]): Promise<Record<JobState, number>>;

  /**
   * Whether a job is left that could still become final without a user's doing: it is processing, waits for its
   * next attempt, or is due by `until` (ms since the epoch).
   */
  isLeft(queues: readonly string[], until: number): Promise<boolean>;

  /** How many jobs wait for their first attempt that are due after `time` only. */
  scheduledAfter(queues: readonly string[], time: number): Promise<number>;
}
