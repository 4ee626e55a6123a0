/**
 * The statements of the dashboards' views.
 */

import { type ListingPlace, type PageRequest, SUMMARY_LENGTH } from "../core/reports.ts";
import type { Value } from "./connection.ts";
import { PRIORITIES } from "./jobs_table.ts";

/** A statement and its parameters. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly Value[];
}

const SUMMARY = `
  seq, id, substr(command, 1, ${SUMMARY_LENGTH}) AS command, length(command) AS command_length, state, queue,
  priority, attempts, max_retries, created_at, updated_at, run_at, claimed_at, finished_at, worker_id,
  attempt_id, cancel_requested_at, substr(last_error, 1, ${SUMMARY_LENGTH}) AS last_error,
  (SELECT progress_percent FROM attempts WHERE id = attempt_id) AS progress_percent,
  (SELECT progress_text FROM attempts WHERE id = attempt_id) AS progress_text`;

const MATCHING = `
  seq IN (SELECT value FROM json_each(?))
    AND (? IS NULL OR state IN (SELECT value FROM json_each(?)))
    AND (? IS NULL OR queue = ?)
    AND (? IS NULL OR instr(lower(id), lower(?)) OR instr(lower(command), lower(?)))`;

/**
 * Of the jobs whose `seq`s are a JSON array, those that match. The parameters are those of `matchingValues`:
 * Deno 2.4 can't bind one parameter in several places.
 */
export const MATCHING_ROWS = `SELECT ${SUMMARY} FROM jobs WHERE ${MATCHING}`;

/** How many these are. */
export const MATCHING_COUNT = `SELECT count(*) AS jobs FROM jobs WHERE ${MATCHING}`;

/** The `seq` of the job that arrived last. */
export const NEWEST_SEQ = "SELECT max(seq) AS seq FROM jobs";

/** The parameters of `MATCHING_ROWS` and `MATCHING_COUNT`: `seq`s and states as JSON arrays; null for what doesn't restrict. */
export function matchingValues(
  seqs: string,
  { states, queue, search }: { states: string | null; queue: string | null; search: string | null },
): (string | null)[] {
  return [seqs, states, states, queue, queue, search, search, search];
}

const UP = {
  all: "SELECT seq, 0 AS time FROM jobs WHERE seq > ? ORDER BY seq LIMIT ?",
  state: "SELECT seq, 0 AS time FROM jobs WHERE state = ? AND seq > ? ORDER BY seq LIMIT ?",
  finished: {
    sameTime:
      "SELECT seq, finished_at AS time FROM jobs WHERE finished_at = ? AND seq > ? ORDER BY seq LIMIT ?",
    beyond: `
      SELECT seq, finished_at AS time FROM jobs WHERE finished_at > ? ORDER BY finished_at, seq LIMIT ?`,
  },
  due: {
    sameTime:
      "SELECT seq, run_at AS time FROM jobs WHERE ready = 0 AND run_at = ? AND seq > ? ORDER BY seq LIMIT ?",
    beyond:
      "SELECT seq, run_at AS time FROM jobs WHERE ready = 0 AND run_at > ? ORDER BY run_at, seq LIMIT ?",
  },
};

const DOWN: typeof UP = {
  all: "SELECT seq, 0 AS time FROM jobs WHERE seq < ? ORDER BY seq DESC LIMIT ?",
  state: "SELECT seq, 0 AS time FROM jobs WHERE state = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
  finished: {
    sameTime: `
      SELECT seq, finished_at AS time FROM jobs WHERE finished_at = ? AND seq < ? ORDER BY seq DESC LIMIT ?`,
    beyond: `
      SELECT seq, finished_at AS time FROM jobs WHERE finished_at < ?
      ORDER BY finished_at DESC, seq DESC LIMIT ?`,
  },
  due: {
    sameTime: `
      SELECT seq, run_at AS time FROM jobs WHERE ready = 0 AND run_at = ? AND seq < ? ORDER BY seq DESC LIMIT ?`,
    beyond: `
      SELECT seq, run_at AS time FROM jobs WHERE ready = 0 AND run_at < ?
      ORDER BY run_at DESC, seq DESC LIMIT ?`,
  },
};

const BEFORE_ALL = { seq: 0, time: -Number.MAX_SAFE_INTEGER };
const BEHIND_ALL = { seq: Number.MAX_SAFE_INTEGER, time: Number.MAX_SAFE_INTEGER };

/**
 * The statements that give, together and sorted, the next `size` jobs behind `place` in the order of `request`
 * as `seq` and `time`; more than that may come. Each walks along one index.
 */
export function placesBehind(request: PageRequest, place: ListingPlace | null, size: number): Statement[] {
  const isUp = request.direction === "ascending";
  const select = isUp ? UP : DOWN;
  const { seq, time } = place ?? (isUp ? BEFORE_ALL : BEHIND_ALL);
  if (request.order === "created") {
    if (request.states === undefined) return [{ sql: select.all, values: [seq, size] }];
    return request.states.map((state) => ({ sql: select.state, values: [state, seq, size] }));
  }
  // Very many jobs may have ended at the same moment: the place among them is found by `seq`.
  const { sameTime, beyond } = select[request.order];
  const further = { sql: beyond, values: [time, size] };
  return place === null ? [further] : [{ sql: sameTime, values: [time, seq, size] }, further];
}

/** How many jobs each state of a queue (null, twice: of all queues) has. */
export const COUNTS_OF_QUEUE = `
  SELECT state, sum(jobs) AS jobs FROM queue_counters WHERE (? IS NULL OR queue = ?) GROUP BY state`;

/** Queues with a column for each state, those with the most unfinished jobs first, at most so many. */
export const QUEUE_DEPTHS = `
  SELECT queue, sum(iif(state = 'pending', jobs, 0)) AS pending, sum(iif(state = 'processing', jobs, 0)) AS processing,
    sum(iif(state = 'completed', jobs, 0)) AS completed, sum(iif(state = 'failed', jobs, 0)) AS failed,
    sum(iif(state = 'dead', jobs, 0)) AS dead, sum(iif(state = 'cancelled', jobs, 0)) AS cancelled
  FROM queue_counters GROUP BY queue HAVING sum(jobs) > 0 ORDER BY pending + processing + failed DESC, queue LIMIT ?`;

/** How many queues have jobs. */
export const QUEUE_TOTAL = "SELECT count(DISTINCT queue) AS total FROM queue_counters WHERE jobs > 0";

/** The earliest `run_at` of a queue's first so many ready jobs of each priority. */
export const OLDEST_READY = `
  SELECT min(first) AS run_at FROM (SELECT (
    SELECT min(run_at) FROM (
      SELECT run_at FROM jobs INDEXED BY jobs_ready_by_priority
      WHERE ready = 1 AND queue = ? AND priority = column1 ORDER BY seq LIMIT ?)) AS first FROM ${PRIORITIES})`;

/** The same of all queues. */
export const OLDEST_READY_OF_ALL = `
  SELECT min(first) AS run_at FROM (SELECT (
    SELECT min(run_at) FROM (
      SELECT run_at FROM jobs INDEXED BY jobs_of_all_ready_by_priority
      WHERE ready = 1 AND priority = column1 ORDER BY seq LIMIT ?)) AS first FROM ${PRIORITIES})`;

/** The jobs that are due after a time, soonest first, at most so many. */
export const DUE_LATER = `SELECT ${SUMMARY} FROM jobs WHERE ready = 0 AND run_at > ? ORDER BY run_at LIMIT ?`;

/** At most so many jobs that are processing, in order of arrival. */
export const PROCESSING = `SELECT ${SUMMARY} FROM jobs WHERE state = 'processing' ORDER BY seq LIMIT ?`;

/** The newest so many attempts before an id: how many, from which to which id, and when the last of them moved. */
export const SLICE_OF_ATTEMPTS = `
  SELECT min(id) AS first_id, max(id) AS last_id, count(*) AS count,
    max(max(started_at, coalesce(finished_at, 0))) AS latest_at
  FROM (SELECT id, started_at, finished_at FROM attempts WHERE id < ? ORDER BY id DESC LIMIT ?)`;

/** Ends by stretch of time and outcome: length of a stretch, first and last id, from and to when. */
export const TALLIES = `
  SELECT CAST(finished_at / ? AS INTEGER) AS stretch, outcome, count(*) AS count, sum(finished_at - started_at) AS total_ms
  FROM attempts WHERE id BETWEEN ? AND ? AND finished_at BETWEEN ? AND ? GROUP BY 1, 2`;
