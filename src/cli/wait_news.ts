/**
 * What `wait` says on stderr while it waits: that a job is retried, and that one failed though others are left.
 */

import type { LogEntry } from "../core/event.ts";
import type { Store } from "../core/store.ts";
import type { AwaitedJobs } from "./awaited_jobs.ts";
import type { Output } from "./output.ts";
import { DrainRecord } from "./drain_record.ts";
import { failureText, jobNews, retryText } from "./job_news.ts";
import type { StatusLine } from "./status_line.ts";

/** Tells what goes wrong with jobs that are waited for. */
export class WaitNews {
  readonly #jobs: AwaitedJobs;
  readonly #record: DrainRecord;
  readonly #say: (line: string) => void;
  /** The failures that have not been told: if nothing is left to wait for, the result does that. */
  #failures: string[] = [];

  /**
   * Of all of `queues` (an empty list means all) `jobs` tells which are waited for. What ended before `since`, in
   * ms since the epoch, is no news.
   */
  constructor(
    watched: { store: Store; jobs: AwaitedJobs; queues: readonly string[]; since: number },
    told: { output: Output; line: StatusLine },
  ) {
    this.#jobs = watched.jobs;
    this.#say = (line) => told.line.above(() => told.output.talk(line));
    this.#record = new DrainRecord(watched.store, watched, {
      onEnd: (job) => {
        const what = failureText(job);
        if (what !== null) this.#failures.push(jobNews(job.id, what));
      },
      onRetry: (retry) => this.#say(jobNews(retry.id, retryText(retry))),
    });
  }

  /** Tells what had gone wrong before, and is to be tried again. */
  begin(): void {
    for (const line of this.#jobs.retryLines()) this.#say(line);
  }

  /** Takes in what has happened, and tells that an attempt failed and another one is made. */
  async follow(entries: readonly LogEntry[]): Promise<void> {
    await this.#record.follow(entries.filter(({ event, jobSeq }) => {
      const hasSucceeded = event.type === "ended" && event.end.outcome === "succeeded";
      return jobSeq !== null && !hasSucceeded && this.#jobs.isAwaited(jobSeq);
    }));
  }

  /** Tells which jobs have failed for good: the others are still waited for. */
  goOn(): void {
    for (const line of this.#failures.splice(0)) this.#say(line);
  }
}
