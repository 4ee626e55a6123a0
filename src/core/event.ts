/**
 * The log of everything that happened, in order.
 */

import type { LifecycleEvent } from "./lifecycle.ts";

/**
 * What an entry can tell. The jobs' own events replay to the jobs' rows; the others are for watchers. Of an
 * attempt's `progressed` entries only the newest is kept.
 */
export type LoggedEvent =
  | LifecycleEvent
  | { readonly type: "enqueued"; readonly runAt: number }
  | { readonly type: "deleted"; readonly id: string }
  | {
    readonly type: "progressed";
    readonly attemptId: number;
    readonly percent: number;
    readonly text: string;
  }
  | { readonly type: "worker_started"; readonly workerId: number }
  | { readonly type: "worker_stopping"; readonly workerId: number }
  | { readonly type: "worker_stopped"; readonly workerId: number }
  | { readonly type: "worker_lost"; readonly workerId: number };

/** An entry of the log. A claim's token is never in it: it is an empty string here. */
export interface LogEntry {
  /** Grows with every entry; a watcher asks for what came after the last id it saw. */
  readonly id: number;
  readonly at: number;
  /** The job it is about; null for the workers' own. Of a deleted job, only its `deleted` entry is left. */
  readonly jobSeq: number | null;
  /** Its id; null too once the job is deleted. */
  readonly jobId: string | null;
  readonly event: LoggedEvent;
}
