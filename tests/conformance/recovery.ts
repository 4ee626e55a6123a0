/**
 * `recoverWorker`: what happens to the jobs of a worker that died.
 */

import assert from "node:assert/strict";
import type { Store } from "../../src/core/store.ts";
import {
  allEvents,
  claimed,
  endClaim,
  enqueueIds,
  FAILED,
  register,
  RELEASED,
  request,
  snapshot,
  SUCCEEDED,
  T0,
} from "./samples.ts";
import type { Behaviour } from "./store_under_test.ts";

/** A new worker claims the next job and dies; returns what the job is then. */
async function dieUnderNext(store: Store, pid: number) {
  const worker = await register(store, pid);
  await claimed(store, { workerId: worker.id });
  const jobs = await store.recoverWorker(worker.id, T0);
  assert.equal(jobs?.length, 1);
  return jobs[0]!;
}

/** Registers what `recoverWorker` must do. */
export function recoveryBehaviours(behaviour: Behaviour): void {
  behaviour("recoverWorker: gives back what the worker held, and nothing of others", async ({ store }) => {
    await enqueueIds(store, ["a", "b", "c", "d"]);
    const [dead, alive] = [await register(store, 1), await register(store, 2)];
    await claimed(store, { workerId: dead.id });
    await claimed(store, { workerId: alive.id });
    await claimed(store, { workerId: dead.id });
    const jobs = await store.recoverWorker(dead.id, T0 + 50);
    assert.deepEqual(jobs?.map((job) => [job.id, job.state]), [["a", "pending"], ["c", "pending"]]);
    assert.deepEqual(jobs, [await store.job("a"), await store.job("c")]);
    assert.equal((await store.job("b"))?.state, "processing");
    assert.deepEqual((await store.workers()).map((worker) => worker.id), [alive.id]);
  });

  behaviour("recoverWorker: a lost attempt costs none and is marked lost", async ({ store }) => {
    await enqueueIds(store, ["a"]);
    const job = await dieUnderNext(store, 1);
    assert.ok(job.state === "pending");
    assert.deepEqual([job.attempts, job.crashes, job.runAt], [0, 1, T0]);
    const [attempt] = await store.attempts(job.seq);
    assert.ok(attempt?.outcome === "lost");
    assert.deepEqual([attempt.exitCode, attempt.signal, attempt.finishedAt], [null, null, T0]);
    assert.ok(attempt.error !== null && attempt.error !== "");
  });

  behaviour("recoverWorker: a recovered job can be claimed by another worker at once", async ({ store }) => {
    await enqueueIds(store, ["a"]);
    await dieUnderNext(store, 1);
    const again = await claimed(store, { workerId: 2 });
    assert.deepEqual([again.id, again.attempts, again.claim.workerId], ["a", 1, 2]);
  });

  behaviour("recoverWorker: the second time gives null and changes nothing", async ({ store }) => {
    await enqueueIds(store, ["a"]);
    const worker = await register(store);
    await claimed(store, { workerId: worker.id });
    await store.recoverWorker(worker.id, T0);
    await claimed(store, { workerId: worker.id + 1 });
    const before = await snapshot(store);
    assert.equal(await store.recoverWorker(worker.id, T0 + 1), null);
    assert.deepEqual(await snapshot(store), before);
  });

  behaviour("recoverWorker: a worker that nobody registered gives null", async ({ store }) => {
    assert.equal(await store.recoverWorker(4711, T0), null);
    assert.deepEqual(await allEvents(store), []);
  });

  behaviour("recoverWorker: a worker without jobs is unregistered, with an empty list", async ({ store }) => {
    const worker = await register(store);
    assert.deepEqual(await store.recoverWorker(worker.id, T0), []);
    assert.deepEqual(await store.workers(), []);
  });

  behaviour(
    "recoverWorker: two connections that find the same worker dead recover it once",
    async (tested) => {
      const other = await tested.another();
      await enqueueIds(tested.store, ["a"]);
      const worker = await register(tested.store);
      await claimed(tested.store, { workerId: worker.id });
      const both = await Promise.all([
        tested.store.recoverWorker(worker.id, T0),
        other.recoverWorker(worker.id, T0),
      ]);
      assert.equal(both.filter((jobs) => jobs !== null).length, 1);
      assert.equal((await tested.store.job("a"))?.crashes, 1);
    },
  );

  behaviour("recoverWorker: a job that a user wanted cancelled becomes cancelled", async ({ store }) => {
    await enqueueIds(store, ["a"]);
    const worker = await register(store);
    await claimed(store, { workerId: worker.id });
    await store.apply(["a"], { type: "cancel_requested" }, T0 + 1);
    const jobs = await store.recoverWorker(worker.id, T0 + 2);
    assert.deepEqual(jobs?.map((job) => job.state), ["cancelled"]);
    assert.equal(await store.claim(request(), T0 + 1e9), null);
  });

  behaviour("recoverWorker: a job whose worker dies under it three times is dead, with that reason", async (
    { store },
  ) => {
    await enqueueIds(store, ["killer"], { maxRetries: 1000 });
    assert.equal((await dieUnderNext(store, 1)).state, "pending");
    assert.equal((await dieUnderNext(store, 2)).state, "pending");
    const job = await dieUnderNext(store, 3);
    assert.ok(job.state === "dead");
    assert.match(job.lastError, /worker died under it 3 times/);
    assert.deepEqual([job.attempts, job.crashes], [0, 3]);
    assert.equal(await store.claim(request(), T0 + 1e9), null);
  });

  behaviour(
    "recoverWorker: stops and failures in between don't undo the deaths counted",
    async ({ store }) => {
      await enqueueIds(store, ["a"], { backoffBase: 0, maxRetries: 1000 });
      await dieUnderNext(store, 1);
      await endClaim(store, await claimed(store), FAILED);
      await dieUnderNext(store, 2);
      await endClaim(store, await claimed(store), RELEASED);
      assert.equal((await dieUnderNext(store, 3)).state, "dead");
    },
  );

  behaviour("recoverWorker: after a manual retry the deaths are counted anew", async ({ store }) => {
    await enqueueIds(store, ["a"]);
    for (const pid of [1, 2, 3]) await dieUnderNext(store, pid);
    await store.apply(["a"], { type: "retried", keepAttempts: true }, T0);
    assert.equal((await dieUnderNext(store, 4)).state, "pending");
    assert.equal((await dieUnderNext(store, 5)).state, "pending");
    assert.equal((await dieUnderNext(store, 6)).state, "dead");
  });

  behaviour(
    "recoverWorker: a worker taken for dead that finishes late achieves nothing",
    async ({ store }) => {
      await enqueueIds(store, ["a"]);
      const worker = await register(store);
      const held = await claimed(store, { workerId: worker.id });
      await store.recoverWorker(worker.id, T0 + 1);
      const waiting = await snapshot(store);
      assert.equal(await endClaim(store, held, SUCCEEDED, T0 + 2), null);
      assert.deepEqual(await snapshot(store), waiting);
      await claimed(store, { workerId: worker.id + 1 }, T0 + 3);
      const running = await snapshot(store);
      assert.equal(await endClaim(store, held, FAILED, T0 + 4), null);
      assert.deepEqual(await snapshot(store), running);
    },
  );
}
