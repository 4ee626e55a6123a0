/**
 * The rows of `events` and the statements on them.
 */

import type { LogEntry, LoggedEvent } from "../core/event.ts";
import { OF_JOB } from "./attempts_table.ts";
import type { Row } from "./connection.ts";

/** The entry that a row of `EVENTS_AFTER` holds. */
export function entryFromRow(row: Row): LogEntry {
  return {
    id: row.id as number,
    at: row.at as number,
    jobSeq: row.job_seq as number | null,
    jobId: row.job_id as string | null,
    event: JSON.parse(row.data as string),
  };
}

/** The text that is stored for an event: all of it but a claim's token, which is a secret. */
export function eventData(event: LoggedEvent): string {
  return JSON.stringify(
    event.type === "claimed" ? { ...event, claim: { ...event.claim, token: "" } } : event,
  );
}

/** Appends an entry: time, job (or null), data, and the job again, whose last entry is the one before. */
export const INSERT_EVENT = `
  INSERT INTO events (at, job_seq, data, previous_id)
  VALUES (?, ?, ?, (SELECT last_event_id FROM jobs WHERE seq = ?))`;

/** Takes an entry back, because a newer one, which is there already, says the same better. */
export const DELETE_EVENT = "DELETE FROM events WHERE id = ?";

/** The highest id that an entry has had, null if there was none: the newest entry is never deleted. */
export const LAST_ENTRY_ID = "SELECT max(id) AS id FROM events";

/** Appends the entries of jobs that have just been stored, in their order: time, the first and the last `seq`. */
export const INSERT_ENQUEUED = `
  INSERT INTO events (at, job_seq, data)
  SELECT ?, seq, '{"type":"enqueued","runAt":' || run_at || '}' FROM jobs WHERE seq BETWEEN ? AND ? ORDER BY seq`;

/** Entries after an id, oldest first, at most so many. */
export const EVENTS_AFTER = `
  SELECT events.*, jobs.id AS job_id FROM events LEFT JOIN jobs ON jobs.seq = events.job_seq
  WHERE events.id > ? ORDER BY events.id LIMIT ?`;

/** What the log says about a job next before an entry, but for how far its attempts had come. */
export const EVENT_BEFORE = "SELECT * FROM events WHERE id = (SELECT previous_id FROM events WHERE id = ?)";

/** Forgets what happened to a job that is deleted. */
export const DELETE_EVENTS = `
  WITH RECURSIVE about_job (id) AS (
    SELECT last_event_id FROM jobs WHERE seq = ?
    UNION ALL
    SELECT previous_id FROM events JOIN about_job USING (id) WHERE previous_id IS NOT NULL
  )
  DELETE FROM events WHERE id IN (SELECT id FROM about_job)`;

/** Forgets how far its attempts had come. */
export const DELETE_PROGRESS = `
  ${OF_JOB} DELETE FROM events WHERE id IN (SELECT progress_event_id FROM of_job JOIN attempts USING (id))`;
