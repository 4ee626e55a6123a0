import assert from "node:assert/strict";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { isGone, waitFor } from "../harness/wait_for.ts";
import { enqueueEveryState, GATED, untilStates } from "./every_state.ts";
import { assertRefused } from "./refusal.ts";

const NEVER = "2999-01-01T00:00:00Z";

Deno.test("status: a new home has no workers, and zeros for every state", () =>
  TemporaryHome.use(async (home) => {
    const lines = [
      ...["Found 0 active worker(s)", "Pending: 0", "Processing: 0", "Completed: 0", "Failed: 0"],
      ...["Dead (DLQ): 0", "Cancelled: 0", "Total: 0", ""],
    ];
    assert.deepEqual((await home.run("status")).split("\n"), lines);
  }));

Deno.test("status: counts the jobs in each state", () =>
  TemporaryHome.use(async (home) => {
    await enqueueEveryState(home);
    await home.enqueue(
      { id: "pending2", command: "true", run_at: NEVER },
      { id: "completed2", command: "true" },
      { id: "cancelled2", command: "true", run_at: NEVER },
    );
    await home.run("cancel", "cancelled2");
    await untilStates(home, { completed2: "completed" });
    const lines = (await home.run("status")).trim().split("\n");
    assert.deepEqual(lines.slice(-7), [
      ...["Pending: 2", "Processing: 1", "Completed: 2", "Failed: 1", "Dead (DLQ): 1", "Cancelled: 2"],
      "Total: 9",
    ]);
  }));

Deno.test("status: names the active workers", () =>
  TemporaryHome.use(async (home) => {
    await home.startWorkers(3);
    assert.match(await home.run("status"), /^Found 3 active worker\(s\): \[1, 2, 3\]$/m);
  }));

Deno.test("status: shows which worker runs which job", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "long", command: GATED });
    await home.startWorkers(1);
    await home.untilJob("long", "processing");
    assert.match(await home.run("status"), /^ +worker 1: long for \d/m);
  }));

Deno.test("status: a worker that was killed is not counted as active", () =>
  TemporaryHome.use(async (home) => {
    const [pid] = await home.startWorkers(1);
    Deno.kill(pid!, "SIGKILL");
    await waitFor("the worker's end", () => isGone(pid!));
    assert.match(await home.run("status"), /^Found 0 active worker\(s\)/);
  }));

Deno.test("status --json: workers and the number of jobs by state", () =>
  TemporaryHome.use(async (home) => {
    await enqueueEveryState(home);
    const status = await home.json("status");
    assert.equal(status.active_workers, 1);
    const counts = { pending: 1, processing: 1, completed: 1, failed: 1, dead: 1, cancelled: 1, total: 6 };
    assert.deepEqual(status.jobs, counts);
    const [worker] = status.workers;
    assert.deepEqual([worker.id, worker.state, worker.slots], [1, "busy", 4]);
    assert.deepEqual(worker.jobs.map((job: { id: string }) => job.id), ["processing"]);
  }));

Deno.test("status ID: shows one job in full, with its attempts", () =>
  TemporaryHome.use(async (home) => {
    const spec = { id: "job1", command: "echo out; exit 7", max_retries: 1, priority: 4, queue: "reports" };
    await home.enqueue({ ...spec, timeout: 90, env: { A: "1" }, cwd: "/usr" });
    await home.startWorkers(1);
    await home.untilJob("job1", "dead");
    const shown = await home.run("status", "job1");
    const expected = [
      ...[/^ID: +job1$/m, /^Command: +echo out; exit 7$/m, /^State: +dead/m, /^Attempts: +1\/1$/m],
      ...[/^Last error: .*7/m, /^Queue: +reports$/m, /^Priority: +4$/m, /^Timeout: +1m 30s$/m],
      ...[/^Directory: +\/usr$/m, /^Variables: +A=1$/m, /^Created: +\d{4}-/m, /^Finished: +\d{4}-/m],
      ...[/^ATTEMPT +WORKER +STARTED +TOOK +OUTCOME +EXIT/m, /^1 +1 +\d{4}.* failed +7 /m],
    ];
    for (const line of expected) assert.match(shown, line);
  }));

Deno.test("get ID: shows the same as status ID, as text and as JSON", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "job1", command: "true" });
    await home.startWorkers(1);
    await home.untilJob("job1", "completed");
    assert.equal(await home.run("get", "job1"), await home.run("status", "job1"));
    const job = await home.json("get", "job1");
    assert.deepEqual(job, await home.json("status", "job1"));
    assert.equal(job.attempt_history.length, 1);
    const [attempt] = job.attempt_history;
    assert.deepEqual([attempt.attempt, attempt.outcome, attempt.exit_code], [1, "succeeded", 0]);
  }));

Deno.test("get ID: a job that waits for its time says when it is due", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "job1", command: "true", run_at: "2999-01-31T09:00:00Z" });
    const { stdout } = await home.call(["get", "job1"], { env: { TZ: "UTC" } });
    assert.match(stdout, /^Next run: +2999-01-31 09:00:00$/m);
  }));

Deno.test("status ID, get ID: an unknown job exits with 3", () =>
  TemporaryHome.use(async (home) => {
    assertRefused(await home.call(["status", "nope"]), 3, /no job nope/);
    assertRefused(await home.call(["get", "nope"]), 3, /no job nope/);
    assertRefused(await home.call(["get", "nope", "--json"]), 3, /no job nope/);
  }));

Deno.test("get: without an id, or with two, is refused", () =>
  TemporaryHome.use(async (home) => {
    assertRefused(await home.call(["get"]), 2, /id/);
    assertRefused(await home.call(["get", "a", "b"]), 2, /too many arguments/i);
  }));
