/**
 * The rows of `attempts` and the statements on them.
 */

import type { Attempt, AttemptEnd, Outcome } from "../core/attempt.ts";
import type { Progress } from "../core/progress.ts";
import type { Row, Value } from "./connection.ts";

/** The attempt that a row of `NEWEST_ATTEMPTS_OF_JOB` or `RECENT_ATTEMPTS` holds. */
export function attemptFromRow(row: Row): Attempt {
  const base = {
    id: row.id as number,
    jobSeq: row.job_seq as number,
    jobId: row.job_id as string,
    number: row.number as number,
    workerId: row.worker_id as number,
    startedAt: row.started_at as number,
    progress: progressFromRow(row),
  };
  if (row.outcome === null) return { ...base, outcome: null };
  return {
    ...base,
    outcome: row.outcome as Outcome,
    finishedAt: row.finished_at as number,
    exitCode: row.exit_code as number | null,
    signal: row.signal as string | null,
    error: row.error as string | null,
  };
}

/** How far an attempt has come, from its row; null if it never said. */
export function progressFromRow(row: Row): Progress | null {
  if (row.progress_percent === null) return null;
  return { percent: row.progress_percent as number, text: row.progress_text as string };
}

/**
 * Begins an attempt: job, number, worker, time, and the job again, whose last attempt is the one before. No number is
 * given twice, even if the newest attempts have been deleted.
 */
export const INSERT_ATTEMPT = `
  INSERT INTO attempts (id, job_seq, number, worker_id, started_at, previous_id)
  SELECT 1 + max(newest_deleted_attempt_id, coalesce((SELECT max(id) FROM attempts), 0)), ?, ?, ?, ?,
    (SELECT last_attempt_id FROM jobs WHERE seq = ?)
  FROM store`;

/** Ends an attempt that has not ended. The parameters are those of `endValues`. */
export const END_ATTEMPT = `
  UPDATE attempts SET finished_at = ?, outcome = ?, exit_code = ?, signal = ?, error = ?
  WHERE id = ? AND outcome IS NULL`;

/** The parameters of `END_ATTEMPT`. */
export function endValues(attemptId: number, end: AttemptEnd, now: number): Value[] {
  return [now, end.outcome, end.exitCode, end.signal, end.error, attemptId];
}

/** An attempt that has not ended. */
export const RUNNING_ATTEMPT = "SELECT * FROM attempts WHERE id = ? AND outcome IS NULL";

/** Notes how far an attempt has come: percent, text, the log's entry about it, attempt. */
export const SET_PROGRESS = `
  UPDATE attempts SET progress_percent = ?, progress_text = ?, progress_event_id = ? WHERE id = ?`;

/** The attempts of a job, newest first: each names the one before. */
export const OF_JOB = `
  WITH RECURSIVE of_job (id) AS (
    SELECT last_attempt_id FROM jobs WHERE seq = ?
    UNION ALL
    SELECT previous_id FROM attempts JOIN of_job USING (id) WHERE previous_id IS NOT NULL
  )`;

const WITH_JOB_ID = `
  SELECT attempts.*, jobs.id AS job_id FROM attempts JOIN jobs ON jobs.seq = attempts.job_seq`;

/** The attempts that hold a job, in the order of the jobs. */
export const RUNNING_ATTEMPTS = `
  SELECT attempts.*, jobs.id AS job_id FROM jobs JOIN attempts ON attempts.id = jobs.attempt_id
  WHERE jobs.state = 'processing' ORDER BY jobs.seq`;

/** The newest attempts of all jobs, newest first. */
export const RECENT_ATTEMPTS = `${WITH_JOB_ID} ORDER BY attempts.id DESC LIMIT ?`;

/** The newest attempts of a job, newest first: job, at most so many; below 0, all of them. */
export const NEWEST_ATTEMPTS_OF_JOB = `
  ${OF_JOB}
  SELECT attempts.*, jobs.id AS job_id
  FROM of_job CROSS JOIN attempts USING (id) JOIN jobs ON jobs.seq = attempts.job_seq LIMIT ?`;

/** The newest attempts of all jobs before the one with an id, newest first, at most so many. */
export const ATTEMPTS_BEFORE = `${WITH_JOB_ID} WHERE attempts.id < ? ORDER BY attempts.id DESC LIMIT ?`;

/** Notes that the output of a job's attempts is to be deleted. */
export const DELETE_OUTPUT_LATER = `
  ${OF_JOB}
  INSERT INTO output_to_delete (attempt_id, job_seq) SELECT id, job_seq FROM of_job JOIN attempts USING (id)`;

/** Notes that the attempts of a job are deleted. */
export const NOTE_DELETED = `
  UPDATE store SET newest_deleted_attempt_id = max(newest_deleted_attempt_id,
    coalesce((SELECT last_attempt_id FROM jobs WHERE seq = ?), 0))`;

/** Forgets the attempts of a job. */
export const DELETE_ATTEMPTS = `${OF_JOB} DELETE FROM attempts WHERE id IN (SELECT id FROM of_job)`;

/** Output that is still to be deleted, at most so much. */
export const OUTPUT_TO_DELETE = "SELECT attempt_id, job_seq FROM output_to_delete LIMIT ?";

/** Forgets output that has been deleted. */
export const OUTPUT_DELETED = "DELETE FROM output_to_delete WHERE attempt_id = ?";
