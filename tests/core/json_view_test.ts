import assert from "node:assert/strict";
import { JOB_STATES } from "../../src/core/job.ts";
import { attemptJson, jobJson, statusJson, totalOf, workerJson } from "../../src/core/json_view.ts";
import type { WorkerRecord, WorkerView } from "../../src/core/worker_record.ts";
import { JOBS, T0 } from "./sample_states.ts";

const COUNTS = { pending: 1, processing: 2, completed: 3, failed: 4, dead: 5, cancelled: 6 };

const WORKER: WorkerRecord = {
  ...{ id: 4, lockName: "worker.lock", slots: 2, queues: ["mail"], startedAt: T0, heartbeatAt: T0 + 500 },
  identity: { pid: 123, startTicks: "55", bootId: "boot", pidNamespace: "pid:[1]" },
  ...{ stopping: false, jobsSucceeded: 8, jobsFailed: 1 },
};

const AT_HAND = { ...JOBS.processing, progress: { percent: 40, text: "Building" } };

function view(changes: Partial<WorkerRecord> = {}, isBusy = false): WorkerView {
  return { worker: { ...WORKER, ...changes }, life: "alive", jobs: isBusy ? [AT_HAND] : [] };
}

Deno.test("jobJson: a job in full, in the words and units of the input", () => {
  assert.deepEqual(jobJson(JOBS.failed), {
    ...{ id: "job1", command: "echo hello", state: "failed", attempts: 1, max_retries: 3, priority: 5 },
    ...{ queue: "mail", timeout: 1.5, backoff_base: 2, cwd: "/srv", env: { A: "1" } },
    created_at: "2030-01-31T09:00:00.000Z",
    updated_at: "2030-01-31T09:00:00.001Z",
    run_at: "2030-01-31T09:00:02.001Z",
    ...{ started_at: null, finished_at: null, worker: null, cancel_requested: false },
    last_error: "exited with 1",
  });
});

Deno.test("jobJson: every state has the same keys, in the same order", () => {
  const keys = Object.keys(jobJson(JOBS.pending));
  for (const state of JOB_STATES) {
    assert.deepEqual(Object.keys(jobJson(JOBS[state])), keys);
    assert.equal(jobJson(JOBS[state]).state, state);
  }
});

Deno.test("jobJson: each state tells what only it has", () => {
  const one = "2030-01-31T09:00:00.001Z";
  const told = JOB_STATES.map((state) => {
    const { started_at, finished_at, worker, last_error, run_at } = jobJson(JOBS[state]);
    return [state, run_at, started_at, finished_at, worker, last_error];
  });
  assert.deepEqual(told, [
    ["pending", "2030-01-31T09:00:00.000Z", null, null, null, null],
    ["processing", null, one, null, 4, null],
    ["completed", null, null, one, null, null],
    ["failed", "2030-01-31T09:00:02.001Z", null, null, null, "exited with 1"],
    ["dead", null, null, one, null, "exited with 1"],
    ["cancelled", null, null, one, null, null],
  ]);
});

Deno.test("jobJson: whether a processing job is to be cancelled", () => {
  assert.equal(jobJson(JOBS.processing).cancel_requested, false);
  assert.equal(jobJson({ ...JOBS.processing, cancelRequestedAt: T0 }).cancel_requested, true);
});

Deno.test("jobJson: a claim's token is in no view", () => {
  const views = [jobJson(JOBS.processing), workerJson(view({}, true)), statusJson([view({}, true)], COUNTS)];
  assert.ok(!JSON.stringify(views).includes(JOBS.processing.claim.token));
});

Deno.test("attemptJson: one that runs and one that has ended have the same keys", () => {
  const base = { id: 12, jobSeq: 7, jobId: "job1", number: 2, workerId: 4, startedAt: T0 };
  const running = attemptJson({ ...base, outcome: null, progress: { percent: 40, text: "Building" } });
  const end = {
    progress: null,
    outcome: "timed_out",
    exitCode: null,
    signal: "SIGTERM",
    error: "took too long",
  } as const;
  const ended = attemptJson({ ...base, ...end, finishedAt: T0 + 2500 });
  assert.deepEqual(running, {
    ...{ job: "job1", attempt: 2, worker: 4, outcome: "running", exit_code: null, signal: null },
    ...{ error: null, started_at: "2030-01-31T09:00:00.000Z", finished_at: null, duration_seconds: null },
    progress: { percent: 40, text: "Building" },
  });
  assert.deepEqual(ended, {
    ...{ job: "job1", attempt: 2, worker: 4, outcome: "timed_out", exit_code: null, signal: "SIGTERM" },
    ...{ error: "took too long", started_at: "2030-01-31T09:00:00.000Z" },
    ...{ finished_at: "2030-01-31T09:00:02.500Z", duration_seconds: 2.5, progress: null },
  });
  assert.equal(attemptJson({ ...base, ...end, exitCode: 0, finishedAt: T0 }).exit_code, 0);
});

Deno.test("workerJson: a worker with the jobs at hand", () => {
  const shown = workerJson(view({}, true));
  assert.deepEqual(
    [shown.id, shown.pid, shown.state, shown.slots, shown.queues, shown.jobs_done, shown.jobs_failed],
    [4, 123, "busy", 2, ["mail"], 8, 1],
  );
  assert.deepEqual(shown.jobs, [
    { id: "job1", since: "2030-01-31T09:00:00.001Z", progress: { percent: 40, text: "Building" } },
  ]);
  assert.equal(shown.started_at, "2030-01-31T09:00:00.000Z");
  assert.equal(shown.heartbeat_at, "2030-01-31T09:00:00.500Z");
});

Deno.test("workerJson: dead comes before stopping, that before busy, that before idle", () => {
  const states = [
    workerJson({ ...view({ stopping: true }, true), life: "dead" }),
    workerJson(view({ stopping: true }, true)),
    workerJson(view({}, true)),
    workerJson(view()),
  ].map(({ state }) => state);
  assert.deepEqual(states, ["dead", "stopping", "busy", "idle"]);
});

Deno.test("statusJson: the living workers are counted, and jobs with their total", () => {
  const status = statusJson([view(), { ...view(), life: "dead" }], COUNTS);
  assert.equal(status.active_workers, 1);
  assert.equal((status.workers as unknown[]).length, 2);
  assert.deepEqual(status.jobs, { ...COUNTS, total: 21 });
});

Deno.test("totalOf: the sum over all states", () => {
  assert.equal(totalOf(COUNTS), 21);
});
