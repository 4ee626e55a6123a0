import assert from "node:assert/strict";
import { join } from "node:path";
import { SCHEMA_VERSION } from "../../src/store/migrate.ts";
import { MIGRATIONS } from "../../src/store/migrations/in_order.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import { endClaim, newJob, request, SUCCEEDED, T0 } from "../conformance/samples.ts";
import { writeOldFile } from "../harness/old_file.ts";
import { inFolder } from "./temporary_disk.ts";

/** A job that worker 7 was running when the file was last written by the first release's schema. */
const HELD = `
INSERT INTO jobs (id, command, queue, priority, max_retries, timeout_ms, backoff_base, cwd, env, attempts,
  crashes, created_at, updated_at, state, worker_id, claim_token, attempt_id, claimed_at)
VALUES ('held', 'make', 'default', 5, 3, 0, 2, '/', '{}', 1, 0, 10, 20, 'processing', 7, 'token', 1, 20);
INSERT INTO counters (queue, state, jobs) VALUES ('default', 'processing', 1);
INSERT INTO attempts (job_seq, number, worker_id, started_at) VALUES (1, 1, 7, 20)`;

Deno.test("migrate: the version that a file is brought to is that of the last migration", () => {
  assert.equal(SCHEMA_VERSION, MIGRATIONS.length);
});

Deno.test("migrate: a file from before progress keeps its jobs, and running attempts can tell theirs", () =>
  inFolder(async (dir) => {
    const path = join(dir, "queue.db");
    writeOldFile(path, 1, HELD);
    const store = await SqliteStore.open(path, { durability: "normal", lockTimeoutMs: 1000 });
    try {
      const [job] = await store.processing();
      assert.deepEqual([job!.id, job!.claim.workerId, job!.priority], ["held", 7, 5]);
      assert.equal((await store.attempts(job!.seq))[0]!.progress, null);
      assert.equal(await store.setProgress(1, { percent: 40, text: "Building" }, 30), true);
      assert.deepEqual((await store.runningAttempts())[0]!.progress, { percent: 40, text: "Building" });
      assert.equal((await endClaim(store, job!, SUCCEEDED, 40))?.state, "completed");
    } finally {
      await store.close();
    }
  }));

Deno.test("migrate: a file with more indexes keeps its jobs in line", () =>
  inFolder(async (dir) => {
    const path = join(dir, "queue.db");
    const waiting = (id: string, priority: number) => `
      INSERT INTO jobs (id, command, queue, priority, max_retries, timeout_ms, backoff_base, cwd, env, attempts,
        crashes, created_at, updated_at, state, run_at, ready)
      VALUES ('${id}', 'make', 'default', ${priority}, 3, 0, 2, '/', '{}', 0, 0, 10, 10, 'pending', 10, 1);
      INSERT INTO counters (queue, state, jobs) VALUES ('default', 'pending', 1)
      ON CONFLICT (queue, state) DO UPDATE SET jobs = jobs + 1;`;
    writeOldFile(path, 3, HELD + ";" + waiting("first", 5) + waiting("urgent", 10) + waiting("last", 0));
    const store = await SqliteStore.open(path, { durability: "normal", lockTimeoutMs: 1000 });
    try {
      const claim = (mode: "fifo" | "priority", queues: string[]) =>
        store.claim({ workerId: 8, queues, mode, token: crypto.randomUUID() }, 20);
      assert.equal((await claim("fifo", []))?.id, "first");
      assert.equal((await claim("priority", ["default"]))?.id, "urgent");
      assert.equal((await claim("fifo", ["default"]))?.id, "last");
      assert.equal(await claim("fifo", ["default"]), null);
    } finally {
      await store.close();
    }
  }));

Deno.test("migrate: attempts, their numbers and the tallies of workers go on where an older file has them", () =>
  inFolder(async (dir) => {
    const path = join(dir, "queue.db");
    const worker = `
      INSERT INTO workers (id, pid, start_ticks, boot_id, pid_namespace, lock_name, slots, queues, started_at,
        heartbeat_at, stopping, jobs_succeeded, jobs_failed)
      VALUES (7, 70, '1', 'boot', 'pid:[1]', 'worker-7.lock', 1, '[]', 10, 10, 0, 40, 2);`;
    const attempts = `
      UPDATE jobs SET attempt_id = 3;
      UPDATE attempts SET finished_at = 15, outcome = 'failed', exit_code = 1;
      INSERT INTO attempts (job_seq, number, worker_id, started_at, finished_at, outcome) VALUES (1, 2, 7, 16, 17, 'lost');
      INSERT INTO attempts (job_seq, number, worker_id, started_at) VALUES (1, 3, 7, 20);
      INSERT INTO attempts (id, job_seq, number, worker_id, started_at) VALUES (9, 1, 4, 7, 20);
      DELETE FROM attempts WHERE id = 9;`;
    writeOldFile(path, 5, `${HELD};${worker}${attempts}`);
    const store = await SqliteStore.open(path, { durability: "normal", lockTimeoutMs: 1000 });
    try {
      const [job] = await store.processing();
      assert.equal((await endClaim(store, job!, SUCCEEDED, 40))?.state, "completed");
      const outcomes = (await store.attempts(job!.seq)).map((
        { id, number, outcome },
      ) => [id, number, outcome]);
      assert.deepEqual(outcomes, [[1, 1, "failed"], [2, 2, "lost"], [3, 3, "succeeded"]]);
      assert.deepEqual(
        (await store.workers()).map(({ jobsSucceeded, jobsFailed }) => [jobsSucceeded, jobsFailed]),
        [
          [41, 2],
        ],
      );
      assert.equal((await store.counts()).completed, 1);
      await store.delete({}, { now: 50, limit: 10 });
      assert.deepEqual(await store.attempts(job!.seq), []);
      assert.equal((await store.outputToDelete(10)).length, 3);
      await store.enqueue([newJob("next")], 50);
      assert.equal((await store.claim(request(), T0))?.claim.attemptId, 10);
    } finally {
      await store.close();
    }
  }));

Deno.test("migrate: what the log of an older file says about a job is found, and goes with it", () =>
  inFolder(async (dir) => {
    const path = join(dir, "queue.db");
    const log = (seq: number, data: string) =>
      `INSERT INTO events (at, job_seq, data) VALUES (10, ${seq}, '${data}');`;
    const entries = [
      log(1, '{"type":"enqueued","runAt":10}'),
      log(1, '{"type":"claimed","claim":{"workerId":7,"token":"","attemptId":1,"since":20}}'),
      'INSERT INTO events (at, job_seq, data) VALUES (10, NULL, \'{"type":"worker_started","workerId":8}\');',
      log(1, '{"type":"progressed","attemptId":1,"percent":40,"text":"Building"}'),
      "UPDATE attempts SET progress_percent = 40, progress_text = 'Building', progress_event_id = 4;",
      log(1, '{"type":"cancel_requested"}'),
    ];
    writeOldFile(path, 4, `${HELD};${entries.join("")}`);
    const store = await SqliteStore.open(path, { durability: "normal", lockTimeoutMs: 1000 });
    try {
      const before = await store.reports.entriesBefore(await store.events(0, 10));
      assert.deepEqual(before.map((entry) => entry?.event.type ?? null), [
        ...[null, "enqueued", null, "claimed", "claimed"],
      ]);
      const [job] = await store.processing();
      await endClaim(store, job!, SUCCEEDED, 40);
      await store.delete({}, { now: 50, limit: 10 });
      const left = await store.events(0, 10);
      assert.deepEqual(left.map(({ event }) => event.type), ["worker_started", "deleted"]);
    } finally {
      await store.close();
    }
  }));
