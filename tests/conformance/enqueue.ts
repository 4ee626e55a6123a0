/**
 * `enqueue`: all of a batch or nothing, and no id twice.
 */

import assert from "node:assert/strict";
import { DuplicateIdError } from "../../src/core/errors.ts";
import { allEvents, claimed, endClaim, enqueueIds, newJob, snapshot, SUCCEEDED, T0 } from "./samples.ts";
import type { Behaviour } from "./store_under_test.ts";

function duplicate(jobId: string, index: number) {
  return (error: unknown) => {
    assert.ok(error instanceof DuplicateIdError, String(error));
    assert.deepEqual([error.jobId, error.index, error.code], [jobId, index, "conflict"]);
    return true;
  };
}

/** Registers what `enqueue` must do. */
export function enqueueBehaviours(behaviour: Behaviour): void {
  behaviour("enqueue: a stored job has every field that was given", async ({ store }) => {
    const job = newJob("full", {
      command: "printf 'a\nb\t\"c\" \\ 🦀'",
      queue: "mail",
      priority: 10,
      maxRetries: 1000,
      timeoutMs: 0,
      backoffBase: 1.5,
      cwd: "/srv/été",
      env: { LANG: "C", EMPTY: "", __proto_: "p" },
      runAt: T0 + 5000,
    });
    const [stored] = await store.enqueue([job], T0);
    const expected = {
      ...job,
      ...{ seq: stored!.seq, attempts: 0, crashes: 0, createdAt: T0, updatedAt: T0, state: "pending" },
    };
    assert.deepEqual(stored, expected);
    assert.deepEqual(await store.job("full"), expected);
  });

  behaviour("enqueue: a batch is returned and listed in the order given", async ({ store }) => {
    const stored = await store.enqueue(["b", "a", "c"].map((id) => newJob(id)), T0);
    assert.deepEqual(stored.map((job) => job.id), ["b", "a", "c"]);
    assert.deepEqual((await store.jobs({})).map((job) => job.id), ["b", "a", "c"]);
    assert.ok(stored[0]!.seq < stored[1]!.seq && stored[1]!.seq < stored[2]!.seq);
  });

  behaviour("enqueue: an empty batch stores nothing", async ({ store }) => {
    assert.deepEqual(await store.enqueue([], T0), []);
    assert.deepEqual(await store.jobs({}), []);
    assert.deepEqual(await allEvents(store), []);
  });

  behaviour("enqueue: an id that a stored job has is refused, with its place", async ({ store }) => {
    await enqueueIds(store, ["taken"]);
    const batch = [newJob("x"), newJob("y"), newJob("taken"), newJob("z")];
    await assert.rejects(store.enqueue(batch, T0), duplicate("taken", 2));
  });

  behaviour("enqueue: an id given twice in a batch is refused at its second place", async ({ store }) => {
    const batch = [newJob("x"), newJob("twice"), newJob("y"), newJob("twice")];
    await assert.rejects(store.enqueue(batch, T0), duplicate("twice", 3));
  });

  behaviour("enqueue: the first of several duplicates is the one that is named", async ({ store }) => {
    await enqueueIds(store, ["a", "b"]);
    await assert.rejects(store.enqueue([newJob("b"), newJob("a")], T0), duplicate("b", 0));
  });

  behaviour("enqueue: a refused batch leaves no job, count or event behind", async ({ store }) => {
    await enqueueIds(store, ["taken"]);
    const before = await snapshot(store);
    await assert.rejects(store.enqueue([newJob("x"), newJob("y", { queue: "q" }), newJob("taken")], T0));
    assert.deepEqual(await snapshot(store), before);
    assert.equal(await store.job("x"), null);
  });

  behaviour("enqueue: a store goes on working after a refused batch", async ({ store }) => {
    await enqueueIds(store, ["taken"]);
    await assert.rejects(store.enqueue([newJob("x"), newJob("taken")], T0));
    await store.enqueue([newJob("x"), newJob("y")], T0);
    assert.equal((await store.counts()).pending, 3);
  });

  behaviour("enqueue: the id of a completed job is still taken", async ({ store }) => {
    await enqueueIds(store, ["done"]);
    await endClaim(store, await claimed(store), SUCCEEDED);
    await assert.rejects(store.enqueue([newJob("done")], T0), duplicate("done", 0));
  });

  behaviour("enqueue: the id of a deleted job is free again, its seq is not", async ({ store }) => {
    const [first] = await store.enqueue([newJob("again")], T0);
    await store.delete({}, { now: T0, limit: 10 });
    const [second] = await store.enqueue([newJob("again")], T0);
    assert.ok(second!.seq > first!.seq, `${second!.seq} was used before`);
  });

  behaviour("enqueue: ids that differ only in case are two jobs", async ({ store }) => {
    await enqueueIds(store, ["job", "Job"]);
    assert.deepEqual((await store.job("Job"))?.id, "Job");
    assert.deepEqual((await store.job("job"))?.id, "job");
  });

  behaviour("job: an id that nobody stored gives null", async ({ store }) => {
    await enqueueIds(store, ["a"]);
    assert.equal(await store.job("b"), null);
  });

  behaviour("enqueue: two connections that bring the same id store it once", async ({ store, another }) => {
    const other = await another();
    const ends = await Promise.allSettled([
      store.enqueue([newJob("a"), newJob("same")], T0),
      other.enqueue([newJob("b"), newJob("same")], T0),
    ]);
    assert.deepEqual(ends.map((end) => end.status).sort(), ["fulfilled", "rejected"]);
    assert.equal((await store.jobs({})).length, 2);
    assert.equal((await store.counts()).pending, 2);
  });

  behaviour("enqueue: thousands of jobs are stored at once", async ({ store }) => {
    const ids = Array.from({ length: 5000 }, (_, index) => `job${index}`);
    await enqueueIds(store, ids);
    assert.equal((await store.counts()).pending, 5000);
    assert.deepEqual((await store.jobs({})).map((job) => job.id), ids);
  });
}
