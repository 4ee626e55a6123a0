import assert from "node:assert/strict";
import { constants } from "node:os";
import type { Attempt, AttemptEnd } from "../../src/core/attempt.ts";
import { exitStatusOf, statusOfSignal } from "../../src/core/exit_status.ts";
import { JOBS, T0 } from "./sample_states.ts";

function attempt(end: Partial<AttemptEnd> | null): Attempt {
  const base = { id: 1, jobSeq: 1, jobId: "a", number: 1, workerId: 1, startedAt: T0, progress: null };
  if (end === null) return { ...base, outcome: null };
  const ended = { outcome: "failed", exitCode: null, signal: null, error: "x" } as const;
  return { ...base, ...ended, ...end, finishedAt: T0 };
}

Deno.test("statusOfSignal: every signal of this system has the number that shells give", () => {
  const names = Object.keys(constants.signals) as (keyof typeof constants.signals)[];
  assert.ok(names.length > 20);
  // Two names of one number: SIGIOT and SIGUNUSED are old ones that the kernel never reports.
  for (const name of names.filter((name) => !["SIGIOT", "SIGUNUSED"].includes(name))) {
    assert.equal(statusOfSignal(name), 128 + constants.signals[name], name);
  }
  assert.equal(statusOfSignal("SIGODD"), 1);
});

Deno.test("exitStatusOf: a dead job's is what its command exited with, or the signal that ended it", () => {
  assert.equal(exitStatusOf(JOBS.dead, attempt({ exitCode: 7 })), 7);
  assert.equal(exitStatusOf(JOBS.dead, attempt({ signal: "SIGSEGV" })), 139);
});

Deno.test("exitStatusOf: a job that died of its timeout gives 124, however its command took that", () => {
  for (const end of [{ signal: "SIGTERM" }, { signal: "SIGKILL" }, { exitCode: 0 }, { exitCode: 3 }]) {
    assert.equal(exitStatusOf(JOBS.dead, attempt({ outcome: "timed_out", ...end })), 124);
  }
  const cancelledLater = attempt({ outcome: "timed_out", signal: "SIGTERM" });
  assert.equal(exitStatusOf(JOBS.cancelled, cancelledLater), 143);
});

Deno.test("exitStatusOf: a job that didn't complete never gives 0", () => {
  assert.equal(exitStatusOf(JOBS.dead, attempt({ outcome: "failed", exitCode: 0 })), 1);
  assert.equal(exitStatusOf(JOBS.cancelled, attempt({ outcome: "cancelled", exitCode: 0 })), 1);
  assert.equal(exitStatusOf(JOBS.dead, attempt({ outcome: "lost" })), 1);
  assert.equal(exitStatusOf(JOBS.dead, attempt(null)), 1);
  assert.equal(exitStatusOf(JOBS.cancelled, undefined), 1);
});

Deno.test("exitStatusOf: a completed job gives 0, whatever went before", () => {
  assert.equal(exitStatusOf(JOBS.completed, attempt({ outcome: "succeeded", exitCode: 0 })), 0);
  assert.equal(exitStatusOf(JOBS.completed, undefined), 0);
});
