/**
 * A job in each state, for tests of the pure core.
 */

import type { Job, JobBase, JobState, NewJob } from "../../src/core/job.ts";

/** When these jobs came to be, in ms since the epoch. */
export const T0 = Date.UTC(2030, 0, 31, 9);

/** What was asked for. */
export const NEW_JOB: NewJob = {
  ...{ id: "job1", command: "echo hello", queue: "mail", priority: 5, maxRetries: 3, timeoutMs: 1500 },
  ...{ backoffBase: 2, cwd: "/srv", env: { A: "1" }, runAt: T0 },
};

const { runAt: _runAt, ...SPEC } = NEW_JOB;

/** What the jobs of every state have. */
export const BASE: JobBase = { ...SPEC, seq: 7, attempts: 1, crashes: 1, createdAt: T0, updatedAt: T0 + 1 };

/** A job in each state. */
export const JOBS: { readonly [S in JobState]: Extract<Job, { state: S }> } = {
  pending: { ...BASE, state: "pending", runAt: T0 },
  processing: {
    ...BASE,
    state: "processing",
    claim: { workerId: 4, token: "secret-token", attemptId: 12, since: T0 + 1 },
    cancelRequestedAt: null,
  },
  completed: { ...BASE, state: "completed", finishedAt: T0 + 1 },
  failed: { ...BASE, state: "failed", runAt: T0 + 2001, lastError: "exited with 1" },
  dead: { ...BASE, state: "dead", attempts: 3, finishedAt: T0 + 1, lastError: "exited with 1" },
  cancelled: { ...BASE, state: "cancelled", finishedAt: T0 + 1 },
};
