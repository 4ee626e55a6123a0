/**
 * `endAttempt`: what each outcome makes of a job, and that only the holder of the claim can end it.
 */

import assert from "node:assert/strict";
import type { AttemptEnd } from "../../src/core/attempt.ts";
import type { Store } from "../../src/core/store.ts";
import {
  CANCELLED,
  claimed,
  endAttempt,
  endClaim,
  enqueueIds,
  FAILED,
  MAX_BACKOFF_MS,
  refOf,
  register,
  RELEASED,
  request,
  snapshot,
  SUCCEEDED,
  T0,
} from "./samples.ts";
import type { Job } from "../../src/core/job.ts";
import type { Behaviour } from "./store_under_test.ts";

const TIMED_OUT: AttemptEnd = {
  outcome: "timed_out",
  exitCode: null,
  signal: "SIGTERM",
  error: "took longer than 60s",
};

/** Claims the next job and fails it; returns what it is then. */
async function failNext(store: Store, now: number) {
  return await endClaim(store, await claimed(store, {}, now), FAILED, now);
}

/** Registers what `endAttempt` and `attempts` must do. */
export function endBehaviours(behaviour: Behaviour): void {
  ownershipBehaviours(behaviour);
  clockBehaviours(behaviour);
  outcomeBehaviours(behaviour);
  retryBehaviours(behaviour);
  attemptBehaviours(behaviour);
  goingOnBehaviours(behaviour);
}

function goingOnBehaviours(behaviour: Behaviour): void {
  const options = (...tokens: string[]) => () => ({
    now: T0 + 9,
    maxBackoffMs: MAX_BACKOFF_MS,
    next: tokens.map((token) => request({ workerId: 1, token })),
  });

  behaviour("endAttemptsAndClaim: the end is stored and the next in line is taken", async ({ store }) => {
    await enqueueIds(store, ["a", "b", "c"]);
    const first = await claimed(store);
    const { ended: [ended], next: [next] } = await store.endAttemptsAndClaim(
      [{ ref: refOf(first), end: SUCCEEDED }],
      options("second"),
    );
    assert.deepEqual([ended?.id, ended?.state], ["a", "completed"]);
    assert.deepEqual([next?.id, next?.claim.token, next?.claim.since], ["b", "second", T0 + 9]);
    assert.deepEqual([ended, next], [await store.job("a"), await store.job("b")]);
    assert.equal((await store.attempts(next!.seq)).length, 1);
  });

  behaviour("endAttemptsAndClaim: several ends and several claims, each for itself", async ({ store }) => {
    await enqueueIds(store, ["a", "b", "c", "d", "e"], { backoffBase: 1 });
    const held = [await claimed(store), await claimed(store), await claimed(store)];
    const { ended, next } = await store.endAttemptsAndClaim([
      { ref: refOf(held[0]!), end: SUCCEEDED },
      { ref: { ...refOf(held[1]!), token: "wrong" }, end: SUCCEEDED },
      { ref: refOf(held[2]!), end: FAILED },
    ], options("first", "second", "third"));
    assert.deepEqual(ended.map((job) => job?.state ?? null), ["completed", null, "failed"]);
    assert.deepEqual(next.map((job) => [job.id, job.claim.token]), [["d", "first"], ["e", "second"]]);
    assert.equal((await store.job("b"))?.state, "processing");
    assert.deepEqual(await store.counts(), {
      ...{ pending: 0, processing: 3, completed: 1, failed: 1, dead: 0, cancelled: 0 },
    });
  });

  behaviour("endAttemptsAndClaim: with nothing to end it claims, as many as there are", async ({ store }) => {
    await enqueueIds(store, ["a", "b"]);
    const { ended, next } = await store.endAttemptsAndClaim([], options("first", "second", "third"));
    assert.deepEqual([ended, next.map(({ id }) => id)], [[], ["a", "b"]]);
    assert.deepEqual((await store.endAttemptsAndClaim([], options("fourth"))).next, []);
  });

  behaviour(
    "endAttemptsAndClaim: a lost claim stores no end, and the next job is taken",
    async ({ store }) => {
      await enqueueIds(store, ["a", "b"]);
      const ref = { ...refOf(await claimed(store)), token: "wrong" };
      const end = { ref, end: SUCCEEDED };
      const { ended, next } = await store.endAttemptsAndClaim([end], options("second"));
      assert.deepEqual([ended, next.map(({ id }) => id)], [[null], ["b"]]);
      assert.equal((await store.job("a"))?.state, "processing");
    },
  );

  behaviour("endAttemptsAndClaim: with nothing ready only the end is stored", async ({ store }) => {
    await enqueueIds(store, ["a"]);
    await enqueueIds(store, ["later"], { runAt: T0 + 10 });
    const end = { ref: refOf(await claimed(store)), end: FAILED };
    const { ended, next } = await store.endAttemptsAndClaim([end], options("second"));
    assert.deepEqual([ended[0]?.state, next], ["failed", []]);
  });

  behaviour("endAttemptsAndClaim: a job that is due at once again is in line, too", async ({ store }) => {
    await enqueueIds(store, ["a", "b"], { backoffBase: 0 });
    const end = { ref: refOf(await claimed(store)), end: FAILED };
    const { next: [next] } = await store.endAttemptsAndClaim([end], options("second"));
    assert.deepEqual([next?.id, next?.attempts], ["a", 2]);
  });
}

function clockBehaviours(behaviour: Behaviour): void {
  behaviour("shiftDelays: a delay that began in the future begins again, others stay", async ({ store }) => {
    await enqueueIds(store, ["early", "late"], { backoffBase: 1 });
    await endClaim(store, await claimed(store), FAILED, T0);
    await endClaim(store, await claimed(store), FAILED, T0 + 3_600_000);
    assert.equal(await store.shiftDelays(T0 + 500), 1);
    const runAt = async (id: string) => ((await store.job(id)) as Extract<Job, { state: "failed" }>).runAt;
    assert.deepEqual([await runAt("early"), await runAt("late")], [T0 + 1000, T0 + 1500]);
    assert.equal(await store.shiftDelays(T0 + 500), 0);
    assert.equal(await store.nextRunAt([]), T0 + 1000);
  });
}

function ownershipBehaviours(behaviour: Behaviour): void {
  behaviour("endAttemptsAndClaim: the holder of the token ends it", async ({ store }) => {
    await enqueueIds(store, ["a"]);
    const job = await endClaim(store, await claimed(store), SUCCEEDED, T0 + 9);
    assert.equal(job?.state, "completed");
    assert.deepEqual(await store.job("a"), job);
  });

  behaviour("endAttemptsAndClaim: another token ends nothing", async ({ store }) => {
    await enqueueIds(store, ["a"]);
    const job = await claimed(store, { token: "right" });
    const before = await snapshot(store);
    for (const token of ["wrong", "", "RIGHT", "righ_", "%"]) {
      const ref = { ...refOf(job), token };
      assert.equal(await endAttempt(store, ref, SUCCEEDED, { now: T0, maxBackoffMs: 0 }), null, token);
    }
    assert.deepEqual(await snapshot(store), before);
  });

  behaviour(
    "endAttemptsAndClaim: another attempt's id with the right token ends nothing",
    async ({ store }) => {
      await enqueueIds(store, ["a", "b"]);
      const job = await claimed(store);
      const other = await claimed(store);
      const before = await snapshot(store);
      const ref = { ...refOf(job), attemptId: other.claim.attemptId };
      assert.equal(await endAttempt(store, ref, SUCCEEDED, { now: T0, maxBackoffMs: 0 }), null);
      assert.deepEqual(await snapshot(store), before);
    },
  );

  behaviour("endAttemptsAndClaim: a token that holds another job ends nothing", async ({ store }) => {
    await enqueueIds(store, ["a", "b"]);
    const [a, b] = [await claimed(store), await claimed(store)];
    const before = await snapshot(store);
    const ref = { ...refOf(a), token: b.claim.token };
    assert.equal(await endAttempt(store, ref, SUCCEEDED, { now: T0, maxBackoffMs: 0 }), null);
    assert.deepEqual(await snapshot(store), before);
  });

  behaviour("endAttemptsAndClaim: a job that doesn't exist gives null", async ({ store }) => {
    const ref = { jobSeq: 12345, attemptId: 1, token: "t" };
    assert.equal(await endAttempt(store, ref, SUCCEEDED, { now: T0, maxBackoffMs: 0 }), null);
  });

  behaviour("endAttemptsAndClaim: the second end of an attempt changes nothing", async ({ store }) => {
    await register(store);
    await enqueueIds(store, ["a"]);
    const job = await claimed(store);
    await endClaim(store, job, FAILED, T0 + 5);
    const before = await snapshot(store);
    assert.equal(await endClaim(store, job, SUCCEEDED, T0 + 6), null);
    assert.deepEqual(await snapshot(store), before);
  });

  behaviour(
    "endAttemptsAndClaim: the token of an earlier attempt can't end the next one",
    async ({ store }) => {
      await enqueueIds(store, ["a"], { backoffBase: 0 });
      const first = await claimed(store, { token: "first" });
      await endClaim(store, first, FAILED);
      await claimed(store, { token: "second" });
      const before = await snapshot(store);
      assert.equal(await endClaim(store, first, SUCCEEDED), null);
      assert.deepEqual(await snapshot(store), before);
    },
  );

  behaviour(
    "endAttemptsAndClaim: two connections that end the same attempt together do it once",
    async (tested) => {
      const other = await tested.another();
      await register(tested.store);
      await enqueueIds(tested.store, ["a"]);
      const job = await claimed(tested.store);
      const both = await Promise.all([
        endClaim(tested.store, job, SUCCEEDED),
        endClaim(other, job, SUCCEEDED),
      ]);
      assert.equal(both.filter((ended) => ended !== null).length, 1);
      assert.equal((await tested.store.workers())[0]?.jobsSucceeded, 1);
      assert.equal((await tested.store.counts()).completed, 1);
    },
  );
}

function outcomeBehaviours(behaviour: Behaviour): void {
  behaviour("endAttemptsAndClaim: succeeded makes the job completed", async ({ store }) => {
    await enqueueIds(store, ["a"]);
    const job = await claimed(store);
    const { claim: _claim, cancelRequestedAt: _asked, ...base } = job;
    assert.deepEqual(await endClaim(store, job, SUCCEEDED, T0 + 7), {
      ...base,
      state: "completed",
      updatedAt: T0 + 7,
      finishedAt: T0 + 7,
    });
  });

  behaviour("endAttemptsAndClaim: failed makes the job wait, with its error", async ({ store }) => {
    await enqueueIds(store, ["a"]);
    const job = await endClaim(store, await claimed(store), FAILED, T0 + 7);
    assert.ok(job?.state === "failed");
    assert.deepEqual([job.lastError, job.runAt, job.attempts], ["exited with 1", T0 + 2007, 1]);
    assert.deepEqual(await store.job("a"), job);
  });

  behaviour("endAttemptsAndClaim: timed_out counts as a failure", async ({ store }) => {
    await enqueueIds(store, ["a"], { maxRetries: 2, backoffBase: 0 });
    const job = await endClaim(store, await claimed(store), TIMED_OUT);
    assert.ok(job?.state === "failed");
    assert.equal(job.lastError, "took longer than 60s");
    assert.equal((await endClaim(store, await claimed(store), TIMED_OUT))?.state, "dead");
  });

  behaviour("endAttemptsAndClaim: cancelled makes the job cancelled", async ({ store }) => {
    await enqueueIds(store, ["a"]);
    const held = await claimed(store);
    await store.apply(["a"], { type: "cancel_requested" }, T0 + 1);
    const job = await endClaim(store, held, CANCELLED, T0 + 2);
    assert.ok(job?.state === "cancelled");
    assert.deepEqual([job.finishedAt, job.attempts], [T0 + 2, 1]);
    assert.deepEqual(await store.job("a"), job);
  });

  behaviour(
    "endAttemptsAndClaim: released gives the job back at once and costs no attempt",
    async ({ store }) => {
      await enqueueIds(store, ["a"]);
      const job = await endClaim(store, await claimed(store), RELEASED, T0 + 3);
      assert.ok(job?.state === "pending");
      assert.deepEqual([job.attempts, job.crashes, job.runAt], [0, 0, T0 + 3]);
      assert.equal((await claimed(store, {}, T0 + 3)).attempts, 1);
    },
  );

  behaviour(
    "endAttemptsAndClaim: a job that a user cancelled is not run again after a failure",
    async ({ store }) => {
      await enqueueIds(store, ["failing", "given-back"]);
      const [a, b] = [await claimed(store), await claimed(store)];
      await store.apply(["failing", "given-back"], { type: "cancel_requested" }, T0 + 1);
      assert.equal((await endClaim(store, a, FAILED, T0 + 2))?.state, "cancelled");
      assert.equal((await endClaim(store, b, RELEASED, T0 + 2))?.state, "cancelled");
      assert.equal(await store.claim(request(), T0 + 1e9), null);
    },
  );

  behaviour(
    "endAttempt: a job that succeeds before the cancel reaches it has completed",
    async ({ store }) => {
      await enqueueIds(store, ["a"]);
      const held = await claimed(store);
      await store.apply(["a"], { type: "cancel_requested" }, T0 + 1);
      assert.equal((await endClaim(store, held, SUCCEEDED, T0 + 2))?.state, "completed");
      assert.deepEqual(await store.cancelRequests(1), []);
    },
  );
}

function retryBehaviours(behaviour: Behaviour): void {
  behaviour("endAttemptsAndClaim: the delay grows as base ^ attempts until the last attempt is dead", async (
    { store },
  ) => {
    await enqueueIds(store, ["a"], { maxRetries: 4 });
    let now = T0;
    for (const delayMs of [2000, 4000, 8000]) {
      const job = await failNext(store, now);
      assert.ok(job?.state === "failed");
      assert.equal(job.runAt - now, delayMs);
      now = job.runAt;
    }
    const job = await failNext(store, now);
    assert.ok(job?.state === "dead");
    assert.deepEqual([job.attempts, job.finishedAt, job.lastError], [4, now, "exited with 1"]);
  });

  behaviour(
    "endAttemptsAndClaim: a job with one attempt is dead after the first failure",
    async ({ store }) => {
      await enqueueIds(store, ["a"], { maxRetries: 1 });
      assert.equal((await failNext(store, T0))?.state, "dead");
      assert.equal((await store.counts()).dead, 1);
    },
  );

  behaviour("endAttemptsAndClaim: the delay is capped by maxBackoffMs", async ({ store }) => {
    await enqueueIds(store, ["a"], { backoffBase: 1000, maxRetries: 1000 });
    const held = await claimed(store);
    const job = await endAttempt(store, refOf(held), FAILED, { now: T0, maxBackoffMs: 1500 });
    assert.ok(job?.state === "failed");
    assert.equal(job.runAt, T0 + 1500);
    assert.equal(await store.claim(request(), T0 + 1499), null);
  });

  behaviour("endAttemptsAndClaim: a power too large for any clock is capped too", async ({ store }) => {
    await enqueueIds(store, ["a"], { backoffBase: 1000, maxRetries: 1000 });
    let now = T0;
    for (let round = 1; round <= 120; round++) {
      const job = await failNext(store, now);
      assert.ok(job?.state === "failed");
      assert.equal(job.runAt - now, MAX_BACKOFF_MS, `after attempt ${round}`);
      now = job.runAt;
    }
  });

  behaviour(
    "endAttemptsAndClaim: a base below 1 and a cap with a fraction give whole ms",
    async ({ store }) => {
      await enqueueIds(store, ["a", "b"], { backoffBase: 0.3 });
      const job = await failNext(store, T0);
      assert.ok(job?.state === "failed");
      assert.equal(job.runAt, T0 + 300);
      const held = await claimed(store);
      const capped = await endAttempt(store, refOf(held), FAILED, { now: T0, maxBackoffMs: 1.5 });
      assert.ok(capped?.state === "failed" && Number.isInteger(capped.runAt));
    },
  );
}

function attemptBehaviours(behaviour: Behaviour): void {
  behaviour("attempts: an ended one tells how it ended", async ({ store }) => {
    await enqueueIds(store, ["a"]);
    const job = await claimed(store, { workerId: 5 });
    await endClaim(store, job, TIMED_OUT, T0 + 40);
    assert.deepEqual(await store.attempts(job.seq), [{
      ...{ id: job.claim.attemptId, jobSeq: job.seq, jobId: "a", number: 1, workerId: 5, startedAt: T0 },
      ...{ finishedAt: T0 + 40, progress: null, ...TIMED_OUT },
    }]);
  });

  behaviour("attempts: they are numbered from 1, oldest first", async ({ store }) => {
    await enqueueIds(store, ["a"], { backoffBase: 0 });
    for (let round = 0; round < 3; round++) await failNext(store, T0);
    const attempts = await store.attempts((await store.job("a"))!.seq);
    assert.deepEqual(attempts.map((attempt) => attempt.number), [1, 2, 3]);
    assert.deepEqual(attempts.map((attempt) => attempt.outcome), ["failed", "failed", "failed"]);
    assert.ok(attempts[0]!.id < attempts[1]!.id && attempts[1]!.id < attempts[2]!.id);
  });

  behaviour("attempts: a released one gives its number to the next", async ({ store }) => {
    await enqueueIds(store, ["a"], { backoffBase: 0 });
    await failNext(store, T0);
    await endClaim(store, await claimed(store), RELEASED);
    await failNext(store, T0);
    const attempts = await store.attempts((await store.job("a"))!.seq);
    assert.deepEqual(attempts.map(({ number, outcome }) => [number, outcome]), [
      [1, "failed"],
      [2, "released"],
      [2, "failed"],
    ]);
  });

  behaviour("attempts: a new round counts from 1 again and keeps the old ones", async ({ store }) => {
    await enqueueIds(store, ["a"], { backoffBase: 0, maxRetries: 2 });
    await failNext(store, T0);
    await failNext(store, T0);
    await store.apply(["a"], { type: "retried", keepAttempts: false }, T0);
    await failNext(store, T0);
    const attempts = await store.attempts((await store.job("a"))!.seq);
    assert.deepEqual(attempts.map((attempt) => attempt.number), [1, 2, 1]);
  });

  behaviour("attempts: a job without any, or no job, has an empty list", async ({ store }) => {
    const [job] = await store.jobs({});
    assert.equal(job, undefined);
    await enqueueIds(store, ["a"]);
    assert.deepEqual(await store.attempts((await store.job("a"))!.seq), []);
    assert.deepEqual(await store.attempts(987), []);
  });

  behaviour("recentAttempts: the newest of all jobs, oldest of these first", async ({ store }) => {
    await enqueueIds(store, ["a", "b", "c"]);
    for (let round = 0; round < 3; round++) await claimed(store);
    assert.deepEqual((await store.recentAttempts(2)).map((attempt) => attempt.jobId), ["b", "c"]);
    assert.deepEqual((await store.recentAttempts(9)).map((attempt) => attempt.jobId), ["a", "b", "c"]);
  });
}
