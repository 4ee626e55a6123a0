/**
 * What is stored is still there for the next process.
 */

import assert from "node:assert/strict";
import {
  claimed,
  endClaim,
  enqueueIds,
  FAILED,
  newJob,
  register,
  snapshot,
  SUCCEEDED,
  T0,
} from "./samples.ts";
import type { Behaviour } from "./store_under_test.ts";

/** Registers what must survive closing and opening. */
export function reopeningBehaviours(behaviour: Behaviour): void {
  behaviour("close: everything is there again after reopening", async ({ store, another }) => {
    const worker = await register(store);
    await store.enqueue([newJob("later", { runAt: T0 + 5000, env: { A: "ä\n" } })], T0);
    await enqueueIds(store, ["done", "failed", "held", "cancelled"]);
    await endClaim(store, await claimed(store, { workerId: worker.id }), SUCCEEDED, T0 + 1);
    await endClaim(store, await claimed(store, { workerId: worker.id }), FAILED, T0 + 2);
    await claimed(store, { workerId: worker.id });
    await store.apply(["cancelled", "held"], { type: "cancel_requested" }, T0 + 3);
    await store.setSetting("max_retries", "9");
    const before = { ...await snapshot(store), settings: await store.settings(), uid: store.uid };
    await store.close();
    const again = await another();
    const after = { ...await snapshot(again), settings: await again.settings(), uid: again.uid };
    assert.deepEqual(after, before);
    assert.equal(before.jobs.length, 5);
  });

  behaviour("close: a claim made before it can be ended after reopening", async ({ store, another }) => {
    await enqueueIds(store, ["a"]);
    const held = await claimed(store);
    await store.close();
    assert.equal((await endClaim(await another(), held, SUCCEEDED))?.state, "completed");
  });

  behaviour("close: what waits is claimed after reopening, in order", async ({ store, another }) => {
    await store.enqueue([newJob("b"), newJob("later", { runAt: T0 + 9, priority: 9 })], T0);
    await store.close();
    const again = await another();
    assert.equal((await claimed(again, {}, T0 + 9)).id, "later");
    assert.equal((await claimed(again, {}, T0 + 9)).id, "b");
  });

  behaviour("close: an aborted batch is not there after reopening", async ({ store, another }) => {
    await enqueueIds(store, ["a"]);
    await assert.rejects(store.enqueue([newJob("b"), newJob("a")], T0));
    await store.close();
    assert.deepEqual((await (await another()).jobs({})).map((job) => job.id), ["a"]);
  });
}
