/**
 * Fewer pages to write for each end of an attempt.
 *
 * The counts of workers lie beside those of queues, in a page that changes anyway. Attempts are linked as the entries
 * of the log are. Neither the log nor the attempts need the table in which SQLite keeps the highest numbers: nothing is
 * taken out of the log before something newer is in it, and `store` keeps the number of the newest attempt that was
 * deleted, so that none is given twice.
 */

/** SQL, run once, in a transaction. */
export const fewerPages = `
CREATE TABLE counters_by_kind (
  kind TEXT NOT NULL CHECK (kind IN ('queue', 'worker')),
  name TEXT NOT NULL CHECK (name <> ''),
  what TEXT NOT NULL,
  jobs INTEGER NOT NULL CHECK (jobs >= 0),
  PRIMARY KEY (kind, name, what)
) STRICT, WITHOUT ROWID;
INSERT INTO counters_by_kind SELECT 'queue', queue, state, jobs FROM counters;
INSERT INTO counters_by_kind SELECT 'worker', id, 'succeeded', jobs_succeeded FROM workers;
INSERT INTO counters_by_kind SELECT 'worker', id, 'failed', jobs_failed FROM workers;
DROP TABLE counters;
ALTER TABLE counters_by_kind RENAME TO counters;
CREATE VIEW queue_counters AS SELECT name AS queue, what AS state, jobs FROM counters WHERE kind = 'queue';
ALTER TABLE workers DROP COLUMN jobs_succeeded;
ALTER TABLE workers DROP COLUMN jobs_failed;

ALTER TABLE store ADD COLUMN newest_deleted_attempt_id INTEGER NOT NULL DEFAULT 0;
UPDATE store SET newest_deleted_attempt_id = coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'attempts'), 0);
CREATE TABLE linked_attempts (
  id INTEGER PRIMARY KEY,
  job_seq INTEGER NOT NULL,
  number INTEGER NOT NULL CHECK (number >= 1),
  worker_id INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  finished_at INTEGER,
  outcome TEXT CHECK (outcome IN ('succeeded', 'failed', 'timed_out', 'cancelled', 'released', 'lost')),
  exit_code INTEGER,
  signal TEXT,
  error TEXT,
  progress_percent INTEGER CHECK (progress_percent BETWEEN 0 AND 100),
  progress_text TEXT CHECK ((progress_text IS NULL) = (progress_percent IS NULL)),
  progress_event_id INTEGER CHECK ((progress_event_id IS NULL) = (progress_percent IS NULL)),
  previous_id INTEGER,
  CHECK ((finished_at IS NULL) = (outcome IS NULL))
) STRICT;
INSERT INTO linked_attempts
  SELECT id, job_seq, number, worker_id, started_at, finished_at, outcome, exit_code, signal, error,
    progress_percent, progress_text, progress_event_id,
    (SELECT max(earlier.id) FROM attempts AS earlier
      WHERE earlier.job_seq = attempts.job_seq AND earlier.id < attempts.id)
  FROM attempts ORDER BY id;
ALTER TABLE jobs ADD COLUMN last_attempt_id INTEGER;
UPDATE jobs SET last_attempt_id = (SELECT max(id) FROM attempts WHERE job_seq = seq);
DROP TABLE attempts;
ALTER TABLE linked_attempts RENAME TO attempts;

CREATE TABLE counted_events (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  job_seq INTEGER,
  data TEXT NOT NULL,
  previous_id INTEGER
) STRICT;
INSERT INTO counted_events SELECT id, at, job_seq, data, previous_id FROM events ORDER BY id;
DROP TABLE events;
ALTER TABLE counted_events RENAME TO events;
`;
