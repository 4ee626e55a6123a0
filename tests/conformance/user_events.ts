/**
 * `apply`: cancelling and retrying, all jobs named or none.
 */

import assert from "node:assert/strict";
import type { QueueError } from "../../src/core/errors.ts";
import type { Job, JobState } from "../../src/core/job.ts";
import type { Store, UserEvent } from "../../src/core/store.ts";
import {
  claimed,
  endClaim,
  enqueueIds,
  FAILED,
  newJob,
  register,
  request,
  snapshot,
  SUCCEEDED,
  T0,
  withCode,
} from "./samples.ts";
import type { Behaviour } from "./store_under_test.ts";

const CANCEL: UserEvent = { type: "cancel_requested" };
const RETRY: UserEvent = { type: "retried", keepAttempts: false };
const RETRY_KEEPING: UserEvent = { type: "retried", keepAttempts: true };

/** Stores a job in each state, each under the name of its state. */
async function oneOfEach(store: Store): Promise<void> {
  await register(store);
  const jobIn = async (state: JobState, end: (job: Awaited<ReturnType<typeof claimed>>) => unknown) => {
    await store.enqueue([newJob(state, { queue: state, maxRetries: state === "dead" ? 1 : 3 })], T0);
    await end(await claimed(store, { queues: [state] }));
  };
  await jobIn("completed", (job) => endClaim(store, job, SUCCEEDED));
  await jobIn("failed", (job) => endClaim(store, job, FAILED));
  await jobIn("dead", (job) => endClaim(store, job, FAILED));
  await jobIn("processing", () => {});
  await enqueueIds(store, ["pending", "cancelled"]);
  await store.apply(["cancelled"], CANCEL, T0);
}

function naming(code: QueueError["code"], id: string) {
  return (error: unknown) => withCode(code)(error) && (error as Error).message.includes(id);
}

/** Registers what `apply` and `cancelRequests` must do. */
export function userEventBehaviours(behaviour: Behaviour): void {
  cancelBehaviours(behaviour);
  retryBehaviours(behaviour);

  for (
    const { event, name, allowed } of [
      { event: CANCEL, name: "cancelling", allowed: ["pending", "failed", "processing"] },
      { event: RETRY, name: "retrying", allowed: ["failed", "dead", "cancelled", "completed"] },
    ]
  ) {
    behaviour(`apply: ${name} works from ${allowed.join(", ")} and is a conflict from the others`, async (
      { store },
    ) => {
      await oneOfEach(store);
      const states: JobState[] = ["pending", "processing", "completed", "failed", "dead", "cancelled"];
      for (const state of states) {
        if (allowed.includes(state)) await store.apply([state], event, T0 + 1);
        else {
          const before = await snapshot(store);
          await assert.rejects(store.apply([state], event, T0 + 1), naming("conflict", state));
          assert.deepEqual(await snapshot(store), before);
        }
      }
    });

    behaviour(`apply: ${name} several jobs with an unknown id changes none`, async ({ store }) => {
      await oneOfEach(store);
      const before = await snapshot(store);
      await assert.rejects(store.apply(["failed", "nowhere"], event, T0 + 1), naming("not_found", "nowhere"));
      assert.deepEqual(await snapshot(store), before);
    });

    behaviour(`apply: ${name} several jobs, one in a wrong state, changes none`, async ({ store }) => {
      await oneOfEach(store);
      const before = await snapshot(store);
      const wrong = event === CANCEL ? "completed" : "pending";
      await assert.rejects(store.apply(["failed", wrong], event, T0 + 1), naming("conflict", wrong));
      assert.deepEqual(await snapshot(store), before);
    });
  }

  behaviour("apply: the jobs are returned as they are now, in the order given", async ({ store }) => {
    await enqueueIds(store, ["a", "b", "c"]);
    const jobs = await store.apply(["c", "a"], CANCEL, T0 + 5);
    assert.deepEqual(jobs.map((job) => job.id), ["c", "a"]);
    assert.deepEqual(jobs, [await store.job("c"), await store.job("a")]);
    assert.equal((await store.job("b"))?.state, "pending");
  });

  behaviour("apply: no ids change nothing", async ({ store }) => {
    await enqueueIds(store, ["a"]);
    const before = await snapshot(store);
    assert.deepEqual(await store.apply([], CANCEL, T0), []);
    assert.deepEqual(await snapshot(store), before);
  });

  behaviour("apply: two connections that retry the same job do it once", async ({ store, another }) => {
    const other = await another();
    await oneOfEach(store);
    const ends = await Promise.allSettled([
      store.apply(["dead"], RETRY, T0),
      other.apply(["dead"], RETRY, T0),
    ]);
    assert.deepEqual(ends.map((end) => end.status).sort(), ["fulfilled", "rejected"]);
  });
}

function cancelBehaviours(behaviour: Behaviour): void {
  behaviour("apply: a waiting job is cancelled at once and never claimed", async ({ store }) => {
    await store.enqueue([newJob("ready"), newJob("later", { runAt: T0 + 1000 })], T0);
    const jobs = await store.apply(["ready", "later"], CANCEL, T0 + 5);
    for (const job of jobs) {
      assert.ok(job.state === "cancelled");
      assert.equal(job.finishedAt, T0 + 5);
    }
    assert.equal(await store.claim(request(), T0 + 1e9), null);
  });

  behaviour("apply: cancelling a processing job marks it and leaves the claim", async ({ store }) => {
    await enqueueIds(store, ["a"]);
    const held = await claimed(store);
    const [job] = await store.apply(["a"], CANCEL, T0 + 5);
    assert.deepEqual(job, { ...held, updatedAt: T0 + 5, cancelRequestedAt: T0 + 5 });
    assert.equal((await store.counts()).processing, 1);
  });

  behaviour("apply: cancelling a processing job twice changes nothing more", async ({ store }) => {
    await enqueueIds(store, ["a"]);
    await claimed(store);
    await store.apply(["a"], CANCEL, T0 + 5);
    const before = await snapshot(store);
    assert.deepEqual(await store.apply(["a"], CANCEL, T0 + 6), before.jobs);
    assert.deepEqual(await snapshot(store), before);
  });

  behaviour(
    "cancelRequests: a worker is told of its own jobs that are to be cancelled",
    async ({ store }) => {
      await enqueueIds(store, ["a", "b", "c"]);
      const mine = await claimed(store, { workerId: 1 });
      await claimed(store, { workerId: 2 });
      await claimed(store, { workerId: 1 });
      assert.deepEqual(await store.cancelRequests(1), []);
      await store.apply(["a", "b"], CANCEL, T0 + 5);
      assert.deepEqual(await store.cancelRequests(1), [mine.claim]);
      assert.deepEqual(await store.cancelRequests(3), []);
    },
  );
}

function retryBehaviours(behaviour: Behaviour): void {
  behaviour("apply: a retried job begins a new round, now", async ({ store }) => {
    await oneOfEach(store);
    const ids = ["dead", "failed", "completed", "cancelled"];
    const jobs = await store.apply(ids, RETRY, T0 + 5);
    for (const job of jobs) {
      assert.ok(job.state === "pending");
      assert.deepEqual([job.attempts, job.crashes, job.runAt, job.updatedAt], [0, 0, T0 + 5, T0 + 5]);
    }
    assert.equal((await store.counts()).dead, 0);
    assert.equal((await claimed(store, { queues: ["dead"] }, T0 + 5)).attempts, 1);
  });

  behaviour("apply: a dead job retried with its count kept gets one attempt more", async ({ store }) => {
    await oneOfEach(store);
    const [job] = await store.apply(["dead"], RETRY_KEEPING, T0 + 5);
    assert.deepEqual([job?.attempts, job?.maxRetries], [1, 2]);
    assert.deepEqual(await store.job("dead"), job);
    const held = await claimed(store, { queues: ["dead"] }, T0 + 5);
    assert.equal(held.attempts, 2);
    assert.equal((await endClaim(store, held, FAILED, T0 + 6))?.state, "dead");
  });

  behaviour("apply: a failed job retried with its count kept has its old limit", async ({ store }) => {
    await oneOfEach(store);
    const [job] = await store.apply(["failed"], RETRY_KEEPING, T0 + 5) as [Job];
    assert.deepEqual([job.attempts, job.maxRetries], [1, 3]);
  });
}
