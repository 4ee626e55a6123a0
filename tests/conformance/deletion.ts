/**
 * `delete`: what it takes away, and what it never touches.
 */

import assert from "node:assert/strict";
import type { JobFilter, Store } from "../../src/core/store.ts";
import {
  allEvents,
  claimed,
  endAttempt,
  endClaim,
  enqueueIds,
  FAILED,
  idsOf,
  newJob,
  recount,
  refOf,
  snapshot,
  SUCCEEDED,
  T0,
} from "./samples.ts";
import type { Behaviour } from "./store_under_test.ts";

async function deletedIds(store: Store, filter: JobFilter, limit = 100): Promise<string[]> {
  const gone = await store.delete(filter, { now: T0, limit });
  return gone.map((job) => job.id).toSorted();
}

/** Registers what `delete` must do. */
export function deletionBehaviours(behaviour: Behaviour): void {
  behaviour("delete: never touches a job that is processing", async ({ store }) => {
    await enqueueIds(store, ["held", "free"]);
    const held = await claimed(store);
    assert.deepEqual(await deletedIds(store, {}), ["free"]);
    assert.deepEqual(await deletedIds(store, { states: ["processing"] }), []);
    assert.deepEqual(await deletedIds(store, { states: ["processing", "pending"], search: "held" }), []);
    assert.deepEqual(await store.jobs({}), [held]);
  });

  behaviour("delete: a job goes with its attempts and its output's names are told", async ({ store }) => {
    await enqueueIds(store, ["a"], { backoffBase: 0 });
    const first = await claimed(store);
    await endClaim(store, first, FAILED);
    const second = await claimed(store);
    await endClaim(store, second, SUCCEEDED);
    assert.deepEqual(await store.outputToDelete(10), []);
    assert.deepEqual(await store.delete({}, { now: T0, limit: 10 }), [{ id: "a", seq: first.seq }]);
    const outputs = [first, second].map(({ seq, claim }) => ({ jobSeq: seq, attemptId: claim.attemptId }));
    assert.deepEqual(await store.outputToDelete(10), outputs);
    assert.deepEqual(await store.outputToDelete(1), outputs.slice(0, 1));
    await store.outputDeleted(outputs.slice(0, 1));
    assert.deepEqual(
      await store.outputToDelete(10),
      outputs.slice(1),
      "what wasn't deleted yet is kept in mind",
    );
    await store.outputDeleted(outputs);
    assert.deepEqual(await store.outputToDelete(10), []);
    assert.equal(await store.job("a"), null);
    assert.deepEqual(await store.attempts(first.seq), []);
    assert.deepEqual(await store.recentAttempts(10), []);
  });

  behaviour("delete: the attempts of other jobs stay", async ({ store }) => {
    await enqueueIds(store, ["a", "b"]);
    await endClaim(store, await claimed(store), SUCCEEDED);
    const b = await claimed(store);
    await deletedIds(store, { states: ["completed"] });
    assert.deepEqual((await store.recentAttempts(10)).map((attempt) => attempt.jobId), ["b"]);
    assert.equal((await endClaim(store, b, SUCCEEDED))?.state, "completed");
  });

  behaviour("delete: at most so many at once, until none is left", async ({ store }) => {
    await enqueueIds(store, ["a", "b", "c", "d", "e"]);
    const sizes = [];
    for (let round = 0; round < 4; round++) sizes.push((await deletedIds(store, {}, 2)).length);
    assert.deepEqual(sizes, [2, 2, 1, 0]);
    assert.deepEqual(await store.jobs({}), []);
  });

  behaviour("delete: only jobs that match", async ({ store }) => {
    await store.enqueue([
      newJob("a", { queue: "x" }),
      newJob("b", { queue: "y" }),
      newJob("c", { queue: "x", command: "special" }),
      newJob("d", { queue: "x" }),
    ], T0);
    await store.apply(["d"], { type: "cancel_requested" }, T0 + 100);
    assert.deepEqual(await deletedIds(store, { queue: "x", states: ["cancelled"] }), ["d"]);
    assert.deepEqual(await deletedIds(store, { search: "SPECIAL" }), ["c"]);
    assert.deepEqual(await deletedIds(store, { queue: "none" }), []);
    assert.deepEqual(await deletedIds(store, { states: [] }), []);
    assert.deepEqual(await idsOf(store, {}), ["a", "b"]);
  });

  behaviour("delete: final jobs by age, the border not included", async ({ store }) => {
    await enqueueIds(store, ["old", "border", "young", "waiting"]);
    for (const [index, id] of ["old", "border", "young"].entries()) {
      await store.apply([id], { type: "cancel_requested" }, T0 + index);
    }
    const filter: JobFilter = { states: ["completed", "dead", "cancelled"], updatedBefore: T0 + 1 };
    assert.deepEqual(await deletedIds(store, filter), ["old"]);
    assert.deepEqual(await idsOf(store, {}), ["border", "young", "waiting"]);
  });

  behaviour("delete: what is counted is what is left", async ({ store }) => {
    await store.enqueue(["a", "b", "c"].map((id, n) => newJob(id, { queue: `q${n}` })), T0);
    await endClaim(store, await claimed(store), FAILED);
    await claimed(store);
    await deletedIds(store, { states: ["failed", "pending"] });
    assert.deepEqual(await store.counts(), await recount(store));
    assert.equal((await store.counts()).processing, 1);
  });

  behaviour("delete: of the job's events only its end is left", async ({ store }) => {
    await enqueueIds(store, ["a", "b"]);
    await endClaim(store, await claimed(store), SUCCEEDED);
    const seq = (await store.job("a"))!.seq;
    const last = (await allEvents(store)).at(-1)!.id;
    await store.delete({ states: ["completed"] }, { now: T0 + 9, limit: 10 });
    const about = (await allEvents(store)).filter((entry) => entry.jobSeq === seq);
    assert.equal(about.length, 1);
    assert.deepEqual(about[0], {
      ...{ id: about[0]!.id, at: T0 + 9, jobSeq: seq, jobId: null, event: { type: "deleted", id: "a" } },
    });
    assert.ok(about[0]!.id > last, "a watcher would not see it");
  });

  behaviour("delete: whatever happened to the job, nothing of it is left", async ({ store }) => {
    await enqueueIds(store, ["a", "other"]);
    for (const round of [1, 2]) {
      const job = await claimed(store, { jobSeq: 1 }, T0 + round);
      for (const percent of [10, 20]) {
        await store.setProgress(job.claim.attemptId, { percent, text: "Building" }, T0 + round);
      }
      await store.apply(["a"], { type: "cancel_requested" }, T0 + round);
      await store.setProgress(job.claim.attemptId, { percent: 30, text: "Testing" }, T0 + round);
      await endClaim(store, job, FAILED, T0 + round);
      await store.apply(["a"], { type: "retried", keepAttempts: false }, T0 + round);
    }
    assert.equal((await store.events(0, 100)).filter(({ jobSeq }) => jobSeq === 1).length, 11);
    await store.delete({ ids: ["a"] }, { now: T0 + 9, limit: 10 });
    const left = (await store.events(0, 100)).map(({ jobSeq, event }) => `${jobSeq} ${event.type}`);
    assert.deepEqual(left, ["2 enqueued", "1 deleted"]);
  });

  behaviour("delete: no number of an attempt or an entry is given twice", async ({ store }) => {
    const attempts: number[] = [];
    const entries = new Map<number, string>();
    const look = async () => {
      for (const { id, ...entry } of await store.events(0, 1000)) {
        const said = JSON.stringify(entry.event);
        assert.equal(entries.get(id) ?? said, said, `entry ${id}`);
        entries.set(id, said);
      }
    };
    for (const id of ["a", "b", "c"]) {
      await enqueueIds(store, [id]);
      const job = await claimed(store);
      attempts.push(job.claim.attemptId);
      for (const percent of [10, 20]) {
        await store.setProgress(job.claim.attemptId, { percent, text: id }, T0);
        await look();
      }
      await endClaim(store, job, SUCCEEDED);
      // With the newest of all attempts, and the newest of all entries.
      await store.setProgress(job.claim.attemptId, { percent: 30, text: id }, T0);
      await look();
      await store.delete({ ids: [id] }, { now: T0, limit: 10 });
      await look();
    }
    assert.deepEqual(attempts, [1, 2, 3]);
    assert.equal(entries.size, 18);
  });

  behaviour("delete: a claim on a job cannot outlive it", async ({ store }) => {
    await enqueueIds(store, ["a"]);
    const held = await claimed(store);
    await endClaim(store, held, SUCCEEDED);
    await deletedIds(store, {});
    await enqueueIds(store, ["a"]);
    const before = await snapshot(store);
    assert.equal(
      await endAttempt(store, refOf(held), SUCCEEDED, { now: T0, maxBackoffMs: 0 }),
      null,
    );
    assert.deepEqual(await snapshot(store), before);
  });

  behaviour("delete: a job that was deleted before its time is not waited for", async ({ store }) => {
    await enqueueIds(store, ["a"], { runAt: T0 + 1000 });
    await deletedIds(store, {});
    assert.equal(await store.nextRunAt([]), null);
    assert.equal(await store.nextRunAt(["default"]), null);
  });
}
