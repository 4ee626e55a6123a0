/**
 * What happens to the jobs of some queues from a moment on: the book that a drain keeps, and a wait.
 */

import type { Attempt, EndedAttempt } from "../core/attempt.ts";
import type { LogEntry } from "../core/event.ts";
import { type FinalJob, isFinal, type Job } from "../core/job.ts";
import type { Store } from "../core/store.ts";

/** A job that became final. */
export interface DrainedJob {
  readonly id: string;
  readonly seq: number;
  readonly queue: string;
  readonly state: FinalJob["state"];
  /** How many attempts were made, and how many it could have had. */
  readonly attempts: number;
  readonly maxRetries: number;
  /** What its attempts took together, as far as they ended in this time. */
  readonly durationMs: number;
  readonly finishedAt: number;
  /** Why it died; null if it didn't. */
  readonly lastError: string | null;
  /** The attempt whose output counts; null if there was none. */
  readonly attemptId: number | null;
}

/** An attempt that failed and is made again. */
export interface Retry {
  readonly id: string;
  readonly number: number;
  readonly maxRetries: number;
  readonly error: string;
  /** When the next attempt is due, in ms since the epoch; null if it has begun already. */
  readonly nextAt: number | null;
}

/** Who is told what happens, when it happens. */
export interface DrainListener {
  onEnd(job: DrainedJob): void;
  onRetry(retry: Retry): void;
}

interface Scope {
  /** Empty means all. */
  readonly queues: readonly string[];
  /** What ended before is not of interest, in ms since the epoch. */
  readonly since: number;
}

/** Keeps the book, from the log of events. */
export class DrainRecord {
  readonly #store: Store;
  readonly #scope: Scope;
  readonly #listener: DrainListener;
  readonly #jobs = new Map<number, DrainedJob>();
  readonly #dead = new Set<number>();
  /** The newest attempt of each unfinished job whose failure has been told. */
  readonly #toldAttempts = new Map<number, number>();
  #retries = 0;

  constructor(store: Store, scope: Scope, listener: DrainListener) {
    this.#store = store;
    this.#scope = scope;
    this.#listener = listener;
  }

  /** The jobs that became final and still are, in the order in which they did. */
  get jobs(): readonly DrainedJob[] {
    return [...this.#jobs.values()];
  }

  /** How many jobs became final and still are. */
  get size(): number {
    return this.#jobs.size;
  }

  /** How many attempts failed and were made again. */
  get retries(): number {
    return this.#retries;
  }

  /** How many jobs became dead and still are. */
  get died(): number {
    return this.#dead.size;
  }

  /** Takes in what has happened. */
  async follow(entries: readonly LogEntry[]): Promise<void> {
    // Several entries about a job need one look: it may be further on than each of them tells.
    const changed = new Map<number, string>();
    for (const { event, jobSeq, jobId } of entries) {
      if (jobSeq === null || jobId === null) continue;
      if (event.type === "retried") this.#forget(jobSeq);
      if (["ended", "cancel_requested", "retried"].includes(event.type)) changed.set(jobSeq, jobId);
    }
    for (const [seq, id] of changed) await this.#lookAt(seq, id);
  }

  #forget(seq: number): void {
    this.#jobs.delete(seq);
    this.#dead.delete(seq);
  }

  async #lookAt(seq: number, id: string): Promise<void> {
    const job = await this.#store.job(id);
    const { queues } = this.#scope;
    if (job === null || job.seq !== seq || (queues.length > 0 && !queues.includes(job.queue))) return;
    const attempts = await this.#store.attempts(seq);
    this.#tellRetries(job, attempts);
    if (!isFinal(job)) return;
    const known = this.#jobs.get(seq);
    const drained = drainedJob(job, this.#endedNow(attempts));
    if (known?.attemptId === drained.attemptId && known.state === drained.state) return;
    this.#toldAttempts.delete(seq);
    this.#forget(seq); // so that it takes its place in the order again
    this.#jobs.set(seq, drained);
    if (drained.state === "dead") this.#dead.add(seq);
    this.#listener.onEnd(drained);
  }

  /** Tells the failures that were not a job's last attempt, each once. */
  #tellRetries(job: Job, attempts: readonly Attempt[]): void {
    const told = this.#toldAttempts.get(job.seq) ?? 0;
    for (const attempt of this.#endedNow(attempts)) {
      const isLast = attempt.id === attempts.at(-1)!.id;
      const hasFailed = attempt.outcome === "failed" || attempt.outcome === "timed_out";
      if (!hasFailed || attempt.id <= told || (isLast && isFinal(job))) continue;
      if (this.#jobs.has(job.seq)) continue;
      this.#toldAttempts.set(job.seq, attempt.id);
      this.#retries += 1;
      this.#listener.onRetry({
        ...{ id: job.id, number: attempt.number, maxRetries: job.maxRetries },
        error: attempt.error ?? attempt.outcome,
        nextAt: isLast && job.state === "failed" ? job.runAt : null,
      });
    }
  }

  #endedNow(attempts: readonly Attempt[]): EndedAttempt[] {
    return attempts.filter((attempt): attempt is EndedAttempt =>
      attempt.outcome !== null && attempt.finishedAt >= this.#scope.since
    );
  }
}

function drainedJob(job: FinalJob, attempts: readonly EndedAttempt[]): DrainedJob {
  const { id, seq, queue, state, maxRetries, finishedAt } = job;
  return {
    ...{ id, seq, queue, state, maxRetries, finishedAt },
    attempts: job.attempts,
    durationMs: attempts.reduce(
      (sum, { startedAt, finishedAt }) => sum + Math.max(0, finishedAt - startedAt),
      0,
    ),
    lastError: job.state === "dead" ? job.lastError : null,
    attemptId: attempts.at(-1)?.id ?? null,
  };
}
