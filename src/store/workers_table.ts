/**
 * The rows of `workers` and the statements on them.
 */

import type { NewWorker, RegisteredWorker, WorkerRecord } from "../core/worker_record.ts";
import type { Row, Value } from "./connection.ts";

/** Which worker a row of `REGISTERED` is about. */
export function registeredFromRow(row: Row): RegisteredWorker {
  return {
    id: row.id as number,
    identity: {
      pid: row.pid as number,
      startTicks: row.start_ticks as string,
      bootId: row.boot_id as string,
      pidNamespace: row.pid_namespace as string,
    },
    lockName: row.lock_name as string,
  };
}

/** The worker that a row holds. */
export function workerFromRow(row: Row): WorkerRecord {
  return {
    ...registeredFromRow(row),
    slots: row.slots as number,
    queues: JSON.parse(row.queues as string),
    ...(row.only_job_seq === null ? {} : { onlyJobSeq: row.only_job_seq as number }),
    startedAt: row.started_at as number,
    heartbeatAt: row.heartbeat_at as number,
    stopping: row.stopping === 1,
    jobsSucceeded: row.jobs_succeeded as number,
    jobsFailed: row.jobs_failed as number,
  };
}

/** Adds a worker; the parameters are those of `workerValues`. */
export const INSERT_WORKER = `
  INSERT INTO workers (pid, start_ticks, boot_id, pid_namespace, lock_name, slots, queues, started_at, heartbeat_at, stopping,
    only_job_seq)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?) RETURNING *, 0 AS jobs_succeeded, 0 AS jobs_failed`;

/** The parameters of `INSERT_WORKER`. */
export function workerValues(worker: NewWorker, now: number): Value[] {
  const { pid, startTicks, bootId, pidNamespace } = worker.identity;
  const { lockName, slots, queues } = worker;
  const onlyJobSeq = worker.onlyJobSeq ?? null;
  return [
    pid,
    startTicks,
    bootId,
    pidNamespace,
    lockName,
    slots,
    JSON.stringify(queues),
    now,
    now,
    onlyJobSeq,
  ];
}

/** Who is registered, in a file of any age. */
export const REGISTERED =
  "SELECT id, pid, start_ticks, boot_id, pid_namespace, lock_name FROM workers ORDER BY id";

/** A sign of life; always another value than before, even if the clock stands still. */
export const BEAT = "UPDATE workers SET heartbeat_at = max(?, heartbeat_at + 1) WHERE id = ?";

/** The worker claims nothing more. */
export const MARK_STOPPING = "UPDATE workers SET stopping = 1 WHERE id = ? AND stopping = 0";

/** Removes a worker. */
export const DELETE_WORKER = "DELETE FROM workers WHERE id = ?";

/** All workers, oldest first. */
export const ALL_WORKERS = `
  SELECT workers.*,
    coalesce((SELECT jobs FROM counters
      WHERE kind = 'worker' AND name = CAST(workers.id AS TEXT) AND what = 'succeeded'), 0) AS jobs_succeeded,
    coalesce((SELECT jobs FROM counters
      WHERE kind = 'worker' AND name = CAST(workers.id AS TEXT) AND what = 'failed'), 0) AS jobs_failed
  FROM workers ORDER BY id`;
