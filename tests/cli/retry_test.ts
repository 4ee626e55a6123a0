import assert from "node:assert/strict";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { enqueueEveryState, statesOf } from "./every_state.ts";
import { assertRefused } from "./refusal.ts";

const NEVER = "2999-01-01T00:00:00Z";

/** A home with a job in each state, whose worker takes no new jobs, so that what is retried stays pending. */
async function withStoppedWorker(home: TemporaryHome): Promise<void> {
  await enqueueEveryState(home);
  await Deno.writeTextFile(`${home.dir}/release`, "");
  await home.untilJob("processing", "completed");
  await home.run("worker", "stop");
}

Deno.test("retry: a failed, dead, cancelled or completed job becomes pending now, with attempts 0", () =>
  TemporaryHome.use(async (home) => {
    await withStoppedWorker(home);
    for (const [id, max] of [["failed", 3], ["dead", 1], ["cancelled", 3], ["completed", 3]]) {
      const told = await home.run("retry", String(id));
      assert.equal(told, `Job ${id} is pending again, attempts 0/${max}\n`);
      const job = await home.json("get", String(id));
      assert.deepEqual([job.state, job.attempts, job.last_error], ["pending", 0, null]);
      assert.ok(Date.parse(job.run_at) <= Date.now(), job.run_at);
    }
  }));

Deno.test("retry: a retried job runs again", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "echo run >>runs; [ -e fixed ]", max_retries: 1 });
    await home.startWorkers(1);
    await home.untilJob("a", "dead");
    await Deno.writeTextFile(`${home.dir}/fixed`, "");
    await home.run("retry", "a");
    const job = await home.untilJob("a", "completed");
    assert.equal(job.attempts, 1);
    assert.equal(await Deno.readTextFile(`${home.dir}/runs`), "run\nrun\n");
  }));

Deno.test("retry: a pending or processing job is a conflict that says its state", () =>
  TemporaryHome.use(async (home) => {
    await enqueueEveryState(home);
    assertRefused(await home.call(["retry", "pending"]), 4, /Cannot retry pending: it is pending/);
    assertRefused(await home.call(["retry", "processing"]), 4, /Cannot retry processing: it is processing/);
    assert.equal((await statesOf(home)).processing, "processing");
  }));

Deno.test("retry: several jobs are retried together, or none of them", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue(...["a", "b", "c"].map((id) => ({ id, command: "true", run_at: NEVER })));
    await home.run("cancel", "a", "b");
    assertRefused(await home.call(["retry", "a", "b", "c"]), 4, /c: it is pending/);
    assertRefused(await home.call(["retry", "a", "nope"]), 3, /no job nope/);
    assert.deepEqual(await statesOf(home), { a: "cancelled", b: "cancelled", c: "pending" });
    const jobs: { id: string }[] = await home.json("retry", "b", "a");
    assert.deepEqual(jobs.map((job) => job.id), ["b", "a"]);
    assert.deepEqual(await statesOf(home), { a: "pending", b: "pending", c: "pending" });
  }));

Deno.test("retry: an unknown job exits with 3, no job at all with 2", () =>
  TemporaryHome.use(async (home) => {
    assertRefused(await home.call(["retry", "nope"]), 3, /no job nope/);
    assertRefused(await home.call(["retry"]), 2, /id/);
  }));

Deno.test("retry: an id that is given twice is meant once", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "true" });
    await home.run("cancel", "a");
    assert.equal(await home.run("retry", "a", "a"), "Job a is pending again, attempts 0/3\n");
  }));
