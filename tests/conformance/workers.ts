/**
 * The register of workers.
 */

import assert from "node:assert/strict";
import {
  allEvents,
  claimed,
  endClaim,
  enqueueIds,
  FAILED,
  newWorker,
  register,
  RELEASED,
  SUCCEEDED,
  T0,
} from "./samples.ts";
import type { Behaviour } from "./store_under_test.ts";

/** Registers what the register of workers must do. */
export function workerBehaviours(behaviour: Behaviour): void {
  behaviour("registerWorker: the record has all that was given and an id", async ({ store }) => {
    const worker = newWorker(42, { slots: 4, queues: ["mail", 'with "quotes", and commas'] });
    const record = await store.registerWorker(worker, T0 + 1);
    assert.deepEqual(record, {
      ...worker,
      ...{ id: record.id, startedAt: T0 + 1, heartbeatAt: T0 + 1, stopping: false },
      ...{ jobsSucceeded: 0, jobsFailed: 0 },
    });
    assert.deepEqual(await store.workers(), [record]);
  });

  behaviour("registerWorker: one that runs a single job only says so", async ({ store }) => {
    const record = await store.registerWorker(newWorker(42, { onlyJobSeq: 7 }), T0);
    assert.equal(record.onlyJobSeq, 7);
    assert.deepEqual(await store.workers(), [record]);
  });

  behaviour("registerWorker: an id is never used twice", async ({ store }) => {
    const first = await register(store);
    await store.unregisterWorker(first.id, T0);
    const second = await register(store);
    await store.recoverWorker(second.id, T0);
    const third = await register(store);
    assert.ok(first.id < second.id && second.id < third.id);
  });

  behaviour("workers: all that are registered, oldest first", async ({ store }) => {
    assert.deepEqual(await store.workers(), []);
    for (const pid of [30, 10, 20]) await register(store, pid);
    assert.deepEqual((await store.workers()).map((worker) => worker.identity.pid), [30, 10, 20]);
  });

  behaviour("beat: a sign of life shows, of this worker only", async ({ store }) => {
    const [first, second] = [await register(store, 1), await register(store, 2)];
    assert.equal(await store.beat(first.id, T0 + 500), true);
    assert.deepEqual(await store.workers(), [{ ...first, heartbeatAt: T0 + 500 }, second]);
  });

  behaviour("beat: changes the record even if the clock stands still or goes back", async ({ store }) => {
    const { id } = await register(store);
    const beatAt = async (now: number) => {
      await store.beat(id, now);
      return (await store.workers())[0]!.heartbeatAt;
    };
    const seen = [T0, await beatAt(T0), await beatAt(T0), await beatAt(T0 - 60_000)];
    assert.equal(new Set(seen).size, 4, String(seen));
  });

  behaviour("beat: false for a worker that is not registered any more", async ({ store }) => {
    const [gone, lost] = [await register(store, 1), await register(store, 2)];
    await store.unregisterWorker(gone.id, T0);
    await store.recoverWorker(lost.id, T0);
    for (const id of [gone.id, lost.id, 99]) assert.equal(await store.beat(id, T0), false);
    assert.deepEqual(await store.workers(), []);
  });

  behaviour("markStopping: shows, of this worker only", async ({ store }) => {
    const [first, second] = [await register(store, 1), await register(store, 2)];
    await store.markStopping(first.id, T0 + 1);
    assert.deepEqual(await store.workers(), [{ ...first, stopping: true }, second]);
  });

  behaviour("markStopping: the second time, or for nobody, is not told again", async ({ store }) => {
    const worker = await register(store);
    await store.markStopping(worker.id, T0);
    const before = await allEvents(store);
    await store.markStopping(worker.id, T0 + 1);
    await store.markStopping(99, T0 + 1);
    assert.deepEqual(await allEvents(store), before);
  });

  behaviour("unregisterWorker: removes this worker only, and once", async ({ store }) => {
    const [first, second] = [await register(store, 1), await register(store, 2)];
    await store.unregisterWorker(first.id, T0);
    assert.deepEqual(await store.workers(), [second]);
    const before = await allEvents(store);
    await store.unregisterWorker(first.id, T0);
    assert.deepEqual(await allEvents(store), before);
    assert.equal(await store.recoverWorker(first.id, T0), null);
  });

  behaviour("workers: count the attempts that succeeded and that failed", async ({ store }) => {
    const [first, second] = [await register(store, 1), await register(store, 2)];
    await enqueueIds(store, ["a", "b", "c", "d", "e"]);
    const timedOut = { outcome: "timed_out", exitCode: null, signal: "SIGTERM", error: "too long" } as const;
    for (const end of [SUCCEEDED, FAILED, timedOut, SUCCEEDED]) {
      await endClaim(store, await claimed(store, { workerId: first.id }), end);
    }
    await endClaim(store, await claimed(store, { workerId: second.id }), RELEASED);
    const tallies = (await store.workers()).map((
      { jobsSucceeded, jobsFailed },
    ) => [jobsSucceeded, jobsFailed]);
    assert.deepEqual(tallies, [[2, 2], [0, 0]]);
  });
}
