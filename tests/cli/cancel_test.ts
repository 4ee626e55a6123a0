import assert from "node:assert/strict";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { isGone, waitFor } from "../harness/wait_for.ts";
import { enqueueEveryState, GATED, statesOf } from "./every_state.ts";
import { assertRefused } from "./refusal.ts";

const NEVER = "2999-01-01T00:00:00Z";

Deno.test("cancel: a pending or failed job is cancelled at once", () =>
  TemporaryHome.use(async (home) => {
    await enqueueEveryState(home);
    assert.equal(await home.run("cancel", "pending"), "Cancelled job pending\n");
    assert.equal(await home.run("cancel", "failed"), "Cancelled job failed\n");
    const states = await statesOf(home);
    assert.deepEqual([states.pending, states.failed], ["cancelled", "cancelled"]);
  }));

Deno.test("cancel: a processing job's command is ended, and what it started as well", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: `(${GATED}; touch survived) & ${GATED}; touch survived` });
    await home.startWorkers(1);
    await home.untilJob("a", "processing");
    assert.match(await home.run("cancel", "a"), /^Cancelling job a: its command is being ended$/m);
    await home.untilJob("a", "cancelled");
    await Deno.writeTextFile(`${home.dir}/release`, "");
    await home.run("worker", "stop");
    assert.deepEqual(await home.processes(), []);
    await assert.rejects(Deno.stat(`${home.dir}/survived`), Deno.errors.NotFound);
  }));

Deno.test("cancel: where the job's worker has died, it says who ends it", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: GATED });
    const [pid] = await home.startWorkers(1);
    await home.untilJob("a", "processing");
    Deno.kill(pid!, "SIGKILL");
    await waitFor("the worker to be gone", () => isGone(pid!));
    assert.match(await home.run("cancel", "a"), /^Cancelling job a: its worker has died; the next one/);
    await home.startWorkers(1);
    await home.untilJob("a", "cancelled");
  }));

Deno.test("cancel: a cancelled job is not run by a worker that starts afterwards", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "touch ran" }, { id: "b", command: "true" });
    await home.run("cancel", "a");
    await home.startWorkers(1);
    await home.untilJob("b", "completed");
    assert.equal((await home.json("get", "a")).state, "cancelled");
    await assert.rejects(Deno.stat(`${home.dir}/ran`), Deno.errors.NotFound);
  }));

Deno.test("cancel: a completed, dead or cancelled job is a conflict that says its state", () =>
  TemporaryHome.use(async (home) => {
    await enqueueEveryState(home);
    for (const state of ["completed", "dead", "cancelled"]) {
      assertRefused(
        await home.call(["cancel", state]),
        4,
        new RegExp(`Cannot cancel ${state}: it is ${state}`),
      );
    }
  }));

Deno.test("cancel: several jobs are cancelled together, or none of them", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue(...["a", "b", "c"].map((id) => ({ id, command: "true", run_at: NEVER })));
    assertRefused(await home.call(["cancel", "a", "b", "nope"]), 3, /no job nope/);
    assert.deepEqual(await statesOf(home), { a: "pending", b: "pending", c: "pending" });
    const jobs: { state: string }[] = await home.json("cancel", "a", "b");
    assert.deepEqual(jobs.map((job) => job.state), ["cancelled", "cancelled"]);
    assertRefused(await home.call(["cancel", "c", "a"]), 4, /a: it is cancelled/);
    assert.equal((await statesOf(home)).c, "pending");
  }));

Deno.test("cancel: an unknown job exits with 3, no job at all with 2", () =>
  TemporaryHome.use(async (home) => {
    assertRefused(await home.call(["cancel", "nope"]), 3, /no job nope/);
    assertRefused(await home.call(["cancel"]), 2, /id/);
  }));

Deno.test("cancel: an id that is given twice is meant once", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "true" });
    assert.equal(await home.run("cancel", "a", "a"), "Cancelled job a\n");
  }));
