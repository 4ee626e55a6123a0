/**
 * The shapes of the API's answers and bodies, as JSON Schema.
 */

import { OUTCOMES } from "../core/attempt.ts";
import { JOB_STATES } from "../core/job.ts";
import { ERROR_CODES } from "./refusal.ts";
import type { JsonObject } from "./views.ts";

/** A reference to a named shape. */
export function ref(name: string): JsonObject {
  return { $ref: `#/components/schemas/${name}` };
}

/** An array of something. */
export function listOf(items: JsonObject): JsonObject {
  return { type: "array", items };
}

/** An object that has all of these keys and no other. */
export function exactly(properties: JsonObject): JsonObject {
  return { type: "object", properties, required: Object.keys(properties), additionalProperties: false };
}

/** An object that has some of these keys and no other. */
export function some(properties: JsonObject): JsonObject {
  return { type: "object", properties, additionalProperties: false };
}

const text = { type: "string" };
const number = { type: "number" };
const whole = { type: "integer" };
const count = { type: "integer", minimum: 0 };
const yes = { type: "boolean" };
const time = { type: "string", format: "date-time" };
const seconds = { type: "number", minimum: 0 };

function orNull(schema: JsonObject): JsonObject {
  return { anyOf: [schema, { type: "null" }] };
}

const state = { type: "string", enum: JOB_STATES };
const countByState = Object.fromEntries(JOB_STATES.map((name) => [name, count]));
const changeByState = Object.fromEntries(JOB_STATES.map((name) => [name, whole]));

const jobHead = {
  ...{ id: text, command: text },
  ...{ state: ref("State"), attempts: count, max_retries: { type: "integer", minimum: 1 } },
  ...{ priority: { type: "integer", minimum: 0, maximum: 10 }, queue: text },
};
const jobTimes = {
  ...{ created_at: time, updated_at: time, run_at: orNull(time), started_at: orNull(time) },
  ...{ finished_at: orNull(time), worker: orNull(whole), cancel_requested: yes, last_error: orNull(text) },
};
const job = {
  ...jobHead,
  ...{ timeout: seconds, backoff_base: seconds, cwd: text },
  env: { type: "object", additionalProperties: text },
  ...jobTimes,
};
const progress = orNull(exactly({ percent: { type: "number", minimum: 0, maximum: 100 }, text }));

/** The shapes by name. */
export const SCHEMAS: JsonObject = {
  State: state,
  Job: exactly(job),
  JobWithAttempts: exactly({ ...job, attempt_history: listOf(ref("Attempt")) }),
  JobSummary: {
    ...exactly({ ...jobHead, command_length: count, ...jobTimes, progress }),
    description: "A job on one line: command and last_error are cut to 500 characters.",
  },
  JobPage: exactly({
    jobs: listOf(ref("JobSummary")),
    next: orNull(text),
    prev: orNull(text),
    total: orNull(count),
    is_partial: yes,
  }),
  Attempt: exactly({
    ...{ id: whole, job: text, attempt: { type: "integer", minimum: 1 }, worker: whole },
    outcome: { type: "string", enum: ["running", ...OUTCOMES] },
    ...{ exit_code: orNull(whole), signal: orNull(text), error: orNull(text), started_at: time },
    ...{ finished_at: orNull(time), duration_seconds: orNull(number), progress },
  }),
  Worker: exactly({
    ...{ id: whole, pid: whole, state: { type: "string", enum: ["idle", "busy", "stopping", "dead"] } },
    ...{ slots: { type: "integer", minimum: 1 }, queues: listOf(text) },
    jobs: listOf(exactly({ id: text, since: time, progress })),
    ...{ jobs_done: count, jobs_failed: count, started_at: time, heartbeat_at: time },
  }),
  Counts: exactly({ ...countByState, total: count }),
  Status: exactly({
    active_workers: count,
    workers: listOf(ref("Worker")),
    jobs: ref("Counts"),
    metrics: exactly({
      ...{ succeeded_last_hour: count, failed_last_hour: count, success_rate: orNull(number) },
      ...{ average_seconds: orNull(seconds), oldest_ready_at: orNull(time) },
    }),
  }),
  Queue: exactly({
    ...{ queue: text, pending: count, processing: count, failed: count, oldest_ready_at: orNull(time) },
  }),
  Overview: exactly({
    now: time,
    counts: ref("Counts"),
    change: exactly({ seconds: count, ...changeByState, total: whole }),
    workers: listOf(ref("Worker")),
    queues: listOf(ref("Queue")),
    more_queues: count,
    oldest_ready_at: orNull(time),
    scheduled: listOf(ref("JobSummary")),
    running: listOf(
      exactly({ job: text, command: text, worker: whole, attempt_id: whole, since: time, progress }),
    ),
  }),
  Series: exactly({
    ...{ span: { type: "string", enum: ["10m", "1h", "1d"] }, step_seconds: seconds, from: time, to: time },
    buckets: listOf(
      exactly({ at: time, succeeded: count, failed: count, other: count, average_seconds: orNull(seconds) }),
    ),
    is_complete: yes,
  }),
  Output: exactly({
    ...{ attempt_id: orNull(whole), attempt: orNull(whole) },
    stream: { type: "string", enum: ["stdout", "stderr"] },
    ...{ offset: count, next_offset: count, size: count, text, is_complete: yes },
  }),
  ConfigEntry: exactly({
    ...{ key: text, value: { type: ["number", "string"] }, default: { type: ["number", "string"] } },
    ...{ is_set: yes, kind: { type: "string", enum: ["number", "choice"] }, min: orNull(number) },
    ...{ max: orNull(number), whole: orNull(yes), choices: orNull(listOf(text)), meaning: text },
  }),
  Session: exactly({ version: text, read_only: yes, home: text, cwd: text, now: time }),
  LogEntry: {
    type: "object",
    description: "What happened; more keys tell more, by type.",
    properties: { id: whole, at: time, job: orNull(text), type: text },
    required: ["id", "at", "job", "type"],
  },
  Error: exactly({
    error: exactly({
      code: { type: "string", enum: ERROR_CODES },
      message: text,
      hint: orNull(text),
      exit_status: orNull(whole),
    }),
  }),
  NewJob: {
    ...some({
      ...{ id: { type: "string", minLength: 1, maxLength: 200 }, command: { type: "string", minLength: 1 } },
      priority: {
        anyOf: [
          { type: "integer", minimum: 0, maximum: 10 },
          { type: "string", enum: ["low", "medium", "high"] },
        ],
      },
      ...{ max_retries: { type: "integer", minimum: 1, maximum: 1000 }, timeout: seconds },
      ...{ timeout_seconds: seconds, run_at: { type: "string", description: "ISO 8601" } },
      ...{ queue: text, cwd: text, env: { type: "object", additionalProperties: text } },
      backoff_base: seconds,
    }),
    required: ["command"],
  },
  ChosenJobs: exactly({ ids: { type: "array", items: text, minItems: 1, maxItems: 1000 } }),
  MatchingJobs: {
    ...some({
      ...{
        states: { ...listOf(ref("State")), minItems: 1 },
        queue: text,
        search: text,
        all: { const: true },
      },
      until: { ...count, description: "As counted: jobs that came later are left alone." },
      cursor: { ...text, description: "next of an earlier answer." },
    }),
    description:
      "All jobs that match and whose state allows it; all must be true if nothing else says which are meant.",
  },
  Count: exactly({ count, until: count, next: orNull(text) }),
  Changed: exactly({ jobs: listOf(ref("Job")) }),
  Deleted: {
    ...some({ deleted: count, is_complete: yes }),
    required: ["deleted"],
    description: "If is_complete is false, the same has to be asked again for the rest.",
  },
  Retried: {
    ...some({ retried: count, is_complete: yes, jobs: listOf(ref("Job")) }),
    required: ["retried", "is_complete"],
  },
  Nothing: some({}),
};
