/**
 * What has ended lately, tallied in memory: for the charts of the last minutes, hour and day, and for the metrics.
 *
 * Asking the store each time would cost the more the more has happened. So the last day is read once, newest first
 * and a slice at a time, when the server starts, and from then on the log of events is followed. The totals
 * for the metrics begin at 0 when the server starts, as counters do.
 */

import { type Outcome, OUTCOMES } from "../core/attempt.ts";
import type { LogEntry } from "../core/event.ts";
import type { StoreReports } from "../core/reports.ts";

/** The length of the stretches that are tallied. */
export const STRETCH_MS = 10_000;
/** How far back the tallies go. */
export const KEPT_MS = 86_400_000;
/** How many attempts one look at the store tallies: about 10 ms. */
const SLICE = 20_000;

/** What ended in a stretch of time. */
export interface Ended {
  succeeded: number;
  failed: number;
  other: number;
  /** How long these attempts took together. */
  totalMs: number;
}

/** Counts of lengths of time, by upper bound in seconds, as Prometheus has them. */
export class Histogram {
  readonly bounds: readonly number[];
  readonly counts: number[];
  sumSeconds = 0;
  count = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = bounds.map(() => 0);
  }

  /** Adds one length of time. */
  add(ms: number): void {
    const seconds = Math.max(0, ms) / 1000;
    this.sumSeconds += seconds;
    this.count++;
    const index = this.bounds.findIndex((bound) => seconds <= bound);
    if (index >= 0) this.counts[index]!++;
  }
}

const DURATION_BOUNDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 1800, 3600];
const WAIT_BOUNDS = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 3600];

/** The tallies of one server. */
export class Tallies {
  readonly #reports: StoreReports;
  /** From this time on the log tells; before it, the store's attempts do. */
  readonly #startedAt: number;
  readonly #stretches = new Map<number, Ended>();
  /** When the attempts began that are being made, by job. */
  readonly #claimedAt = new Map<number, number>();
  /** Ended attempts since the start, by outcome. */
  readonly outcomes = Object.fromEntries(OUTCOMES.map((name) => [name, 0])) as Record<Outcome, number>;
  /** How long attempts took. */
  readonly durations = new Histogram(DURATION_BOUNDS);
  /** How long jobs were ready before the first attempt of a round. */
  readonly waits = new Histogram(WAIT_BOUNDS);
  #isComplete = false;

  constructor(reports: StoreReports, options: { startedAt: number; claims: ReadonlyMap<number, number> }) {
    this.#reports = reports;
    this.#startedAt = options.startedAt;
    for (const [jobSeq, since] of options.claims) this.#claimedAt.set(jobSeq, since);
  }

  /** Whether the day before the start has been read. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Reads what ended in the day before the start; ends early when `signal` says so. */
  async readPast(signal: AbortSignal): Promise<void> {
    const options = {
      fromMs: this.#startedAt - KEPT_MS,
      toMs: this.#startedAt,
      stretchMs: STRETCH_MS,
      limit: SLICE,
    };
    let before: number | null = null;
    while (!signal.aborted) {
      const slice = await this.#reports.tally(before, options);
      for (const { stretch, outcome, count, totalMs } of slice.tallies) {
        this.#add(stretch, outcome, count, totalMs);
      }
      before = slice.before;
      if (before === null || (slice.latestAt ?? 0) < options.fromMs) break;
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    this.#isComplete = true;
  }

  /** Follows the log. */
  async follow(entries: readonly LogEntry[]): Promise<void> {
    const claims: LogEntry[] = [];
    for (const entry of entries) {
      const { event, jobSeq, at } = entry;
      if (event.type === "claimed") {
        this.#claimedAt.set(jobSeq!, event.claim.since);
        claims.push(entry);
      } else if (event.type === "ended") {
        const { outcome } = event.end;
        const tookMs = Math.max(0, at - (this.#claimedAt.get(jobSeq!) ?? at));
        this.#claimedAt.delete(jobSeq!);
        this.outcomes[outcome]++;
        this.durations.add(tookMs);
        if (at > this.#startedAt) this.#add(Math.floor(at / STRETCH_MS), outcome, 1, tookMs);
      }
    }
    const earlier = await this.#reports.entriesBefore(claims);
    for (const [index, entry] of earlier.entries()) {
      const readyAt = entry === null ? null : readyAfter(entry);
      if (readyAt !== null) this.waits.add(claims[index]!.at - readyAt);
    }
  }

  /** What ended in `[fromMs, toMs)`, both whole stretches. */
  between(fromMs: number, toMs: number): Ended {
    const sum: Ended = { succeeded: 0, failed: 0, other: 0, totalMs: 0 };
    for (let stretch = fromMs / STRETCH_MS; stretch < toMs / STRETCH_MS; stretch++) {
      const ended = this.#stretches.get(stretch);
      if (ended === undefined) continue;
      for (const key of Object.keys(sum) as (keyof Ended)[]) sum[key] += ended[key];
    }
    return sum;
  }

  #add(stretch: number, outcome: Outcome, count: number, totalMs: number): void {
    let ended = this.#stretches.get(stretch);
    if (ended === undefined) {
      ended = { succeeded: 0, failed: 0, other: 0, totalMs: 0 };
      this.#stretches.set(stretch, ended);
      this.#forgetOld(stretch);
    }
    ended[kindOf(outcome)] += count;
    ended.totalMs += totalMs;
  }

  /** Stretches come in order, but for those of the past: the oldest is the first whenever a day has gone by. */
  #forgetOld(newest: number): void {
    for (const stretch of this.#stretches.keys()) {
      if (newest - stretch <= KEPT_MS / STRETCH_MS) continue;
      this.#stretches.delete(stretch);
    }
  }
}

function kindOf(outcome: Outcome): "succeeded" | "failed" | "other" {
  if (outcome === "succeeded") return "succeeded";
  return outcome === "failed" || outcome === "timed_out" ? "failed" : "other";
}

/** Since when the job was ready that this entry made ready; null after a failure, whose delay isn't known here. */
function readyAfter({ at, event }: LogEntry): number | null {
  switch (event.type) {
    case "enqueued":
      return Math.max(at, event.runAt);
    case "retried":
      return at;
    case "ended":
      return event.end.outcome === "released" || event.end.outcome === "lost" ? at : null;
    default:
      return null;
  }
}
