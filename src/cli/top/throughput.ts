/**
 * How many attempts ended lately, and how.
 */

import type { Outcome } from "../../core/attempt.ts";
import type { LogEntry } from "../../core/event.ts";
import type { EndTally } from "../../core/reports.ts";

/** The stretch of time in which ends are counted together. */
export const STRETCH_MS = 15_000;
/** So many stretches are kept: five minutes. */
export const STRETCHES = 20;

interface Ends {
  succeeded: number;
  failed: number;
}

/** Ends by stretches of time. */
export class Throughput {
  readonly #stretches = new Map<number, Ends>();

  /** Counts what was tallied before this program looked, by stretches of `STRETCH_MS`. */
  addTallies(tallies: readonly EndTally[]): void {
    for (const { stretch, outcome, count } of tallies) this.#add(stretch, outcome, count);
  }

  /** Counts the ends that the log tells. */
  addEntries(entries: readonly LogEntry[]): void {
    for (const { event, at } of entries) {
      if (event.type === "ended") this.#add(Math.floor(at / STRETCH_MS), event.end.outcome, 1);
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.#stretches.clear();
  }

  /** Ends a stretch, oldest first; the last stretch is the one that `now` is in. */
  recent(now: number): number[] {
    const last = Math.floor(now / STRETCH_MS);
    for (const stretch of this.#stretches.keys()) {
      if (stretch <= last - STRETCHES) this.#stretches.delete(stretch);
    }
    return Array.from({ length: STRETCHES }, (_, index) => {
      const ends = this.#stretches.get(last - STRETCHES + 1 + index);
      return ends === undefined ? 0 : ends.succeeded + ends.failed;
    });
  }

  /** Ends a minute over the last whole stretches of a minute and the one that has begun, and failures among them. */
  perMinute(now: number): { ended: number; failed: number } {
    const last = Math.floor(now / STRETCH_MS);
    const inMinute = Math.round(60_000 / STRETCH_MS);
    let [ended, failed] = [0, 0];
    for (let stretch = last - inMinute; stretch <= last; stretch++) {
      const ends = this.#stretches.get(stretch);
      if (ends === undefined) continue;
      ended += ends.succeeded + ends.failed;
      failed += ends.failed;
    }
    const minutes = (inMinute * STRETCH_MS + now - last * STRETCH_MS) / 60_000;
    return { ended: Math.round(ended / minutes), failed: Math.round(failed / minutes) };
  }

  #add(stretch: number, outcome: Outcome, count: number): void {
    const isSuccess = outcome === "succeeded";
    if (!isSuccess && outcome !== "failed" && outcome !== "timed_out") return;
    const ends = this.#stretches.get(stretch) ?? { succeeded: 0, failed: 0 };
    if (isSuccess) ends.succeeded += count;
    else ends.failed += count;
    this.#stretches.set(stretch, ends);
  }
}

/** A row of bars for numbers: `▁▂█▁`; the largest is a whole block. */
export function sparkline(values: readonly number[]): string {
  const most = Math.max(1, ...values);
  return values.map((value) => value === 0 ? " " : "▁▂▃▄▅▆▇█"[Math.ceil(value / most * 8) - 1]).join("");
}
