/**
 * Jobs, claims and ends to test a store with: small, and the same every time.
 */

import assert from "node:assert/strict";
import type { AttemptEnd } from "../../src/core/attempt.ts";
import type { QueueError } from "../../src/core/errors.ts";
import type { LogEntry } from "../../src/core/event.ts";
import { type Job, JOB_STATES, type NewJob, type ProcessingJob } from "../../src/core/job.ts";
import type { ClaimRef, ClaimRequest, JobCounts, JobFilter, Store } from "../../src/core/store.ts";
import type { NewWorker, WorkerRecord } from "../../src/core/worker_record.ts";

/** When every test begins, in ms since the epoch. */
export const T0 = 1_900_000_000_000;

/** The longest backoff delay, where a test doesn't say otherwise. */
export const MAX_BACKOFF_MS = 300_000;

/** A job that is due at `T0`, with what `changes` says. */
export function newJob(id: string, changes: Partial<NewJob> = {}): NewJob {
  return {
    id,
    command: `echo ${id}`,
    queue: "default",
    priority: 0,
    maxRetries: 3,
    timeoutMs: 60_000,
    backoffBase: 2,
    cwd: "/",
    env: {},
    runAt: T0,
    ...changes,
  };
}

/** Enqueues jobs with these ids at `T0`, all with the same `changes`. */
export async function enqueueIds(
  store: Store,
  ids: readonly string[],
  changes: Partial<NewJob> = {},
): Promise<void> {
  await store.enqueue(ids.map((id) => newJob(id, changes)), T0);
}

/** A worker as it registers itself; `pid` tells it from others. */
export function newWorker(pid: number, changes: Partial<NewWorker> = {}): NewWorker {
  const identity = { pid, startTicks: `${pid}00`, bootId: "5d5a1a8e-boot", pidNamespace: "pid:[4026531836]" };
  return { identity, lockName: `worker-${pid}.lock`, slots: 1, queues: [], ...changes };
}

/** Registers a worker at `T0`. */
export function register(store: Store, pid = 1): Promise<WorkerRecord> {
  return store.registerWorker(newWorker(pid), T0);
}

/** A claim by worker 1 from all queues, by priority, with what `changes` says. */
export function request(changes: Partial<ClaimRequest> = {}): ClaimRequest {
  return { workerId: 1, queues: [], mode: "priority", token: crypto.randomUUID(), ...changes };
}

/** Claims a job; fails the test if there is none. */
export async function claimed(
  store: Store,
  changes: Partial<ClaimRequest> = {},
  now = T0,
): Promise<ProcessingJob> {
  const job = await store.claim(request(changes), now);
  assert.ok(job !== null, "no job could be claimed");
  return job;
}

/** The ids of all jobs that can be claimed at `now`, in the order in which they are. */
export async function claimOrder(
  store: Store,
  changes: Partial<ClaimRequest> = {},
  now = T0,
): Promise<string[]> {
  const ids: string[] = [];
  for (let job; (job = await store.claim(request(changes), now)) !== null;) ids.push(job.id);
  return ids;
}

/** What proves that `job` is held. */
export function refOf(job: ProcessingJob): ClaimRef {
  return { jobSeq: job.seq, attemptId: job.claim.attemptId, token: job.claim.token };
}

/** The command exited 0. */
export const SUCCEEDED: AttemptEnd = { outcome: "succeeded", exitCode: 0, signal: null, error: null };

/** The command exited 1. */
export const FAILED: AttemptEnd = { outcome: "failed", exitCode: 1, signal: null, error: "exited with 1" };

/** The worker was told to stop at once. */
export const RELEASED: AttemptEnd = {
  outcome: "released",
  exitCode: null,
  signal: "SIGTERM",
  error: "its worker was stopped",
};

/** A user cancelled the job. */
export const CANCELLED: AttemptEnd = {
  outcome: "cancelled",
  exitCode: null,
  signal: "SIGKILL",
  error: "cancelled by a user",
};

/** Ends one attempt and claims nothing; null if the claim was lost. */
export async function endAttempt(
  store: Store,
  ref: ClaimRef,
  end: AttemptEnd,
  options: { now: number; maxBackoffMs: number },
): Promise<Job | null> {
  const { ended } = await store.endAttemptsAndClaim([{ ref, end }], () => ({ ...options, next: [] }));
  return ended[0]!;
}

/** Ends the attempt that holds `job`; null if the claim was lost. */
export function endClaim(
  store: Store,
  job: ProcessingJob,
  end: AttemptEnd,
  now = T0,
): Promise<Job | null> {
  return endAttempt(store, refOf(job), end, { now, maxBackoffMs: MAX_BACKOFF_MS });
}

/** The ids of the jobs that match, in the order in which the store gives them. */
export async function idsOf(store: Store, filter: JobFilter): Promise<string[]> {
  return (await store.jobs(filter)).map((job) => job.id);
}

/** What `counts` should be: a recount of all jobs. */
export async function recount(store: Store): Promise<JobCounts> {
  const counts = Object.fromEntries(JOB_STATES.map((state) => [state, 0])) as JobCounts;
  for (const job of await store.jobs({})) counts[job.state] += 1;
  return counts;
}

/** Everything that a change could show in: to compare before and after. */
export async function snapshot(store: Store) {
  const jobs = await store.jobs({});
  return {
    jobs,
    counts: await store.counts(),
    attempts: await store.recentAttempts(10_000),
    workers: await store.workers(),
    events: await allEvents(store),
  };
}

/** The whole log. */
export function allEvents(store: Store): Promise<LogEntry[]> {
  return store.events(0, 1_000_000);
}

/** For `assert.rejects`: a `QueueError` with this code. */
export function withCode(code: QueueError["code"]) {
  return (error: unknown) => {
    assert.equal((error as QueueError).name, "QueueError", String(error));
    assert.equal((error as QueueError).code, code);
    return true;
  };
}
