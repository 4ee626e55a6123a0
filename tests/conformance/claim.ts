/**
 * `claim` and `nextRunAt`: whose turn it is, and when.
 */

import assert from "node:assert/strict";
import {
  claimed,
  claimOrder,
  endClaim,
  enqueueIds,
  FAILED,
  newJob,
  RELEASED,
  request,
  snapshot,
  T0,
} from "./samples.ts";
import type { Behaviour } from "./store_under_test.ts";

/** Registers what `claim` and `nextRunAt` must do. */
export function claimBehaviours(behaviour: Behaviour): void {
  orderBehaviours(behaviour);
  dueBehaviours(behaviour);
  queueBehaviours(behaviour);
  nextRunAtBehaviours(behaviour);

  behaviour("claim: the job is processing, held by the worker with its token", async ({ store }) => {
    await enqueueIds(store, ["a"]);
    const before = (await store.job("a"))!;
    const job = (await store.claim(request({ workerId: 7, token: "secret" }), T0 + 5))!;
    assert.equal(job.state, "processing");
    assert.deepEqual(job.claim, {
      workerId: 7,
      token: "secret",
      attemptId: job.claim.attemptId,
      since: T0 + 5,
    });
    assert.deepEqual(
      [job.attempts, job.cancelRequestedAt, job.createdAt, job.updatedAt, job.seq],
      [1, null, T0, T0 + 5, before.seq],
    );
    assert.deepEqual(await store.job("a"), job);
  });

  behaviour("claim: an empty store gives null and changes nothing", async ({ store }) => {
    const before = await snapshot(store);
    assert.equal(await store.claim(request(), T0), null);
    assert.deepEqual(await snapshot(store), before);
  });

  behaviour("claim: a job that is held, completed or dead is not claimed again", async ({ store }) => {
    await enqueueIds(store, ["a"], { maxRetries: 1 });
    const job = await claimed(store);
    assert.equal(await store.claim(request(), T0 + 1e9), null);
    await endClaim(store, job, FAILED);
    assert.equal((await store.job("a"))?.state, "dead");
    assert.equal(await store.claim(request(), T0 + 1e9), null);
  });

  behaviour("claim: each begins an attempt with an id of its own", async ({ store }) => {
    await enqueueIds(store, ["a", "b"]);
    const [first, second] = [await claimed(store), await claimed(store)];
    assert.notEqual(first.claim.attemptId, second.claim.attemptId);
    const [attempt, ...others] = await store.attempts(first.seq);
    assert.deepEqual(others, []);
    assert.deepEqual(attempt, {
      ...{ id: first.claim.attemptId, jobSeq: first.seq, jobId: "a", number: 1, workerId: 1 },
      ...{ startedAt: T0, progress: null, outcome: null },
    });
  });

  behaviour("claim: two connections at once never get the same job, nor miss one", async (tested) => {
    const ids = Array.from({ length: 60 }, (_, index) => `job${index}`);
    await enqueueIds(tested.store, ids);
    const stores = [tested.store, await tested.another(), await tested.another()];
    const taken: string[] = [];
    await Promise.all(stores.map(async (store, index) => {
      for (let job; (job = await store.claim(request({ workerId: index + 1 }), T0)) !== null;) {
        taken.push(job.id);
      }
    }));
    assert.deepEqual(taken.toSorted(), ids.toSorted());
    assert.equal((await tested.store.counts()).processing, 60);
    assert.equal((await tested.store.recentAttempts(1000)).length, 60);
  });

  behaviour("claim: of one job, two connections asking together give it to one", async (tested) => {
    const other = await tested.another();
    for (let round = 0; round < 20; round++) {
      await enqueueIds(tested.store, [`job${round}`]);
      const both = await Promise.all([tested.store.claim(request(), T0), other.claim(request(), T0)]);
      assert.equal(both.filter((job) => job !== null).length, 1, `round ${round}`);
    }
  });
}

function orderBehaviours(behaviour: Behaviour): void {
  behaviour("claim: higher priority first, then in order of arrival", async ({ store }) => {
    await store.enqueue([
      newJob("low1"),
      newJob("mid1", { priority: 5 }),
      newJob("high1", { priority: 10 }),
      newJob("mid2", { priority: 5 }),
      newJob("high2", { priority: 10 }),
      newJob("low2"),
    ], T0);
    assert.deepEqual(await claimOrder(store), ["high1", "high2", "mid1", "mid2", "low1", "low2"]);
  });

  behaviour("claim: in fifo mode the order of arrival counts and priority doesn't", async ({ store }) => {
    await store.enqueue([newJob("c"), newJob("b", { priority: 10 }), newJob("a", { priority: 5 })], T0);
    assert.deepEqual(await claimOrder(store, { mode: "fifo" }), ["c", "b", "a"]);
  });

  behaviour("claim: priority counts across queues", async ({ store }) => {
    await store.enqueue([
      newJob("a1", { queue: "a", priority: 1 }),
      newJob("b9", { queue: "b", priority: 9 }),
      newJob("a5", { queue: "a", priority: 5 }),
      newJob("b1", { queue: "b", priority: 1 }),
    ], T0);
    assert.deepEqual(await claimOrder(store), ["b9", "a5", "a1", "b1"]);
  });

  behaviour("claim: in fifo mode arrival counts across queues", async ({ store }) => {
    await store.enqueue([
      newJob("1", { queue: "z" }),
      newJob("2", { queue: "a", priority: 9 }),
      newJob("3", { queue: "z", priority: 10 }),
      newJob("4", { queue: "m" }),
    ], T0);
    assert.deepEqual(await claimOrder(store, { mode: "fifo" }), ["1", "2", "3", "4"]);
  });

  behaviour("claim: a job that comes due takes its place by priority and arrival", async ({ store }) => {
    await store.enqueue([
      newJob("later", { runAt: T0 + 1000, priority: 5 }),
      newJob("now", { priority: 5 }),
      newJob("first", { priority: 6 }),
    ], T0);
    assert.deepEqual(await claimOrder(store, {}, T0 + 1000), ["first", "later", "now"]);
  });

  behaviour("claim: in fifo mode the longest overdue of two late jobs doesn't pass the earlier", async (
    { store },
  ) => {
    await store.enqueue([newJob("a", { runAt: T0 + 2000 }), newJob("b", { runAt: T0 + 1000 })], T0);
    assert.deepEqual(await claimOrder(store, { mode: "fifo" }, T0 + 5000), ["a", "b"]);
  });

  behaviour("claim: priority holds however many jobs come due at the same moment", async ({ store }) => {
    const jobs = Array.from({ length: 1200 }, (_, index) => newJob(`job${index}`, { runAt: T0 + 1000 }));
    await store.enqueue([...jobs, newJob("urgent", { runAt: T0 + 1000, priority: 10 })], T0);
    assert.equal((await claimed(store, {}, T0 + 1000)).id, "urgent");
  });

  behaviour("claim: none of thousands of jobs that come due together is left out", async ({ store }) => {
    const ids = Array.from({ length: 1200 }, (_, index) => `job${index}`);
    await enqueueIds(store, ids, { runAt: T0 + 1000 });
    assert.deepEqual((await claimOrder(store, {}, T0 + 1000)).toSorted(), ids.toSorted());
  });

  behaviour("claim: a job given back keeps its place before later ones", async ({ store }) => {
    await enqueueIds(store, ["a", "b"]);
    await endClaim(store, await claimed(store), RELEASED, T0);
    assert.deepEqual(await claimOrder(store), ["a", "b"]);
  });
}

function dueBehaviours(behaviour: Behaviour): void {
  behaviour("claim: a job is not claimed one ms before its time, but at it", async ({ store }) => {
    await enqueueIds(store, ["later"], { runAt: T0 + 1000 });
    assert.equal(await store.claim(request(), T0), null);
    assert.equal(await store.claim(request(), T0 + 999), null);
    assert.equal((await claimed(store, {}, T0 + 1000)).id, "later");
  });

  behaviour("claim: a job for the future doesn't hold up one that is ready", async ({ store }) => {
    await store.enqueue([newJob("later", { runAt: T0 + 1000, priority: 10 }), newJob("now")], T0);
    assert.deepEqual(await claimOrder(store), ["now"]);
  });

  behaviour("claim: a job whose time was already past when it was enqueued is ready", async ({ store }) => {
    await enqueueIds(store, ["past"], { runAt: T0 - 86_400_000 });
    assert.deepEqual(await claimOrder(store), ["past"]);
  });

  behaviour(
    "claim: a failed job is claimed when its backoff delay is over, not before",
    async ({ store }) => {
      await enqueueIds(store, ["a"], { backoffBase: 3 });
      await endClaim(store, await claimed(store), FAILED, T0 + 100);
      assert.equal(await store.claim(request(), T0 + 100 + 2999), null);
      const again = await claimed(store, {}, T0 + 100 + 3000);
      assert.deepEqual([again.id, again.attempts], ["a", 2]);
    },
  );

  behaviour("claim: a failed job without a delay is ready at once", async ({ store }) => {
    await enqueueIds(store, ["a"], { backoffBase: 0 });
    await endClaim(store, await claimed(store), FAILED, T0);
    assert.equal((await claimed(store)).attempts, 2);
  });
}

function queueBehaviours(behaviour: Behaviour): void {
  behaviour("claim: a worker of one queue gets no job of another", async ({ store }) => {
    await store.enqueue([newJob("a", { queue: "a" }), newJob("b", { queue: "b", priority: 10 })], T0);
    assert.deepEqual(await claimOrder(store, { queues: ["a"] }), ["a"]);
    assert.equal(await store.claim(request({ queues: ["none"] }), T0), null);
    assert.equal((await store.job("b"))?.state, "pending");
  });

  behaviour("claim: a worker of several queues takes the next of all of these", async ({ store }) => {
    await store.enqueue([
      newJob("c", { queue: "c", priority: 10 }),
      newJob("a1", { queue: "a", priority: 1 }),
      newJob("b5", { queue: "b", priority: 5 }),
      newJob("a3", { queue: "a", priority: 3 }),
    ], T0);
    assert.deepEqual(await claimOrder(store, { queues: ["a", "b"] }), ["b5", "a3", "a1"]);
  });

  behaviour("claim: fifo over several named queues is by arrival", async ({ store }) => {
    await store.enqueue([
      newJob("1", { queue: "b" }),
      newJob("2", { queue: "c" }),
      newJob("3", { queue: "a", priority: 9 }),
      newJob("4", { queue: "b", priority: 3 }),
    ], T0);
    assert.deepEqual(await claimOrder(store, { queues: ["a", "b"], mode: "fifo" }), ["1", "3", "4"]);
  });

  behaviour("claim: a job that comes due is claimed from its queue only", async ({ store }) => {
    await store.enqueue([
      newJob("a", { queue: "a", runAt: T0 + 10 }),
      newJob("b", { queue: "b", runAt: T0 + 10 }),
    ], T0);
    assert.deepEqual(await claimOrder(store, { queues: ["b"] }, T0 + 10), ["b"]);
    assert.deepEqual(await claimOrder(store, {}, T0 + 10), ["a"]);
  });

  behaviour("claim: queue names are exact, in case and in wildcards", async ({ store }) => {
    await enqueueIds(store, ["a"], { queue: "Mail" });
    for (const queue of ["mail", "%", "M_il", "Mail "]) {
      assert.equal(await store.claim(request({ queues: [queue] }), T0), null, queue);
    }
    assert.deepEqual(await claimOrder(store, { queues: ["Mail"] }), ["a"]);
  });
}

function nextRunAtBehaviours(behaviour: Behaviour): void {
  behaviour("nextRunAt: null if nothing waits for a time", async ({ store }) => {
    assert.equal(await store.nextRunAt([]), null);
    await enqueueIds(store, ["ready"]);
    assert.equal(await store.nextRunAt([]), null);
  });

  behaviour("nextRunAt: the earliest time that a job waits for", async ({ store }) => {
    await store.enqueue([
      newJob("c", { runAt: T0 + 3000 }),
      newJob("a", { runAt: T0 + 1000, queue: "a" }),
      newJob("b", { runAt: T0 + 2000 }),
    ], T0);
    assert.equal(await store.nextRunAt([]), T0 + 1000);
  });

  behaviour("nextRunAt: looks into the queues named only", async ({ store }) => {
    await store.enqueue([
      newJob("a", { runAt: T0 + 1000, queue: "a" }),
      newJob("b", { runAt: T0 + 2000, queue: "b" }),
      newJob("c", { runAt: T0 + 3000, queue: "c" }),
    ], T0);
    assert.equal(await store.nextRunAt(["c", "b"]), T0 + 2000);
    assert.equal(await store.nextRunAt(["none"]), null);
  });

  behaviour("nextRunAt: the end of a failed job's backoff delay counts", async ({ store }) => {
    await enqueueIds(store, ["a"]);
    await endClaim(store, await claimed(store), FAILED, T0 + 50);
    assert.equal(await store.nextRunAt([]), T0 + 50 + 2000);
  });

  behaviour("nextRunAt: a job that was claimed or cancelled waits no more", async ({ store }) => {
    await store.enqueue([newJob("a", { runAt: T0 + 1000 }), newJob("b", { runAt: T0 + 2000 })], T0);
    await claimed(store, {}, T0 + 1000);
    assert.equal(await store.nextRunAt([]), T0 + 2000);
    await store.apply(["b"], { type: "cancel_requested" }, T0 + 1000);
    assert.equal(await store.nextRunAt([]), null);
  });
}
