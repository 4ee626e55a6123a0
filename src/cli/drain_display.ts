/**
 * What a drain shows while it goes on: a bar on a terminal, a line a job elsewhere, groups in GitHub Actions.
 */

import { formatDuration } from "../core/duration.ts";
import { printableLine } from "../core/printable.ts";
import type { DrainedJob, DrainListener, Retry } from "./drain_record.ts";
import { bar } from "./progress_bar.ts";
import { errorAnnotation, groupOf } from "./reports/github.ts";
import type { OutputOf } from "./reports/drain_report.ts";
import { StatusLine } from "./status_line.ts";

/** How far a drain has come. */
export interface DrainSums {
  readonly done: number;
  readonly failed: number;
  readonly running: number;
  /** Jobs that have not ended, without those that are not waited for. */
  readonly left: number;
  readonly elapsedMs: number;
}

/** How to show it. */
export interface DisplayOptions {
  /** Prints a line. */
  readonly say: (line: string) => void;
  readonly isQuiet: boolean;
  readonly isGitHub: boolean;
  readonly outputOf: OutputOf;
}

/** Shows what happens. */
export class DrainDisplay implements DrainListener {
  readonly #options: DisplayOptions;
  readonly #line: StatusLine;

  constructor(options: DisplayOptions) {
    this.#options = options;
    this.#line = new StatusLine({ isQuiet: options.isQuiet || options.isGitHub });
  }

  onEnd(job: DrainedJob): void {
    if (this.#options.isGitHub) return this.#sayGroup(job);
    // A terminal has the bar: there, what went wrong is news.
    if (job.state !== "completed" || !this.#line.isShown) this.#say(endLine(job));
  }

  onRetry({ id, number, maxRetries, error, nextAt }: Retry): void {
    const next = nextAt === null ? "" : `; the next one in ${inTime(nextAt)}`;
    const what = `attempt ${number}/${maxRetries} failed: ${printableLine(error)}`;
    this.#say(`${printableLine(id)}: ${what}${next}`);
  }

  /** Redraws the bar. */
  show({ done, failed, running, left, elapsedMs }: DrainSums): void {
    if (!this.#line.isShown) return;
    const total = done + left;
    const perSecond = elapsedMs < 1000 ? 0 : done / (elapsedMs / 1000);
    const rate = perSecond === 0 ? "" : `, ${perSecond.toFixed(perSecond < 10 ? 1 : 0)}/s`;
    const eta = perSecond === 0 || left === 0 ? "" : `, eta ${formatDuration(1000 * left / perSecond)}`;
    const come = bar(total === 0 ? 0 : 100 * done / total);
    this.#line.show(`${come} ${done}/${total} done, ${running} running, ${failed} failed${rate}${eta}`);
  }

  /** Takes the bar away. */
  clear(): void {
    this.#line.clear();
  }

  /** Says something about the drain itself. */
  note(text: string): void {
    this.#say(text);
  }

  #say(line: string): void {
    if (!this.#options.isQuiet) this.#line.above(() => this.#options.say(line));
  }

  #sayGroup(job: DrainedJob): void {
    const lines = groupOf(endLine(job), this.#options.outputOf(job), crypto.randomUUID());
    if (!this.#options.isQuiet) { for (const line of lines) this.#options.say(line); }
    // An annotation is no talk: it is how the page of the run learns of a failure.
    if (job.state === "dead") {
      this.#options.say(errorAnnotation(`Job ${job.id} died`, job.lastError ?? "it is out of attempts"));
    }
  }
}

function endLine(job: DrainedJob): string {
  const id = printableLine(job.id);
  const took = formatDuration(job.durationMs);
  if (job.state === "completed") return `✓ ${id} completed in ${took}`;
  if (job.state === "cancelled") return `- ${id} was cancelled`;
  const why = printableLine(job.lastError ?? "");
  return `✗ ${id} died after ${job.attempts} of ${job.maxRetries} attempts, ${took}: ${why}`;
}

function inTime(at: number): string {
  return formatDuration(Math.ceil(Math.max(0, at - Date.now()) / 100) * 100);
}
