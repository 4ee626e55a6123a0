/**
 * What the store knows about a worker.
 */

import type { ProcessingJob } from "./job.ts";
import type { Progress } from "./progress.ts";

/** What identifies a process beyond doubt, even when its pid is given to another one later. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When the process started, in the kernel's ticks since boot. */
  readonly startTicks: string;
  /** The kernel's id of this boot: after a restart of the machine, every earlier process is dead. */
  readonly bootId: string;
  /** The namespace in which the pid counts: another container's pids mean nothing here. */
  readonly pidNamespace: string;
}

/**
 * What can be said about a process: `dead` is proved (it is gone, a zombie, or of an earlier boot), and so is
 * `alive`; one that is `elsewhere`, in another container, can be neither seen nor signalled from here.
 */
export type Life = "alive" | "dead" | "elsewhere";

/** A worker as it registers itself. */
export interface NewWorker {
  readonly identity: ProcessIdentity;
  /** The name of the lock file that the process holds for as long as it lives. */
  readonly lockName: string;
  /** How many commands it runs at once. */
  readonly slots: number;
  /** The queues it serves; empty means all. */
  readonly queues: readonly string[];
  /** The only job that it runs; absent if it runs whatever is ready in its queues. */
  readonly onlyJobSeq?: number;
}

/** Which worker is registered. It unregisters itself when it stops; recovery does if it died. */
export interface RegisteredWorker extends Pick<NewWorker, "identity" | "lockName"> {
  /** Given by the store, never used twice. */
  readonly id: number;
}

/** A registered worker. */
export interface WorkerRecord extends NewWorker, RegisteredWorker {
  readonly startedAt: number;
  /** Changes at every sign of life. Others compare it with what they saw before, not with their clock. */
  readonly heartbeatAt: number;
  /** True from the moment it was told to stop: it claims nothing more. */
  readonly stopping: boolean;
  readonly jobsSucceeded: number;
  readonly jobsFailed: number;
}

/** A job that a worker holds, and how far it has come. */
export interface JobAtHand extends ProcessingJob {
  /** What the running attempt told; null if it never did. */
  readonly progress: Progress | null;
}

/** Whether a job that is enqueued in `queue` now can count on this worker. */
export function serves({ worker, life }: WorkerView, queue: string): boolean {
  if (life === "dead" || worker.stopping || worker.onlyJobSeq !== undefined) return false;
  return worker.queues.length === 0 || worker.queues.includes(queue);
}

/** A registered worker, what is known of its process, and the jobs that it holds. */
export interface WorkerView {
  readonly worker: WorkerRecord;
  readonly life: Life;
  readonly jobs: readonly JobAtHand[];
}
