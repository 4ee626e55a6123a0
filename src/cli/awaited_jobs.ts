/**
 * The jobs that `wait` waits for: some that were named, or all of some queues.
 */

import { formatDuration } from "../core/duration.ts";
import type { LogEntry } from "../core/event.ts";
import { type FinalJob, isFinal, type Job } from "../core/job.ts";
import { jobJson, type Json } from "../core/json_view.ts";
import { printableLine } from "../core/printable.ts";
import type { Progress } from "../core/progress.ts";
import type { Queue } from "../core/queue.ts";
import type { Store } from "../core/store.ts";
import { jobNews, retryText } from "./job_news.ts";
import { bar } from "./progress_bar.ts";

/** A job that has ended: for good, or by being deleted (`job` is null). */
export interface EndedJob {
  readonly id: string;
  readonly job: FinalJob | null;
}

/** Jobs that are waited for. */
export interface AwaitedJobs {
  /** Takes in what has happened. */
  follow(entries: readonly LogEntry[]): Promise<void>;
  /** How many have ended. */
  readonly done: number;
  /** How many have not. */
  readonly left: number;
  /** The one that counts where one is enough; undefined if none has ended. */
  readonly first: EndedJob | undefined;
  /** Those that ended and didn't complete. */
  readonly failed: readonly EndedJob[];
  /** Whether the job with this place in the order of arrival may be one of them. */
  isAwaited(seq: number): boolean;
  /** Which of them have failed and wait for their next attempt, in lines for people. */
  retryLines(): string[];
  /** How it stands, on one line for people. */
  line(elapsedMs: number): string;
  /** What became of the jobs, in lines for people. */
  resultLines(): string[];
  /** The jobs for scripts: all that were named; of all of some queues those that failed. */
  json(): readonly { readonly [key: string]: Json }[];
}

interface NamedJob {
  readonly id: string;
  readonly seq: number;
  /** Null once it is deleted. */
  job: Job | null;
  progress: Progress | null;
}

/** Jobs that were named. */
export class NamedJobs implements AwaitedJobs {
  readonly #store: Store;
  readonly #jobs: Map<number, NamedJob>;

  private constructor(store: Store, jobs: readonly NamedJob[]) {
    this.#store = store;
    this.#jobs = new Map(jobs.map((named) => [named.seq, named]));
  }

  /** `ids` are what users write: whole ids, beginnings, `@last`. Throws `not_found` for one that means no job. */
  static async find(store: Store, queue: Queue, ids: readonly string[]): Promise<NamedJobs> {
    const jobs: NamedJob[] = [];
    for (const id of new Set(await queue.meantIds(ids, "wait"))) {
      const job = await queue.job(id);
      jobs.push({ id, seq: job.seq, job, progress: null });
    }
    for (const { progress, jobSeq } of await store.runningAttempts()) {
      const named = jobs.find(({ seq }) => seq === jobSeq);
      if (named !== undefined) named.progress = progress;
    }
    return new NamedJobs(store, jobs);
  }

  async follow(entries: readonly LogEntry[]): Promise<void> {
    const changed = new Set<NamedJob>();
    for (const { event, jobSeq } of entries) {
      const named = jobSeq === null ? undefined : this.#jobs.get(jobSeq);
      if (named === undefined) continue;
      if (event.type === "progressed") named.progress = { percent: event.percent, text: event.text };
      else changed.add(named);
      if (event.type === "claimed") named.progress = null;
    }
    for (const named of changed) {
      const job = await this.#store.job(named.id);
      named.job = job?.seq === named.seq ? job : null;
    }
  }

  get done(): number {
    return this.#ended.length;
  }

  get left(): number {
    return this.#jobs.size - this.done;
  }

  get first(): EndedJob | undefined {
    return this.#ended[0];
  }

  get failed(): readonly EndedJob[] {
    return this.#ended.filter(({ job }) => job?.state !== "completed");
  }

  isAwaited(seq: number): boolean {
    return this.#jobs.has(seq);
  }

  retryLines(): string[] {
    return [...this.#jobs.values()].flatMap(({ id, job }) => {
      if (job?.state !== "failed") return [];
      const { attempts, maxRetries, lastError, runAt } = job;
      return [jobNews(id, retryText({ number: attempts, maxRetries, error: lastError, nextAt: runAt }))];
    });
  }

  line(elapsedMs: number): string {
    const jobs = [...this.#jobs.values()];
    if (jobs.length === 1) return `${jobs[0]!.id}: ${stateText(jobs[0]!)}, ${formatDuration(elapsedMs)}`;
    const running = jobs.filter(({ job }) => job?.state === "processing").length;
    return sumLine({ done: this.done, left: this.left, running, failed: this.failed.length, elapsedMs });
  }

  resultLines(): string[] {
    return this.#ended.map(({ id, job }) => `Job ${printableLine(id)} ${endText(job)}`);
  }

  json(): readonly { readonly [key: string]: Json }[] {
    return [...this.#jobs.values()].map(({ id, job }) =>
      job === null ? { id, state: "deleted" } : jobJson(job)
    );
  }

  get #ended(): EndedJob[] {
    return [...this.#jobs.values()].flatMap(({ id, job }): EndedJob[] =>
      job === null || isFinal(job) ? [{ id, job }] : []
    );
  }
}

/** Whatever is in some queues (an empty list means all), and what comes to them meanwhile. */
export class QueuedJobs implements AwaitedJobs {
  done = 0;
  left = 0;
  first: EndedJob | undefined;
  readonly #store: Store;
  readonly #queues: readonly string[];
  readonly #failed = new Map<number, EndedJob>();
  readonly #completed = new Set<number>();
  #running = 0;
  #betweenAttempts = 0;

  private constructor(store: Store, queues: readonly string[]) {
    this.#store = store;
    this.#queues = queues;
  }

  /** The jobs of these queues that have not ended. */
  static async of(store: Store, queues: readonly string[]): Promise<QueuedJobs> {
    const jobs = new QueuedJobs(store, queues);
    await jobs.follow([]);
    return jobs;
  }

  async follow(entries: readonly LogEntry[]): Promise<void> {
    for (const { event, jobSeq, jobId } of entries) {
      if (jobSeq === null || jobId === null) continue;
      if (event.type === "ended" || event.type === "cancel_requested") await this.#lookAt(jobSeq, jobId);
      if (event.type !== "retried") continue;
      this.#failed.delete(jobSeq);
      this.#completed.delete(jobSeq);
    }
    const counts = await this.#store.backlog.counts(this.#queues);
    this.left = counts.pending + counts.processing + counts.failed;
    this.#running = counts.processing;
    this.#betweenAttempts = counts.failed;
    this.done = this.#failed.size + this.#completed.size;
  }

  get failed(): readonly EndedJob[] {
    return [...this.#failed.values()];
  }

  isAwaited(): boolean {
    return true; // of its queues, whatever comes
  }

  retryLines(): string[] {
    const jobs = this.#betweenAttempts;
    return jobs === 0 ? [] : [`queuectl: ${jobs} job(s) have failed and wait for their next attempts`];
  }

  line(elapsedMs: number): string {
    const { done, left } = this;
    return sumLine({ done, left, running: this.#running, failed: this.#failed.size, elapsedMs });
  }

  resultLines(): string[] {
    const failed = this.failed.map(({ id, job }) => `Job ${printableLine(id)} ${endText(job)}`);
    return [...failed, `${this.#completed.size} completed, ${this.#failed.size} failed`];
  }

  json(): readonly { readonly [key: string]: Json }[] {
    return this.failed.flatMap(({ job }) => job === null ? [] : [jobJson(job)]);
  }

  async #lookAt(seq: number, id: string): Promise<void> {
    const job = await this.#store.job(id);
    if (job === null || job.seq !== seq || !isFinal(job)) return;
    if (this.#queues.length > 0 && !this.#queues.includes(job.queue)) return;
    if (job.state === "completed") this.#completed.add(seq);
    else this.#failed.set(seq, { id, job });
    this.first ??= { id, job };
  }
}

/** What became of a job, as the rest of a sentence about it. */
export function endText(job: FinalJob | null): string {
  if (job === null) return "was deleted";
  if (job.state === "completed") return "completed";
  return job.state === "cancelled" ? "was cancelled" : `died: ${printableLine(job.lastError)}`;
}

function stateText({ job, progress }: NamedJob): string {
  if (job === null) return "deleted";
  if (job.state === "failed") {
    return `attempt ${job.attempts}/${job.maxRetries} failed, the next one is due`;
  }
  if (job.state !== "processing") return job.state;
  if (progress === null) return `running (attempt ${job.attempts}/${job.maxRetries})`;
  return `${bar(progress.percent)} ${progress.percent}% ${progress.text}`.trimEnd();
}

function sumLine(
  sums: { done: number; left: number; running: number; failed: number; elapsedMs: number },
): string {
  const { done, left, running, failed, elapsedMs } = sums;
  const total = done + left;
  const come = total === 0 ? 100 : 100 * done / total;
  return `${bar(come)} ${done}/${total} done, ${running} running, ${failed} failed, ${
    formatDuration(elapsedMs)
  }`;
}
