/**
 * `events`: the log tells everything that happened, in order, and no secret.
 */

import assert from "node:assert/strict";
import type { LogEntry } from "../../src/core/event.ts";
import {
  allEvents,
  CANCELLED,
  claimed,
  endClaim,
  enqueueIds,
  FAILED,
  MAX_BACKOFF_MS,
  newJob,
  register,
  RELEASED,
  SUCCEEDED,
  T0,
} from "./samples.ts";
import type { Behaviour } from "./store_under_test.ts";

function typesOf(entries: readonly LogEntry[]): string[] {
  return entries.map((entry) => entry.event.type);
}

/** Registers what `events` must do. */
export function historyBehaviours(behaviour: Behaviour): void {
  behaviour("events: each transition of a job has an entry, in order", async ({ store }) => {
    await enqueueIds(store, ["a"]);
    await endClaim(store, await claimed(store, {}, T0 + 1), FAILED, T0 + 2);
    await endClaim(store, await claimed(store, {}, T0 + 5000), RELEASED, T0 + 5001);
    const held = await claimed(store, {}, T0 + 6000);
    await store.apply(["a"], { type: "cancel_requested" }, T0 + 6001);
    await endClaim(store, held, CANCELLED, T0 + 6002);
    await store.apply(["a"], { type: "retried", keepAttempts: true }, T0 + 7000);
    await endClaim(store, await claimed(store, {}, T0 + 7001), SUCCEEDED, T0 + 7002);
    const entries = await allEvents(store);
    assert.deepEqual(typesOf(entries), [
      ...["enqueued", "claimed", "ended", "claimed", "ended", "claimed", "cancel_requested", "ended"],
      ...["retried", "claimed", "ended"],
    ]);
    assert.deepEqual(
      entries.map((entry) => entry.at - T0),
      [0, 1, 2, 5000, 5001, 6000, 6001, 6002, 7000, 7001, 7002],
    );
    const seq = (await store.job("a"))!.seq;
    for (const [index, entry] of entries.entries()) {
      assert.deepEqual([entry.jobSeq, entry.jobId], [seq, "a"]);
      if (index > 0) assert.ok(entry.id > entries[index - 1]!.id);
    }
  });

  behaviour("events: an entry tells what is needed to repeat the transition", async ({ store }) => {
    await store.enqueue([newJob("a", { runAt: T0 + 10 })], T0);
    const held = await claimed(store, { workerId: 3 }, T0 + 10);
    await endClaim(store, held, FAILED, T0 + 20);
    await store.apply(["a"], { type: "retried", keepAttempts: true }, T0 + 30);
    await store.apply(["a"], { type: "cancel_requested" }, T0 + 40);
    assert.deepEqual((await allEvents(store)).map((entry) => entry.event), [
      { type: "enqueued", runAt: T0 + 10 },
      { type: "claimed", claim: { ...held.claim, token: "" } },
      { type: "ended", end: FAILED, maxBackoffMs: MAX_BACKOFF_MS },
      { type: "retried", keepAttempts: true },
      { type: "cancel_requested" },
    ]);
  });

  behaviour("events: the workers' comings and goings are told", async ({ store }) => {
    const [first, second] = [await register(store, 1), await register(store, 2)];
    await store.markStopping(first.id, T0 + 1);
    await store.unregisterWorker(first.id, T0 + 2);
    await store.recoverWorker(second.id, T0 + 3);
    const told = (await allEvents(store)).map(({ at, jobSeq, jobId, event }) => ({
      at,
      jobSeq,
      jobId,
      event,
    }));
    const nobodys = { jobSeq: null, jobId: null };
    assert.deepEqual(told, [
      { at: T0, ...nobodys, event: { type: "worker_started", workerId: first.id } },
      { at: T0, ...nobodys, event: { type: "worker_started", workerId: second.id } },
      { at: T0 + 1, ...nobodys, event: { type: "worker_stopping", workerId: first.id } },
      { at: T0 + 2, ...nobodys, event: { type: "worker_stopped", workerId: first.id } },
      { at: T0 + 3, ...nobodys, event: { type: "worker_lost", workerId: second.id } },
    ]);
  });

  behaviour("events: a lost worker is told before what became of its jobs", async ({ store }) => {
    await enqueueIds(store, ["a"]);
    const worker = await register(store);
    await claimed(store, { workerId: worker.id });
    await store.recoverWorker(worker.id, T0 + 3);
    assert.deepEqual(typesOf(await allEvents(store)).slice(-2), ["worker_lost", "ended"]);
  });

  behaviour("events: a watcher that asks after its last id misses and repeats nothing", async ({ store }) => {
    await enqueueIds(store, ["a", "b", "c", "d", "e"]);
    const all = await allEvents(store);
    const seen: LogEntry[] = [];
    for (let page; (page = await store.events(seen.at(-1)?.id ?? 0, 2)).length > 0;) seen.push(...page);
    assert.deepEqual(seen, all);
    assert.deepEqual(await store.events(all.at(-1)!.id, 10), []);
  });

  behaviour("events: what was refused leaves no entry", async ({ store }) => {
    await enqueueIds(store, ["a"]);
    const before = await allEvents(store);
    await assert.rejects(store.enqueue([newJob("b"), newJob("a")], T0));
    await assert.rejects(store.apply(["a", "nowhere"], { type: "cancel_requested" }, T0));
    await assert.rejects(store.apply(["a"], { type: "retried", keepAttempts: false }, T0));
    assert.deepEqual(await allEvents(store), before);
  });

  behaviour("events: no claim's token is in any entry", async ({ store }) => {
    const token = "7f3c-a-secret-token";
    const worker = await register(store);
    await enqueueIds(store, ["a", "b", "c"]);
    await endClaim(store, await claimed(store, { token: `${token}-1` }), FAILED);
    await claimed(store, { token: `${token}-2`, workerId: worker.id });
    await store.apply(["b"], { type: "cancel_requested" }, T0);
    await claimed(store, { token: `${token}-3`, workerId: worker.id });
    await store.recoverWorker(worker.id, T0);
    const text = JSON.stringify(await allEvents(store));
    assert.ok(text.includes('"claimed"'));
    assert.ok(!text.includes(token), text);
  });
}
