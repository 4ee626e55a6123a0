/**
 * The rows of `jobs` and the statements on them, but for those that list (`job_filter.ts`).
 */

import { storeError } from "../core/errors.ts";
import type { Job, JobState, NewJob } from "../core/job.ts";
import type { Row, Value } from "./connection.ts";

/** The job that a row holds. */
export function jobFromRow(row: Row): Job {
  const base = {
    seq: row.seq as number,
    id: row.id as string,
    command: row.command as string,
    queue: row.queue as string,
    priority: row.priority as number,
    maxRetries: row.max_retries as number,
    timeoutMs: row.timeout_ms as number,
    backoffBase: row.backoff_base as number,
    cwd: row.cwd as string,
    env: envFrom(row),
    attempts: row.attempts as number,
    crashes: row.crashes as number,
    createdAt: row.created_at as number,
    updatedAt: row.updated_at as number,
  };
  const state = row.state as JobState;
  switch (state) {
    case "pending":
      return { ...base, state, runAt: row.run_at as number };
    case "processing":
      return {
        ...base,
        state,
        claim: {
          workerId: row.worker_id as number,
          token: row.claim_token as string,
          attemptId: row.attempt_id as number,
          since: row.claimed_at as number,
        },
        cancelRequestedAt: row.cancel_requested_at as number | null,
      };
    case "failed":
      return { ...base, state, runAt: row.run_at as number, lastError: row.last_error as string };
    case "dead":
      return { ...base, state, finishedAt: row.finished_at as number, lastError: row.last_error as string };
    case "completed":
    case "cancelled":
      return { ...base, state, finishedAt: row.finished_at as number };
    default:
      throw damaged(row);
  }
}

function envFrom(row: Row): Record<string, string> {
  if (row.env === "{}") return {};
  try {
    return JSON.parse(row.env as string);
  } catch {
    throw damaged(row);
  }
}

/** No store of ours holds such a row, so the file has been changed by something else. */
function damaged(row: Row) {
  return storeError(
    `Cannot use the store: the row of job ${row.id} is damaged`,
    "a copy of the file with: sqlite3 queue.db .recover",
  );
}

/** Adds a pending job; the parameters are those of `insertValues`. Gives it the next `seq`. */
export const INSERT_JOB = `
  INSERT INTO jobs (id, command, queue, priority, max_retries, timeout_ms, backoff_base, cwd, env,
    attempts, crashes, created_at, updated_at, state, run_at, ready, last_event_id)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?, 'pending', ?, ?, ?)`;

/** The parameters of `INSERT_JOB`; `entryId` is the id that the log's entry about it will have. */
export function insertValues(job: NewJob, { now, entryId }: { now: number; entryId: number }): Value[] {
  const { id, command, queue, priority, maxRetries, timeoutMs, backoffBase, cwd, env, runAt } = job;
  const spec = [id, command, queue, priority, maxRetries, timeoutMs, backoffBase, cwd, JSON.stringify(env)];
  return [...spec, now, now, runAt, runAt <= now ? 1 : 0, entryId];
}

/**
 * The statement that writes what a transition changed, provided that the claim is still the one that the job was
 * read with; `entryId` is the log's entry about it. Columns that stay as they are aren't mentioned: the indexes they
 * are in are then not looked at.
 */
export function updateOf(
  before: Job,
  after: Job,
  { now, entryId }: { now: number; entryId: number },
): { sql: string; values: Value[] } {
  const old = changeable(before, now);
  // Whether one that waits is stored as ready can't be told from the job.
  const changes = Object.entries(changeable(after, now)).filter(([column, value]) =>
    value !== old[column] || (column === "ready" && value !== null)
  );
  changes.push(["last_event_id", entryId]);
  if (after.state === "processing") changes.push(["last_attempt_id", after.claim.attemptId]);
  return {
    sql: updateSql(changes.map(([column]) => column)),
    values: [
      ...changes.map(([, value]) => value),
      before.seq,
      before.state === "processing" ? before.claim.token : null,
    ],
  };
}

/** Writes some columns of a job that is held with a token, null: that isn't held. */
export function updateSql(columns: readonly string[]): string {
  const sql = columns.map((column) => `${column} = ?`).join(", ");
  return `UPDATE jobs SET ${sql} WHERE seq = ? AND claim_token IS ?`;
}

/** The columns that a transition may change. */
function changeable(job: Job, now: number): Record<string, Value> {
  const runAt = "runAt" in job ? job.runAt : null;
  const claim = job.state === "processing" ? job.claim : null;
  return {
    max_retries: job.maxRetries,
    attempts: job.attempts,
    crashes: job.crashes,
    updated_at: job.updatedAt,
    state: job.state,
    run_at: runAt,
    ready: runAt === null ? null : runAt <= now ? 1 : 0,
    finished_at: "finishedAt" in job ? job.finishedAt : null,
    last_error: "lastError" in job ? job.lastError : null,
    worker_id: claim?.workerId ?? null,
    claim_token: claim?.token ?? null,
    attempt_id: claim?.attemptId ?? null,
    claimed_at: claim?.since ?? null,
    cancel_requested_at: job.state === "processing" ? job.cancelRequestedAt : null,
  };
}

/** The job with an id. */
export const JOB_BY_ID = "SELECT * FROM jobs WHERE id = ?";

/** The job with a `seq`, if it is held for this attempt with this token. */
export const JOB_BY_CLAIM = "SELECT * FROM jobs WHERE seq = ? AND attempt_id = ? AND claim_token = ?";

/** The jobs that a worker holds. */
export const JOBS_OF_WORKER = "SELECT * FROM jobs WHERE state = 'processing' AND worker_id = ? ORDER BY seq";

/** All jobs that are held, oldest first. */
export const JOBS_PROCESSING = "SELECT * FROM jobs WHERE state = 'processing' ORDER BY seq";

/** Failed jobs that, by the clock as it is now, haven't failed yet. */
export const FAILED_AFTER = "SELECT * FROM jobs WHERE state = 'failed' AND updated_at > ?";

/** The claims of a worker on jobs that are to be cancelled. */
export const CANCEL_REQUESTS = `
  SELECT * FROM jobs INDEXED BY jobs_to_cancel WHERE worker_id = ? AND cancel_requested_at IS NOT NULL`;

/** The job with a `seq`, if it is ready. */
export const READY_JOB = "SELECT * FROM jobs WHERE seq = ? AND ready = 1";

/** The next ready job of one queue: highest priority first, then in order of arrival. */
export const NEXT_BY_PRIORITY = `
  SELECT * FROM jobs INDEXED BY jobs_ready_by_priority
  WHERE ready = 1 AND queue = ? ORDER BY priority DESC, seq LIMIT 1`;

/** The next ready job of all queues: highest priority first, then in order of arrival. */
export const NEXT_BY_PRIORITY_OF_ALL = `
  SELECT * FROM jobs INDEXED BY jobs_of_all_ready_by_priority
  WHERE ready = 1 ORDER BY priority DESC, seq LIMIT 1`;

/** A row for each priority that a job can have, in `column1`. */
export const PRIORITIES = "(VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10))";

/** The next ready job of one queue, in order of arrival: of the first of each priority, the one that came first. */
export const NEXT_BY_ARRIVAL = `
  SELECT * FROM jobs WHERE seq = (SELECT min(first) FROM (SELECT (
    SELECT seq FROM jobs INDEXED BY jobs_ready_by_priority
    WHERE ready = 1 AND queue = ? AND priority = column1 ORDER BY seq LIMIT 1) AS first FROM ${PRIORITIES}))`;

/** The same of all queues. */
export const NEXT_BY_ARRIVAL_OF_ALL = `
  SELECT * FROM jobs WHERE seq = (SELECT min(first) FROM (SELECT (
    SELECT seq FROM jobs INDEXED BY jobs_of_all_ready_by_priority
    WHERE ready = 1 AND priority = column1 ORDER BY seq LIMIT 1) AS first FROM ${PRIORITIES}))`;

/** When the next job of one queue is due that isn't ready yet. */
export const NEXT_RUN_AT = `
  SELECT min(run_at) AS run_at FROM jobs INDEXED BY jobs_due_later WHERE ready = 0 AND queue = ?`;

/** The same of all queues. */
export const NEXT_RUN_AT_OF_ALL = `
  SELECT min(run_at) AS run_at FROM jobs INDEXED BY jobs_of_all_due_later WHERE ready = 0`;

/** Makes jobs of one queue ready whose time has come, the longest overdue first, at most `LIMIT` of them. */
export const PROMOTE_DUE = `
  UPDATE jobs SET ready = 1 WHERE seq IN (
    SELECT seq FROM jobs INDEXED BY jobs_due_later
    WHERE ready = 0 AND queue = ? AND run_at <= ? ORDER BY run_at LIMIT ?)`;

/** The same for jobs of all queues. */
export const PROMOTE_DUE_OF_ALL = `
  UPDATE jobs SET ready = 1 WHERE seq IN (
    SELECT seq FROM jobs INDEXED BY jobs_of_all_due_later
    WHERE ready = 0 AND run_at <= ? ORDER BY run_at LIMIT ?)`;

/** Removes a job, of which nothing else is left. */
export const DELETE_JOB = "DELETE FROM jobs WHERE seq = ?";
