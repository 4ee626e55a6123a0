/**
 * Stores of a given size, filled in bulk: half of the jobs are scheduled for later, half are finished.
 */

import { DatabaseSync } from "node:sqlite";
import { SqliteStore } from "../../src/store/sqlite.ts";

/** Later than any bench runs: 2099-01-01. */
const MUCH_LATER_MS = 4_070_908_800_000;

/** Creates the store in `path` with `count` jobs, their attempts and their events. */
export async function fillStore(path: string, count: number): Promise<void> {
  await (await SqliteStore.open(path, { durability: "normal", lockTimeoutMs: 10_000 })).close();
  const db = new DatabaseSync(path);
  db.exec("PRAGMA synchronous = OFF");
  db.exec("BEGIN");
  db.prepare(`
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
    INSERT INTO jobs (id, command, queue, priority, max_retries, timeout_ms, backoff_base, cwd, env, attempts,
      crashes, created_at, updated_at, state, run_at, ready, finished_at, last_event_id)
    SELECT 'filler-' || n, 'true', 'default', n % 11, 3, 3600000, 2, '/', '{}', n % 2, 0, n, n,
      iif(n % 2, 'completed', 'pending'), iif(n % 2, NULL, ${MUCH_LATER_MS} + n), iif(n % 2, NULL, 0),
      iif(n % 2, n, NULL), n
    FROM numbers`).run(count);
  db.exec(`
    INSERT INTO counters (kind, name, what, jobs) SELECT 'queue', queue, state, count(*) FROM jobs GROUP BY queue, state;
    INSERT INTO attempts (job_seq, number, worker_id, started_at, finished_at, outcome, exit_code)
      SELECT seq, 1, 1, created_at, finished_at, 'succeeded', 0 FROM jobs WHERE state = 'completed' ORDER BY seq;
    UPDATE jobs SET last_attempt_id = (seq + 1) / 2 WHERE state = 'completed';
    INSERT INTO events (at, job_seq, data) SELECT created_at, seq, '{"type":"enqueued","runAt":0}' FROM jobs ORDER BY seq;
    COMMIT;`);
  db.close();
}
