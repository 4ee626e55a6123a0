/**
 * What the API answers with. Times are ISO 8601 in UTC, lengths of time are seconds.
 */

/** The name of a state. */
export type JobState = "pending" | "processing" | "completed" | "failed" | "dead" | "cancelled";

/** A job in a list: long texts are cut. */
export interface JobSummary {
  id: string;
  command: string;
  command_length: number;
  state: JobState;
  attempts: number;
  max_retries: number;
  priority: number;
  queue: string;
  created_at: string;
  updated_at: string;
  run_at: string | null;
  started_at: string | null;
  finished_at: string | null;
  worker: number | null;
  cancel_requested: boolean;
  last_error: string | null;
}

/** A job in full. */
export interface Job extends Omit<JobSummary, "command_length"> {
  timeout: number;
  backoff_base: number;
  cwd: string;
  env: Record<string, string>;
  attempt_history: Attempt[];
}

/** What a command says of its progress. */
export interface Progress {
  percent: number;
  text: string;
}

/** How an attempt ended, or that it hasn't. */
export type Outcome = "running" | "succeeded" | "failed" | "timed_out" | "cancelled" | "released" | "lost";

/** One execution of a job. */
export interface Attempt {
  id: number;
  job: string;
  attempt: number;
  worker: number;
  outcome: Outcome;
  exit_code: number | null;
  signal: string | null;
  error: string | null;
  started_at: string;
  finished_at: string | null;
  duration_seconds: number | null;
  progress?: Progress | null;
}

/** A worker and the jobs at hand. */
export interface Worker {
  id: number;
  pid: number;
  state: "busy" | "idle" | "stopping" | "dead";
  slots: number;
  queues: string[];
  jobs: { id: string; since: string }[];
  jobs_done: number;
  jobs_failed: number;
  started_at: string;
  heartbeat_at: string;
}

/** Jobs that are not final yet, by queue. */
export interface Queue {
  queue: string;
  pending: number;
  processing: number;
  failed: number;
  oldest_ready_at: string | null;
}

/** The number of jobs in each state. */
export type Counts = Record<JobState | "total", number>;

/** An attempt that has not ended. */
export interface Running {
  job: string;
  command: string;
  worker: number;
  attempt_id: number;
  since: string;
  progress: Progress | null;
}

/** All that the overview shows but its chart. */
export interface Overview {
  now: string;
  counts: Counts;
  change: Counts & { seconds: number };
  workers: Worker[];
  queues: Queue[];
  more_queues: number;
  oldest_ready_at: string | null;
  scheduled: JobSummary[];
  running: Running[];
}

/** What ended in a length of time. */
export interface Bucket {
  at: string;
  succeeded: number;
  failed: number;
  other: number;
  average_seconds: number | null;
}

/** The attempts that ended, over time. */
export interface Series {
  span: string;
  step_seconds: number;
  from: string;
  to: string;
  buckets: Bucket[];
  is_complete: boolean;
}

/** A page of a listing. */
export interface JobsPage {
  jobs: JobSummary[];
  next: string | null;
  prev: string | null;
  total: number | null;
  is_partial: boolean;
}

/** A piece of what an attempt printed. Offsets and sizes are bytes. */
export interface OutputPiece {
  attempt_id: number | null;
  attempt: number | null;
  stream: "stdout" | "stderr";
  offset: number;
  next_offset: number;
  size: number;
  text: string;
  is_complete: boolean;
}

/** A key of the configuration. */
export interface ConfigEntry {
  key: string;
  value: number | string;
  default: number | string;
  is_set: boolean;
  kind: "number" | "choice";
  min: number | null;
  max: number | null;
  whole: boolean | null;
  choices: string[] | null;
  meaning: string;
}

/** Whom we are talking to. */
export interface Session {
  version: string;
  read_only: boolean;
  home: string;
  cwd: string;
  now: string;
}

/** An entry of the log; more keys by type. */
export interface LogEntry {
  id: number;
  at: string;
  job: string | null;
  type: string;
  attempt_id?: number;
  percent?: number;
  text?: string;
}

/** That a followed output grew. Sizes are bytes. */
export interface OutputNews {
  job: string;
  attempt_id: number;
  stdout_size: number;
  stderr_size: number;
  is_running: boolean;
}
