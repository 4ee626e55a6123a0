/**
 * A drain: workers that run what is in some queues until nothing is left, and the book that is kept meanwhile.
 */

import type { Store } from "../core/store.ts";
import { outputPaths, tailOf } from "../home/output_files.ts";
import type { Context, OwnWorkers } from "./context.ts";
import { DrainDisplay } from "./drain_display.ts";
import { type DrainedJob, DrainRecord } from "./drain_record.ts";
import { EventFeed } from "./event_feed.ts";
import { Interrupts } from "./interrupts.ts";
import type { DrainOutcome, DrainReport, OutputOf } from "./reports/drain_report.ts";
import { isGitHub } from "./reports/github.ts";

/** How often the bar is redrawn while nothing happens, and how seldom the log is read while much does. */
const REDRAW_MS = 250;
const PAUSE_MS = 25;
/** How often to count the jobs that are scheduled for later: that costs the more the more they are. */
const RECOUNT_MS = 5000;
/** How much of the end of each stream reports show. */
const MAX_SHOWN_BYTES = 64 * 1024;

/** Reads the end of what the job's last attempt printed; empty if it is gone. */
export function outputReader(context: Context, store: Store): OutputOf {
  const place = { home: context.home, storeUid: store.uid };
  return ({ seq, attemptId }: DrainedJob) => {
    if (attemptId === null) return { stdout: "", stderr: "" };
    const paths = outputPaths(place, seq, attemptId);
    return { stdout: tailOf(paths.stdout, MAX_SHOWN_BYTES), stderr: tailOf(paths.stderr, MAX_SHOWN_BYTES) };
  };
}

/** What to drain, and how. */
export interface DrainSetting {
  readonly store: Store;
  readonly launch: {
    readonly count: number;
    readonly concurrency: number;
    readonly queues: readonly string[];
  };
  /** Jobs that are scheduled for later than this are not waited for. */
  readonly horizonMs: number;
  readonly isFailFast: boolean;
}

/** One drain, from the start of its workers to their end. */
export class Drain {
  readonly #context: Context;
  readonly #setting: DrainSetting;
  readonly #startedAt = Date.now();
  readonly #startedAtMs = performance.now();
  #scheduledLater = 0;
  #recountedAtMs = -Infinity;
  #hasFailedFast = false;

  constructor(context: Context, setting: DrainSetting) {
    this.#context = context;
    this.#setting = setting;
  }

  get #until(): number {
    return this.#startedAt + this.#setting.horizonMs;
  }

  /** Runs it; with `isStdoutTaken` it says what happens on stderr. */
  async run({ isStdoutTaken }: { isStdoutTaken: boolean }): Promise<DrainReport> {
    const { store, launch } = this.#setting;
    const { output, flags, home } = this.#context;
    const display = new DrainDisplay({
      say: isStdoutTaken ? (line) => output.talk(line) : (line) => output.result(line),
      ...{
        isQuiet: flags.quiet === true,
        isGitHub: isGitHub(),
        outputOf: outputReader(this.#context, store),
      },
    });
    const record = new DrainRecord(store, { queues: launch.queues, since: this.#startedAt }, display);
    const feed = await EventFeed.open(store, home);
    let fleet: OwnWorkers | null = null;
    const interrupts = new Interrupts((count) => {
      if (count === 1) fleet?.stop();
      else fleet?.forceStop();
      if (count === 1) display.note("Stopping after the jobs that run; once more to end them");
    });
    try {
      const control = await this.#context.wiring.workers();
      fleet = await control.startFleet({
        ...launch,
        store,
        home,
        goal: { kind: "drain", until: this.#until },
      });
      if (interrupts.status !== null) fleet.stop();
      await this.#follow({ fleet, feed, record, display });
    } finally {
      display.clear();
      interrupts.close();
      feed.close();
    }
    return await this.#report(record, interrupts);
  }

  /** Follows what happens until the workers have ended. */
  async #follow(
    going: { fleet: OwnWorkers; feed: EventFeed; record: DrainRecord; display: DrainDisplay },
  ): Promise<void> {
    const { fleet, feed, record, display } = going;
    let hasEnded = false;
    fleet.ended.catch(() => {}).then(() => {
      hasEnded = true;
      feed.interrupt();
    });
    while (true) {
      const isLast = hasEnded; // asked before the log is read
      const entries = await feed.next(isLast ? 0 : REDRAW_MS);
      await record.follow(entries);
      if (isLast && entries.length === 0) break;
      if (this.#setting.isFailFast && !this.#hasFailedFast && record.died > 0) {
        this.#hasFailedFast = true;
        fleet.forceStop();
      }
      await this.#show(record, display);
      // The workers need the processor more than the eyes need news.
      if (!isLast) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    await fleet.ended;
  }

  async #show(record: DrainRecord, display: DrainDisplay): Promise<void> {
    const { store, launch: { queues } } = this.#setting;
    if (performance.now() - this.#recountedAtMs > RECOUNT_MS) {
      this.#scheduledLater = await store.backlog.scheduledAfter(queues, this.#until);
      this.#recountedAtMs = performance.now();
    }
    const counts = await store.backlog.counts(queues);
    const left = counts.pending + counts.processing + counts.failed - this.#scheduledLater;
    display.show({
      ...{
        done: record.size,
        failed: record.died,
        running: counts.processing,
        left: Math.max(0, left),
      },
      elapsedMs: performance.now() - this.#startedAtMs,
    });
  }

  async #report(record: DrainRecord, interrupts: Interrupts): Promise<DrainReport> {
    const { store, launch: { queues } } = this.#setting;
    const counts = await store.backlog.counts(queues);
    const scheduledLater = await store.backlog.scheduledAfter(queues, this.#until);
    const left = Math.max(0, counts.pending + counts.processing + counts.failed - scheduledLater);
    const outcome: DrainOutcome = this.#hasFailedFast ? "failed_fast" : left > 0 ? "stopped" : "drained";
    const hasFailed = record.died > 0 || left > 0;
    return {
      ...{ outcome, exitStatus: interrupts.status ?? (hasFailed ? 1 : 0) },
      ...{ startedAt: this.#startedAt, finishedAt: Date.now(), jobs: record.jobs, retries: record.retries },
      ...{ left, scheduledLater },
    };
  }
}
