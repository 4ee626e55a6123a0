import assert from "node:assert/strict";
import { serves, type WorkerRecord, type WorkerView } from "../../src/core/worker_record.ts";

const WORKER: WorkerRecord = {
  ...{ id: 4, lockName: "worker.lock", slots: 2, queues: [], startedAt: 0, heartbeatAt: 0 },
  identity: { pid: 123, startTicks: "55", bootId: "boot", pidNamespace: "pid:[1]" },
  ...{ stopping: false, jobsSucceeded: 0, jobsFailed: 0 },
};

function view(changes: Partial<WorkerRecord> = {}, life: WorkerView["life"] = "alive"): WorkerView {
  return { worker: { ...WORKER, ...changes }, life, jobs: [] };
}

Deno.test("serves: a living worker of all queues, or of this one", () => {
  assert.ok(serves(view(), "mail") && serves(view({}, "elsewhere"), "mail"));
  assert.ok(serves(view({ queues: ["web", "mail"] }), "mail"));
  assert.ok(!serves(view({ queues: ["web"] }), "mail"));
});

Deno.test("serves: not one that is dead, stopping, or there for another job", () => {
  const others = [view({}, "dead"), view({ stopping: true }), view({ onlyJobSeq: 7, queues: ["mail"] })];
  for (const other of others) assert.equal(serves(other, "mail"), false);
});
