/**
 * How a drain went: what all its reports tell.
 */

import type { DrainedJob } from "../drain_record.ts";

/**
 * Why a drain ended.
 * - `drained`: nothing is left but what is scheduled for later
 * - `failed_fast`: a job died, and `--fail-fast` was given
 * - `stopped`: it was told to stop, or its workers were
 */
export type DrainOutcome = "drained" | "failed_fast" | "stopped";

/** A drain that has ended. */
export interface DrainReport {
  readonly outcome: DrainOutcome;
  readonly exitStatus: number;
  readonly startedAt: number;
  readonly finishedAt: number;
  /** The jobs that became final, in that order. */
  readonly jobs: readonly DrainedJob[];
  /** How many attempts failed and were made again. */
  readonly retries: number;
  /** How many jobs are left that could have run. */
  readonly left: number;
  /** How many are left because they are scheduled for after the horizon. */
  readonly scheduledLater: number;
}

/** What a job printed, as far as reports show it. */
export interface ShownOutput {
  readonly stdout: string;
  readonly stderr: string;
}

/** Reads what a job printed. */
export type OutputOf = (job: DrainedJob) => ShownOutput;

/** How many of the jobs ended so. */
export function countOf({ jobs }: DrainReport, state: DrainedJob["state"]): number {
  return jobs.filter((job) => job.state === state).length;
}
