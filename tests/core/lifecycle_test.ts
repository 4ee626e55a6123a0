import assert from "node:assert/strict";
import fc from "fast-check";
import { type AttemptEnd, type Outcome, OUTCOMES } from "../../src/core/attempt.ts";
import { type Job, JOB_STATES, type JobState } from "../../src/core/job.ts";
import { CRASH_LIMIT, enqueue, type LifecycleEvent, transition } from "../../src/core/lifecycle.ts";
import { BASE, JOBS, NEW_JOB, T0 } from "./sample_states.ts";

const NOW = T0 + 10_000;
const CLAIM = { workerId: 9, token: "t", attemptId: 33, since: NOW };

function ended(outcome: Outcome, changes: Partial<AttemptEnd> = {}): LifecycleEvent {
  const error = outcome === "succeeded" ? null : `because ${outcome}`;
  const end = { outcome, exitCode: null, signal: null, error, ...changes };
  return { type: "ended", end, maxBackoffMs: 300_000 };
}

const EVENTS: Record<string, LifecycleEvent> = {
  claimed: { type: "claimed", claim: CLAIM },
  ...Object.fromEntries(OUTCOMES.map((outcome) => [outcome, ended(outcome)])),
  cancel_requested: { type: "cancel_requested" },
  clock_set_back: { type: "clock_set_back" },
  retried: { type: "retried", keepAttempts: false },
  "retried, attempts kept": { type: "retried", keepAttempts: true },
};

/** The state after each event; what is absent is a conflict. */
const AFTER: Record<JobState, Record<string, JobState>> = {
  pending: { claimed: "processing", cancel_requested: "cancelled" },
  processing: {
    ...{ succeeded: "completed", failed: "failed", timed_out: "failed", cancelled: "cancelled" },
    ...{ released: "pending", lost: "pending", cancel_requested: "processing" },
  },
  completed: { retried: "pending", "retried, attempts kept": "pending" },
  failed: {
    ...{ claimed: "processing", cancel_requested: "cancelled", clock_set_back: "failed" },
    ...{ retried: "pending", "retried, attempts kept": "pending" },
  },
  dead: { retried: "pending", "retried, attempts kept": "pending" },
  cancelled: { retried: "pending", "retried, attempts kept": "pending" },
};

for (const state of JOB_STATES) {
  for (const [name, event] of Object.entries(EVENTS)) {
    const expected = AFTER[state][name];
    if (expected === undefined) {
      Deno.test(`transition: a ${state} job that is ${name} is a conflict that names its state`, () => {
        const job = JOBS[state];
        assert.throws(() => transition(job, event, NOW), (error: Error & { code?: string }) => {
          assert.equal(error.code, "conflict");
          assert.match(error.message, new RegExp(`job1: it is ${state}, not `));
          return true;
        });
      });
    } else {
      Deno.test(`transition: a ${state} job that is ${name} becomes ${expected}`, () => {
        const before = structuredClone(JOBS[state]);
        const after = transition(JOBS[state], event, NOW);
        assert.equal(after.state, expected);
        assert.equal(after.updatedAt, NOW);
        assert.deepEqual(JOBS[state], before, "the job given was changed");
        assert.deepEqual(Object.keys(after).toSorted(), Object.keys(JOBS[expected]).toSorted());
        const { seq, id, command, queue, priority, timeoutMs, backoffBase, cwd, env, createdAt } = BASE;
        const kept = { seq, id, command, queue, priority, timeoutMs, backoffBase, cwd, env, createdAt };
        assert.deepEqual({ ...after, ...kept }, after);
      });
    }
  }
}

Deno.test("enqueue: a new job is pending without attempts", () => {
  assert.deepEqual(enqueue({ ...NEW_JOB, runAt: NOW + 5 }, 8, NOW), {
    ...{ ...NEW_JOB, seq: 8, attempts: 0, crashes: 0, createdAt: NOW, updatedAt: NOW, state: "pending" },
    runAt: NOW + 5,
  });
});

Deno.test("transition: a claim counts the attempt that begins and holds the job", () => {
  for (const job of [JOBS.pending, JOBS.failed]) {
    const after = transition(job, { type: "claimed", claim: CLAIM }, NOW);
    assert.ok(after.state === "processing");
    assert.deepEqual([after.attempts, after.claim, after.cancelRequestedAt], [2, CLAIM, null]);
  }
});

Deno.test("transition: a success sets the end and leaves the attempts", () => {
  const after = transition(JOBS.processing, ended("succeeded"), NOW);
  assert.deepEqual(after, { ...BASE, updatedAt: NOW, state: "completed", finishedAt: NOW });
});

for (const outcome of ["failed", "timed_out"] as const) {
  Deno.test(`transition: an attempt that ${outcome} waits for base ^ attempts seconds`, () => {
    for (const [attempts, delayMs] of [[1, 3000], [2, 9000], [3, 27_000]] as const) {
      const job = { ...JOBS.processing, attempts, maxRetries: 4, backoffBase: 3 };
      const after = transition(job, ended(outcome), NOW);
      assert.ok(after.state === "failed");
      assert.deepEqual([after.runAt - NOW, after.attempts, after.lastError], [
        ...[delayMs, attempts, `because ${outcome}`],
      ]);
    }
  });

  Deno.test(`transition: the last attempt, if it ${outcome}, makes the job dead`, () => {
    const after = transition({ ...JOBS.processing, attempts: 3 }, ended(outcome), NOW);
    assert.ok(after.state === "dead");
    assert.deepEqual([after.attempts, after.finishedAt, after.lastError], [3, NOW, `because ${outcome}`]);
  });
}

Deno.test("transition: the delay is capped by the event's maxBackoffMs", () => {
  const event: LifecycleEvent = { ...ended("failed"), maxBackoffMs: 700 } as LifecycleEvent;
  const after = transition(JOBS.processing, event, NOW);
  assert.ok(after.state === "failed");
  assert.equal(after.runAt, NOW + 700);
});

Deno.test("transition: a failure without words still has a reason", () => {
  const after = transition(JOBS.processing, ended("timed_out", { error: null }), NOW);
  assert.ok(after.state === "failed");
  assert.equal(after.lastError, "timed_out");
});

Deno.test("transition: a released attempt doesn't count, nor as a crash", () => {
  const after = transition(JOBS.processing, ended("released"), NOW);
  assert.deepEqual(after, { ...BASE, attempts: 0, updatedAt: NOW, state: "pending", runAt: NOW });
});

Deno.test("transition: a lost attempt doesn't count, but as a crash", () => {
  const after = transition({ ...JOBS.processing, crashes: 0 }, ended("lost"), NOW);
  assert.deepEqual(after, { ...BASE, attempts: 0, crashes: 1, updatedAt: NOW, state: "pending", runAt: NOW });
});

Deno.test("transition: the third worker that dies under a job makes it dead, with that reason", () => {
  assert.equal(CRASH_LIMIT, 3);
  assert.equal(transition({ ...JOBS.processing, crashes: 1 }, ended("lost"), NOW).state, "pending");
  const after = transition({ ...JOBS.processing, crashes: 2 }, ended("lost"), NOW);
  assert.ok(after.state === "dead");
  assert.deepEqual([after.attempts, after.crashes, after.finishedAt], [0, 3, NOW]);
  assert.equal(after.lastError, "its worker died under it 3 times");
});

Deno.test("transition: a job that a user wants cancelled is never run again, but may still succeed", () => {
  const marked = transition(JOBS.processing, { type: "cancel_requested" }, T0 + 500);
  assert.deepEqual(marked, { ...JOBS.processing, updatedAt: T0 + 500, cancelRequestedAt: T0 + 500 });
  for (const outcome of OUTCOMES) {
    for (const crashes of [0, 2]) {
      const after = transition({ ...marked, crashes, attempts: 3 } as Job, ended(outcome), NOW);
      assert.equal(after.state, outcome === "succeeded" ? "completed" : "cancelled", outcome);
      assert.ok("finishedAt" in after && after.finishedAt === NOW);
    }
  }
});

Deno.test("transition: asking twice to cancel a processing job changes nothing", () => {
  const marked = transition(JOBS.processing, { type: "cancel_requested" }, T0 + 500);
  assert.equal(transition(marked, { type: "cancel_requested" }, NOW), marked);
});

Deno.test("transition: a retry begins a new round now", () => {
  for (const job of [JOBS.failed, JOBS.dead, JOBS.cancelled, JOBS.completed]) {
    const after = transition(job, { type: "retried", keepAttempts: false }, NOW);
    assert.deepEqual(after, {
      ...{ ...BASE, attempts: 0, crashes: 0, updatedAt: NOW, state: "pending", runAt: NOW },
    });
  }
});

Deno.test("transition: a retry that keeps the count grants one attempt more only if none is left", () => {
  const retried: LifecycleEvent = { type: "retried", keepAttempts: true };
  const dead = transition(JOBS.dead, retried, NOW);
  assert.deepEqual([dead.attempts, dead.maxRetries, dead.crashes], [3, 4, 0]);
  const failed = transition(JOBS.failed, retried, NOW);
  assert.deepEqual([failed.attempts, failed.maxRetries, failed.crashes], [1, 3, 0]);
});

Deno.test("transition: in any history attempts stay within max_retries and fields with their state", () => {
  const events = fc.array(
    fc.record({ event: fc.constantFrom(...Object.values(EVENTS)), waitMs: fc.nat(5000) }),
    { maxLength: 80, size: "max" },
  );
  fc.assert(fc.property(events, fc.integer({ min: 1, max: 4 }), (steps, maxRetries) => {
    let now = NOW;
    let job: Job = enqueue({ ...NEW_JOB, maxRetries }, 1, now);
    for (const { event, waitMs } of steps) {
      now += waitMs;
      try {
        job = transition(job, event, now);
      } catch {
        continue;
      }
      assert.ok(job.attempts >= 0 && job.attempts <= job.maxRetries, JSON.stringify(job));
      assert.ok(job.crashes <= CRASH_LIMIT);
      assert.deepEqual(Object.keys(job).toSorted(), Object.keys(JOBS[job.state]).toSorted());
    }
  }));
});

Deno.test("transition: a delay begins again when the clock was set back", () => {
  const failed = JOBS.failed as Extract<Job, { state: "failed" }>;
  const delayMs = failed.runAt - failed.updatedAt;
  const shifted = transition(failed, { type: "clock_set_back" }, failed.updatedAt - 3_600_000);
  assert.deepEqual(shifted, {
    ...failed,
    updatedAt: failed.updatedAt - 3_600_000,
    runAt: failed.updatedAt - 3_600_000 + delayMs,
  });
});
