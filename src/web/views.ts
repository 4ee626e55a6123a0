/**
 * The store's views as JSON: keys in `snake_case`, times in ISO 8601 UTC, lengths of time in seconds.
 */

import type { Attempt } from "../core/attempt.ts";
import { type ConfigKey, SETTINGS } from "../core/config.ts";
import type { LogEntry } from "../core/event.ts";
import { attemptJson, type Json } from "../core/json_view.ts";
import type { ConfigEntry } from "../core/queue.ts";
import type { JobSummary } from "../core/reports.ts";

/** An object of JSON. */
export type JsonObject = { readonly [key: string]: Json };

/** A time in ISO 8601 UTC; null stays null. */
export function iso<T extends number | null>(ms: T): T extends null ? string | null : string {
  return (ms === null ? null : new Date(ms).toISOString()) as T extends null ? string | null : string;
}

/** A job on one line. */
export function summaryJson(job: JobSummary): JsonObject {
  return {
    id: job.id,
    command: job.command,
    command_length: job.commandLength,
    state: job.state,
    attempts: job.attempts,
    max_retries: job.maxRetries,
    priority: job.priority,
    queue: job.queue,
    created_at: iso(job.createdAt),
    updated_at: iso(job.updatedAt),
    run_at: iso(job.runAt),
    started_at: iso(job.claimedAt),
    finished_at: iso(job.finishedAt),
    worker: job.workerId,
    cancel_requested: job.isCancelRequested,
    last_error: job.lastError,
    progress: job.progress === null ? null : { ...job.progress },
  };
}

/** An attempt with its unique id. */
export function attemptWithId(attempt: Attempt): JsonObject {
  return { id: attempt.id, ...attemptJson(attempt) };
}

/** A key of the configuration with its rules. */
export function configEntryJson({ key, value, isSet }: ConfigEntry): JsonObject {
  const setting = SETTINGS[key as ConfigKey];
  const isNumber = setting.kind === "number";
  return {
    key,
    value,
    default: setting.default,
    is_set: isSet,
    kind: setting.kind,
    min: isNumber ? setting.min : null,
    max: isNumber ? setting.max : null,
    whole: isNumber ? setting.whole : null,
    choices: isNumber ? null : setting.choices,
    meaning: setting.meaning,
  };
}

/** An entry of the log: what happened, to which job or worker. */
export function entryJson({ id, at, jobId, event }: LogEntry): JsonObject {
  return { id, at: iso(at), job: jobId, type: event.type, ...detailsOf(event) } as JsonObject;
}

function detailsOf(event: LogEntry["event"]): object {
  switch (event.type) {
    case "enqueued":
      return { run_at: iso(event.runAt) };
    case "claimed":
      return { worker: event.claim.workerId, attempt_id: event.claim.attemptId };
    case "ended": {
      const { outcome, exitCode, signal, error } = event.end;
      return { outcome, exit_code: exitCode, signal, error };
    }
    case "progressed":
      return { attempt_id: event.attemptId, percent: event.percent, text: event.text };
    case "retried":
      return { keep_attempts: event.keepAttempts };
    case "deleted":
      return { job: event.id };
    case "worker_started":
    case "worker_stopping":
    case "worker_stopped":
    case "worker_lost":
      return { worker: event.workerId };
    default:
      return {};
  }
}
