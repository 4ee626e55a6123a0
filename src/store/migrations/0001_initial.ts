/**
 * The first schema.
 *
 * Ready jobs are indexed twice, for workers that serve some queues and for those that serve all: neither may
 * have to look through jobs, or queues, that it doesn't serve or that are many.
 *
 * A job's columns repeat the union of `core/job.ts`: the CHECKs say which of them a state has. `ready` is the
 * store's own: 1 once `run_at` has come, so that the index that claims read holds ready jobs only, and
 * those due later wait in another one. `output_to_delete` names the output of deleted jobs until it is gone, too. `counters` holds what `COUNT(*)` by queue and state would give.
 */

/** SQL, run once, in a transaction. */
export const initial = `
CREATE TABLE store (
  uid TEXT NOT NULL
) STRICT;
INSERT INTO store (uid) VALUES (lower(hex(randomblob(8))));

CREATE TABLE jobs (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE CHECK (id <> ''),
  command TEXT NOT NULL CHECK (command <> ''),
  queue TEXT NOT NULL CHECK (queue <> ''),
  priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 10),
  max_retries INTEGER NOT NULL CHECK (max_retries >= 1),
  timeout_ms INTEGER NOT NULL CHECK (timeout_ms >= 0),
  backoff_base REAL NOT NULL CHECK (backoff_base >= 0),
  cwd TEXT NOT NULL,
  env TEXT NOT NULL,
  attempts INTEGER NOT NULL CHECK (attempts BETWEEN 0 AND max_retries),
  crashes INTEGER NOT NULL CHECK (crashes >= 0),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  state TEXT NOT NULL
    CHECK (state IN ('pending', 'processing', 'completed', 'failed', 'dead', 'cancelled')),
  run_at INTEGER,
  ready INTEGER CHECK (ready IN (0, 1)),
  finished_at INTEGER,
  last_error TEXT,
  worker_id INTEGER,
  claim_token TEXT,
  attempt_id INTEGER,
  claimed_at INTEGER,
  cancel_requested_at INTEGER,
  CHECK ((state IN ('pending', 'failed')) = (run_at IS NOT NULL)),
  CHECK ((run_at IS NULL) = (ready IS NULL)),
  CHECK ((state IN ('completed', 'dead', 'cancelled')) = (finished_at IS NOT NULL)),
  CHECK ((state IN ('failed', 'dead')) = (last_error IS NOT NULL)),
  CHECK ((state = 'processing') = (claim_token IS NOT NULL)),
  CHECK ((claim_token IS NULL) = (worker_id IS NULL)),
  CHECK ((claim_token IS NULL) = (attempt_id IS NULL)),
  CHECK ((claim_token IS NULL) = (claimed_at IS NULL)),
  CHECK (state = 'processing' OR cancel_requested_at IS NULL)
) STRICT;
CREATE INDEX jobs_ready_by_priority ON jobs (queue, priority DESC, seq) WHERE ready = 1;
CREATE INDEX jobs_ready_by_arrival ON jobs (queue, seq) WHERE ready = 1;
CREATE INDEX jobs_due_later ON jobs (queue, run_at) WHERE ready = 0;
CREATE INDEX jobs_of_all_ready_by_priority ON jobs (priority DESC, seq) WHERE ready = 1;
CREATE INDEX jobs_of_all_ready_by_arrival ON jobs (seq) WHERE ready = 1;
CREATE INDEX jobs_of_all_due_later ON jobs (run_at) WHERE ready = 0;
CREATE INDEX jobs_claimed ON jobs (worker_id) WHERE state = 'processing';
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX jobs_by_state ON jobs (state, seq);

CREATE TABLE counters (
  queue TEXT NOT NULL,
  state TEXT NOT NULL,
  jobs INTEGER NOT NULL CHECK (jobs >= 0),
  PRIMARY KEY (queue, state)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  job_seq INTEGER NOT NULL REFERENCES jobs (seq) ON DELETE CASCADE,
  number INTEGER NOT NULL CHECK (number >= 1),
  worker_id INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  finished_at INTEGER,
  outcome TEXT CHECK (outcome IN ('succeeded', 'failed', 'timed_out', 'cancelled', 'released', 'lost')),
  exit_code INTEGER,
  signal TEXT,
  error TEXT,
  CHECK ((finished_at IS NULL) = (outcome IS NULL))
) STRICT;
CREATE INDEX attempts_by_job ON attempts (job_seq, id);

CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  job_seq INTEGER,
  data TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_job ON events (job_seq) WHERE job_seq IS NOT NULL;

CREATE TABLE output_to_delete (
  attempt_id INTEGER PRIMARY KEY,
  job_seq INTEGER NOT NULL
) STRICT;

CREATE TABLE workers (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  pid INTEGER NOT NULL,
  start_ticks TEXT NOT NULL,
  boot_id TEXT NOT NULL,
  pid_namespace TEXT NOT NULL,
  lock_name TEXT NOT NULL,
  slots INTEGER NOT NULL CHECK (slots >= 1),
  queues TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  heartbeat_at INTEGER NOT NULL,
  stopping INTEGER NOT NULL CHECK (stopping IN (0, 1)),
  jobs_succeeded INTEGER NOT NULL,
  jobs_failed INTEGER NOT NULL
) STRICT;

CREATE TABLE config (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
`;
