/**
 * `setProgress` and `runningAttempts`: how far running attempts have come.
 */

import assert from "node:assert/strict";
import {
  allEvents,
  claimed,
  endClaim,
  enqueueIds,
  FAILED,
  register,
  snapshot,
  SUCCEEDED,
  T0,
} from "./samples.ts";
import type { Behaviour } from "./store_under_test.ts";

const HALF = { percent: 50, text: "half of it" };

/** Registers what telling progress must do. */
export function progressBehaviours(behaviour: Behaviour): void {
  behaviour("setProgress: shows in the attempt, and stays when it has ended", async ({ store }) => {
    await enqueueIds(store, ["a"]);
    const held = await claimed(store);
    const shown = async () => (await store.attempts(held.seq))[0]!.progress;
    assert.equal(await shown(), null);
    assert.equal(await store.setProgress(held.claim.attemptId, HALF, T0 + 1), true);
    assert.deepEqual(await shown(), HALF);
    assert.equal(await store.setProgress(held.claim.attemptId, { percent: 20, text: "" }, T0 + 2), true);
    assert.deepEqual(await shown(), { percent: 20, text: "" });
    await endClaim(store, held, SUCCEEDED);
    assert.deepEqual(await shown(), { percent: 20, text: "" });
    assert.deepEqual((await store.recentAttempts(1))[0]!.progress, { percent: 20, text: "" });
  });

  behaviour("setProgress: changes this attempt only, and not the job", async ({ store }) => {
    await enqueueIds(store, ["a", "b"]);
    const [first, second] = [await claimed(store), await claimed(store)];
    const before = await store.jobs({});
    await store.setProgress(second.claim.attemptId, HALF, T0 + 1);
    assert.equal((await store.attempts(first.seq))[0]!.progress, null);
    assert.deepEqual(await store.jobs({}), before);
    assert.deepEqual((await endClaim(store, second, SUCCEEDED))?.state, "completed");
  });

  behaviour("setProgress: refused once the attempt is over, however it ended", async ({ store }) => {
    const worker = await register(store);
    await enqueueIds(store, ["ended", "lost"]);
    const ended = await claimed(store);
    await endClaim(store, ended, FAILED);
    const lost = await claimed(store, { workerId: worker.id });
    await store.recoverWorker(worker.id, T0 + 1);
    const before = await snapshot(store);
    for (const attemptId of [ended.claim.attemptId, lost.claim.attemptId, 4711, -1]) {
      assert.equal(await store.setProgress(attemptId, HALF, T0 + 2), false);
    }
    assert.deepEqual(await snapshot(store), before);
  });

  behaviour("setProgress: a late report of a lost attempt doesn't touch the next one", async ({ store }) => {
    const worker = await register(store);
    await enqueueIds(store, ["a"]);
    const lost = await claimed(store, { workerId: worker.id });
    await store.recoverWorker(worker.id, T0 + 1);
    const next = await claimed(store, { workerId: 9 }, T0 + 2);
    assert.equal(await store.setProgress(lost.claim.attemptId, HALF, T0 + 3), false);
    assert.equal((await store.attempts(next.seq)).at(-1)!.progress, null);
  });

  behaviour("setProgress: the log tells it with its job and attempt", async ({ store }) => {
    await enqueueIds(store, ["a"]);
    const held = await claimed(store);
    await store.setProgress(held.claim.attemptId, HALF, T0 + 7);
    const { id: _, ...entry } = (await allEvents(store)).at(-1)!;
    const event = { type: "progressed", attemptId: held.claim.attemptId, ...HALF };
    assert.deepEqual(entry, { at: T0 + 7, jobSeq: held.seq, jobId: "a", event });
  });

  behaviour("setProgress: the log keeps the newest report, as a new entry", async ({ store }) => {
    await enqueueIds(store, ["a", "b"]);
    const [first, second] = [await claimed(store), await claimed(store)];
    await store.setProgress(second.claim.attemptId, HALF, T0);
    const before = (await allEvents(store)).at(-1)!;
    for (let percent = 0; percent <= 100; percent++) {
      await store.setProgress(first.claim.attemptId, { percent, text: "" }, T0 + percent);
    }
    const told = (await allEvents(store)).filter(({ event }) => event.type === "progressed");
    assert.deepEqual(told.map(({ jobId, at }) => [jobId, at]), [["b", T0], ["a", T0 + 100]]);
    assert.ok(told[1]!.id > before.id, "a watcher that saw the earlier entries sees this one");
  });

  behaviour("setProgress: telling the same again writes nothing", async ({ store }) => {
    await enqueueIds(store, ["a"]);
    const held = await claimed(store);
    await store.setProgress(held.claim.attemptId, HALF, T0);
    const before = await allEvents(store);
    assert.equal(await store.setProgress(held.claim.attemptId, { ...HALF }, T0 + 1), true);
    assert.deepEqual(await allEvents(store), before);
  });

  behaviour("setProgress: what a deleted job told is gone from the log", async ({ store }) => {
    await enqueueIds(store, ["a"]);
    const held = await claimed(store);
    await store.setProgress(held.claim.attemptId, HALF, T0);
    await endClaim(store, held, SUCCEEDED);
    await store.delete({}, { now: T0, limit: 10 });
    assert.deepEqual((await allEvents(store)).map(({ event }) => event.type), ["deleted"]);
  });

  behaviour(
    "runningAttempts: those that hold a job, in the order of the jobs, with their progress",
    async ({ store }) => {
      await enqueueIds(store, ["a", "b", "c"]);
      assert.deepEqual(await store.runningAttempts(), []);
      const [a, b, c] = [await claimed(store), await claimed(store), await claimed(store)];
      await store.setProgress(c.claim.attemptId, HALF, T0);
      await endClaim(store, b, FAILED);
      const running = await store.runningAttempts();
      assert.deepEqual(running.map(({ id, jobId, progress }) => [id, jobId, progress]), [
        [a.claim.attemptId, "a", null],
        [c.claim.attemptId, "c", HALF],
      ]);
      assert.ok(running.every(({ outcome }) => outcome === null));
    },
  );
}
