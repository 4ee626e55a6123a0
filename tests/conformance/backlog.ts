/**
 * `backlog`: what is still to be done, and claims of one job alone.
 */

import assert from "node:assert/strict";
import {
  CANCELLED,
  claimed,
  endClaim,
  enqueueIds,
  FAILED,
  newJob,
  recount,
  request,
  SUCCEEDED,
  T0,
} from "./samples.ts";
import type { Behaviour } from "./store_under_test.ts";

/** Registers what the backlog must answer. */
export function backlogBehaviours(behaviour: Behaviour): void {
  behaviour("backlog.counts: of all queues, or of some", async ({ store }) => {
    await enqueueIds(store, ["a", "b"], { queue: "mail" });
    await enqueueIds(store, ["c"], { queue: "web" });
    await enqueueIds(store, ["d"], { queue: "rest" });
    await endClaim(store, await claimed(store, { queues: ["mail"] }), SUCCEEDED);
    assert.deepEqual(await store.backlog.counts([]), await recount(store));
    const some = await store.backlog.counts(["mail", "web", "nowhere"]);
    assert.deepEqual(some, { pending: 2, processing: 0, completed: 1, failed: 0, dead: 0, cancelled: 0 });
  });

  behaviour("backlog.isLeft: while a job is ready, processing or waits for a retry", async ({ store }) => {
    const isLeft = () => store.backlog.isLeft([], T0);
    assert.equal(await isLeft(), false);
    await enqueueIds(store, ["a"], { maxRetries: 2 });
    assert.equal(await isLeft(), true);
    const first = await claimed(store);
    assert.equal(await isLeft(), true);
    await endClaim(store, first, FAILED, T0);
    assert.equal(await isLeft(), true, "its retry is due later than `until`, and comes by itself");
    const second = await claimed(store, {}, T0 + 60_000);
    await endClaim(store, second, FAILED, T0 + 60_001);
    assert.equal(await isLeft(), false);
  });

  behaviour("backlog.isLeft: a cancelled, completed or dead job is not left", async ({ store }) => {
    await enqueueIds(store, ["a", "b", "c"], { maxRetries: 1 });
    for (const end of [SUCCEEDED, FAILED, CANCELLED]) await endClaim(store, await claimed(store), end);
    assert.equal(await store.backlog.isLeft([], Infinity), false);
  });

  behaviour("backlog.isLeft: a job that is scheduled is left if it is due by then", async ({ store }) => {
    await store.enqueue([newJob("later", { runAt: T0 + 5000 })], T0);
    for (const [until, left] of [[T0, false], [T0 + 4999, false], [T0 + 5000, true], [Infinity, true]]) {
      assert.equal(await store.backlog.isLeft([], until as number), left, String(until));
    }
  });

  behaviour("backlog.isLeft: other queues don't count", async ({ store }) => {
    await enqueueIds(store, ["a"], { queue: "mail" });
    await store.enqueue([newJob("later", { queue: "web", runAt: T0 + 10 })], T0);
    assert.equal(await store.backlog.isLeft(["mail"], T0), true);
    assert.equal(await store.backlog.isLeft(["web"], T0), false);
    assert.equal(await store.backlog.isLeft(["web", "mail"], T0), true);
    assert.equal(await store.backlog.isLeft(["web"], T0 + 10), true);
    assert.equal(await store.backlog.isLeft(["nowhere"], Infinity), false);
  });

  behaviour(
    "backlog.scheduledAfter: counts first attempts that are due later, not retries",
    async (tested) => {
      const { store } = tested;
      await store.enqueue([1000, 2000, 3000].map((ms) => newJob(`in${ms}`, { runAt: T0 + ms })), T0);
      await store.enqueue([newJob("other", { runAt: T0 + 3000, queue: "mail" }), newJob("flaky")], T0);
      await endClaim(store, await claimed(store), FAILED, T0 + 4000);
      assert.equal(await store.backlog.scheduledAfter([], T0 + 1000), 3);
      assert.equal(await store.backlog.scheduledAfter(["mail"], T0 + 1000), 1);
      assert.equal(await store.backlog.scheduledAfter(["mail", "default"], T0), 4);
      assert.equal(await store.backlog.scheduledAfter([], T0 + 3000), 0);
    },
  );

  behaviour("claim: of one job alone takes that one and no other", async ({ store }) => {
    await enqueueIds(store, ["first", "wanted"]);
    await enqueueIds(store, ["urgent"], { priority: 10 });
    const { seq } = (await store.job("wanted"))!;
    assert.equal((await claimed(store, { queues: ["default"], jobSeq: seq })).id, "wanted");
    assert.equal(await store.claim(request({ queues: ["default"], jobSeq: seq }), T0), null);
    assert.equal((await store.counts()).pending, 2);
  });

  behaviour("claim: of one job alone takes it once it is due, and never when it is final", async (tested) => {
    const { store } = tested;
    await store.enqueue([newJob("wanted", { runAt: T0 + 1000, maxRetries: 2 }), newJob("other")], T0);
    const { seq } = (await store.job("wanted"))!;
    const claim = (now: number) => store.claim(request({ queues: ["default"], jobSeq: seq }), now);
    assert.equal(await claim(T0 + 999), null);
    await endClaim(store, (await claim(T0 + 1000))!, FAILED, T0 + 1000);
    assert.equal(await claim(T0 + 2999), null);
    await endClaim(store, (await claim(T0 + 3000))!, SUCCEEDED, T0 + 3000);
    assert.equal(await claim(T0 + 100_000), null);
  });
}
