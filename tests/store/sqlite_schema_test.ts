import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import * as attempts from "../../src/store/attempts_table.ts";
import * as events from "../../src/store/events_table.ts";
import { selectDeletable, selectJobs } from "../../src/store/job_filter.ts";
import * as ids from "../../src/store/sqlite_ids.ts";
import * as jobs from "../../src/store/jobs_table.ts";
import * as counters from "../../src/store/counters_table.ts";
import * as reports from "../../src/store/reports_sql.ts";
import * as backlog from "../../src/store/sqlite_backlog.ts";
import * as workers from "../../src/store/workers_table.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import { claimed, endClaim, FAILED, newJob, register, SUCCEEDED, T0 } from "../conformance/samples.ts";
import { inFolder } from "./temporary_disk.ts";

/** A store with a job in each state, named after it, seen through a connection that knows no rules. */
function withRows(work: (db: DatabaseSync) => void): Promise<void> {
  return inFolder(async (dir) => {
    const path = join(dir, "queue.db");
    const store = await SqliteStore.open(path, { durability: "normal", lockTimeoutMs: 1000 });
    await register(store);
    const states = ["pending", "processing", "completed", "failed", "dead", "cancelled"];
    await store.enqueue(
      states.map((id) => newJob(id, { queue: id, maxRetries: id === "dead" ? 1 : 3 })),
      T0,
    );
    await claimed(store, { queues: ["processing"] });
    await endClaim(store, await claimed(store, { queues: ["completed"] }), SUCCEEDED);
    await endClaim(store, await claimed(store, { queues: ["failed"] }), FAILED);
    await endClaim(store, await claimed(store, { queues: ["dead"] }), FAILED);
    await store.apply(["cancelled"], { type: "cancel_requested" }, T0);
    await store.close();
    const db = new DatabaseSync(path);
    try {
      work(db);
    } finally {
      db.close();
    }
  });
}

/** What would make a legal row of `jobs` illegal, by the state of that row. */
const ILLEGAL: Record<string, readonly string[]> = {
  pending: [
    ...["state = 'odd'", "state = 'PENDING'", "state = NULL", "run_at = NULL, ready = NULL", "ready = NULL"],
    ...["ready = 2", "run_at = NULL", "finished_at = 1", "last_error = 'x'", "cancel_requested_at = 1"],
    ...["claim_token = 't', worker_id = 1, attempt_id = 1, claimed_at = 1", "worker_id = 1"],
    ...["attempt_id = 1", "claimed_at = 1", "state = 'processing'", "state = 'failed'"],
    ...["priority = 11", "priority = -1", "priority = 'high'", "priority = 1.5", "max_retries = 0"],
    ...["timeout_ms = -1", "backoff_base = -1", "attempts = -1", "attempts = 4", "crashes = -1"],
    ...["id = ''", "id = NULL", "id = 'dead'", "command = ''", "queue = ''", "env = NULL", "cwd = NULL"],
  ],
  processing: [
    ...["claim_token = NULL", "worker_id = NULL", "attempt_id = NULL", "claimed_at = NULL"],
    ...["run_at = 1, ready = 1", "finished_at = 1", "last_error = 'x'", "state = 'completed'"],
    "claim_token = NULL, worker_id = NULL, attempt_id = NULL, claimed_at = NULL",
  ],
  completed: ["finished_at = NULL", "last_error = 'x'", "run_at = 1, ready = 0", "state = 'dead'"],
  failed: ["last_error = NULL", "finished_at = 1", "run_at = NULL, ready = NULL", "state = 'pending'"],
  dead: ["last_error = NULL", "finished_at = NULL", "state = 'cancelled'", "cancel_requested_at = 1"],
  cancelled: ["finished_at = NULL", "last_error = 'x'", "ready = 1", "cancel_requested_at = 1"],
};

for (const [state, changes] of Object.entries(ILLEGAL)) {
  Deno.test(`schema: a ${state} job can't have what its state doesn't allow`, () =>
    withRows((db) => {
      for (const change of changes) {
        assert.throws(
          () => db.prepare(`UPDATE jobs SET ${change} WHERE id = '${state}'`).run(),
          /constraint failed|cannot store/,
          change,
        );
      }
      assert.equal(db.prepare(`UPDATE jobs SET cwd = '/x' WHERE id = '${state}'`).run().changes, 1);
    }));
}

Deno.test("schema: an attempt has an end or none, and a known outcome", () =>
  withRows((db) => {
    const running = "WHERE outcome IS NULL";
    for (const outcome of ["succeeded", "failed", "timed_out", "cancelled", "released", "lost"]) {
      db.exec(`BEGIN; UPDATE attempts SET outcome = '${outcome}', finished_at = 1 ${running}; ROLLBACK`);
    }
    const illegal = ["outcome = 'odd', finished_at = 1", "outcome = 'lost'", "finished_at = 1", "number = 0"];
    for (const change of [...illegal, "worker_id = NULL"]) {
      assert.throws(
        () => db.prepare(`UPDATE attempts SET ${change} ${running}`).run(),
        /constraint failed/,
        change,
      );
    }
  }));

Deno.test("schema: counters and workers keep to their ranges", () =>
  withRows((db) => {
    const illegal = [
      "counters SET jobs = -1",
      "counters SET kind = 'other'",
      "workers SET slots = 0",
      "workers SET stopping = 2",
    ];
    for (const change of illegal) {
      assert.throws(() => db.prepare(`UPDATE ${change}`).run(), /constraint failed/, change);
    }
  }));

/** The steps of the plan of a statement. */
function planOf(db: DatabaseSync, sql: string): string[] {
  return db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all().map((row) => String(row.detail));
}

const PLANS: Record<string, { sql: string; uses: RegExp }> = {
  "the next job by priority": {
    sql: jobs.NEXT_BY_PRIORITY,
    uses: /USING INDEX jobs_ready_by_priority \(queue=\?\)/,
  },
  "the next job by arrival": {
    sql: jobs.NEXT_BY_ARRIVAL,
    uses: /USING COVERING INDEX jobs_ready_by_priority \(queue=\? AND priority=\?\)/,
  },
  "the next job of all by arrival": {
    sql: jobs.NEXT_BY_ARRIVAL_OF_ALL,
    uses: /USING COVERING INDEX jobs_of_all_ready_by_priority \(priority=\?\)/,
  },
  "a queue's oldest ready job": {
    sql: reports.OLDEST_READY,
    uses: /USING INDEX jobs_ready_by_priority \(queue=\? AND priority=\?\)/,
  },
  "the oldest ready job of all": {
    sql: reports.OLDEST_READY_OF_ALL,
    uses: /USING INDEX jobs_of_all_ready_by_priority \(priority=\?\)/,
  },
  "the next time": { sql: jobs.NEXT_RUN_AT, uses: /USING COVERING INDEX jobs_due_later \(queue=\?\)/ },
  "jobs that come due": {
    sql: jobs.PROMOTE_DUE,
    uses: /USING COVERING INDEX jobs_due_later \(queue=\? AND run_at<\?\)/,
  },
  "a job by id": { sql: jobs.JOB_BY_ID, uses: /USING INDEX sqlite_autoindex_jobs_1 \(id=\?\)/ },
  "ids that begin so": {
    sql: ids.IDS_BETWEEN,
    uses: /USING INDEX sqlite_autoindex_jobs_1 \(id>\? AND id<\?\)/,
  },
  "the newest jobs of a state": {
    sql: ids.NEWEST_OF_STATE,
    uses: /USING INDEX jobs_by_state \(state=\?\)/,
  },
  "queues that begin so": {
    sql: ids.QUEUES_BETWEEN,
    uses: /PRIMARY KEY \(kind=\? AND name>\? AND name<\?\)/,
  },
  "a job by claim": { sql: jobs.JOB_BY_CLAIM, uses: /USING INTEGER PRIMARY KEY/ },
  "writing a transition": { sql: jobs.updateSql(["state", "run_at"]), uses: /USING INTEGER PRIMARY KEY/ },
  "a worker's jobs": { sql: jobs.JOBS_OF_WORKER, uses: /USING INDEX jobs_by_state \(state=\?\)/ },
  "a worker's jobs to be cancelled": {
    sql: jobs.CANCEL_REQUESTS,
    uses: /USING INDEX jobs_to_cancel \(worker_id=\?\)/,
  },
  "jobs that are processing": { sql: jobs.JOBS_PROCESSING, uses: /USING INDEX jobs_by_state/ },
  "old final jobs": {
    sql: selectDeletable({ states: ["completed", "dead", "cancelled"], updatedBefore: T0 }, 10).sql,
    uses: /USING INDEX jobs_finished \(finished_at<\?\)/,
  },
  "a page of one state": {
    sql: selectJobs({ states: ["dead"], afterSeq: 1, limit: 10 }).sql,
    uses: /USING INDEX jobs_by_state \(state=\? AND seq>\?\)/,
  },
  "a page of all": { sql: selectJobs({ afterSeq: 1, limit: 10 }).sql, uses: /USING INTEGER PRIMARY KEY/ },
  "a job's attempts": {
    sql: attempts.NEWEST_ATTEMPTS_OF_JOB,
    uses: /SEARCH attempts USING INTEGER PRIMARY KEY/,
  },
  "the number of a new attempt": { sql: attempts.INSERT_ATTEMPT, uses: /SEARCH attempts\n/ },
  "workers, with their counts": {
    sql: workers.ALL_WORKERS,
    uses: /counters USING PRIMARY KEY \(kind=\? AND name=\? AND what=\?\)/,
  },
  "the end of an attempt": { sql: attempts.END_ATTEMPT, uses: /USING INTEGER PRIMARY KEY/ },
  "an attempt's progress": { sql: attempts.SET_PROGRESS, uses: /USING INTEGER PRIMARY KEY/ },
  "running attempts": { sql: attempts.RUNNING_ATTEMPTS, uses: /jobs USING INDEX jobs_by_state/ },
  "whether one job is ready": { sql: jobs.READY_JOB, uses: /USING INTEGER PRIMARY KEY/ },
  "whether a job is ready": {
    sql: backlog.READY_OF_ALL,
    uses: /COVERING INDEX jobs_of_all_ready_by_priority/,
  },
  "whether a queue's job is ready": {
    sql: backlog.READY,
    uses: /COVERING INDEX jobs_ready_by_priority \(queue=\?\)/,
  },
  "a queue's counts": { sql: counters.COUNTS_OF_QUEUE, uses: /PRIMARY KEY \(kind=\? AND name=\?\)/ },
  "jobs that are scheduled": {
    sql: backlog.SCHEDULED_AFTER,
    uses: /jobs_due_later \(queue=\? AND run_at>\?\)/,
  },
  "the newest entry": { sql: events.LAST_ENTRY_ID, uses: /SEARCH events/ },
  "new events": { sql: events.EVENTS_AFTER, uses: /events USING INTEGER PRIMARY KEY \(rowid>\?\)/ },
  "a deleted job's events": { sql: events.DELETE_EVENTS, uses: /events USING INTEGER PRIMARY KEY/ },
  "a deleted job's progress": {
    sql: events.DELETE_PROGRESS,
    uses: /SEARCH attempts USING INTEGER PRIMARY KEY/,
  },
  "a deleted job's attempts": {
    sql: attempts.DELETE_ATTEMPTS,
    uses: /^SEARCH attempts USING INTEGER PRIMARY KEY/,
  },
  "a deleted job's output": {
    sql: attempts.DELETE_OUTPUT_LATER,
    uses: /SEARCH attempts USING INTEGER PRIMARY KEY/,
  },
  "the event before": { sql: events.EVENT_BEFORE, uses: /SEARCH events USING INTEGER PRIMARY KEY/ },
};

for (const [what, { sql, uses }] of Object.entries(PLANS)) {
  Deno.test(`query plan: ${what} is found by an index, without sorting`, () =>
    withRows((db) => {
      const plan = planOf(db, sql);
      assert.match(plan.join("\n"), uses);
      assert.doesNotMatch(
        plan.join("\n"),
        /TEMP B-TREE|SCAN (jobs|attempts|events)(?! USING (COVERING )?INDEX)/,
      );
    }));
}
