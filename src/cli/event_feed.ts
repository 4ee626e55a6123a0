/**
 * What happens in the store, as it happens.
 */

import type { LogEntry } from "../core/event.ts";
import type { Store } from "../core/store.ts";
import { watchChanges } from "../home/changes.ts";
import type { Home } from "../home/home.ts";
import { SignalFlag } from "../home/signal_flag.ts";

/** How long a change may go unnoticed where files can't be watched. */
const SAFETY_LOOK_MS = 500;
/** Changes may come by the thousand a second: those of so long are dealt with together. */
const GATHER_MS = 5;
const PAGE = 1000;

/** Follows the log of events. To be closed. */
export class EventFeed {
  readonly #store: Store;
  readonly #unwatch: () => void;
  #afterId: number;
  readonly #news = new SignalFlag();
  #isInterrupted = false;

  private constructor(store: Store, home: Home, afterId: number) {
    this.#store = store;
    this.#afterId = afterId;
    this.#unwatch = watchChanges(home, () => this.#news.raise());
  }

  /** Begins with what comes from now on. */
  static async open(store: Store, home: Home): Promise<EventFeed> {
    return new EventFeed(store, home, await store.reports.lastEntryId());
  }

  /**
   * What came since the last time, oldest first, at most a page of it. If there is nothing yet it waits for it,
   * at most `timeoutMs` or until it is interrupted; then the answer is empty.
   */
  async next(timeoutMs: number): Promise<LogEntry[]> {
    const deadline = performance.now() + timeoutMs;
    while (true) {
      const entries = await this.#store.events(this.#afterId, PAGE);
      this.#afterId = entries.at(-1)?.id ?? this.#afterId;
      const leftMs = deadline - performance.now();
      if (entries.length > 0 || leftMs <= 0 || this.#isInterrupted) {
        this.#isInterrupted = false;
        return entries;
      }
      if (await this.#news.wait(Math.min(leftMs, SAFETY_LOOK_MS))) {
        await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
      }
    }
  }

  /** All that came until now, oldest first, without waiting. */
  async rest(): Promise<LogEntry[]> {
    const entries: LogEntry[] = [];
    while (true) {
      const page = await this.#store.events(this.#afterId, PAGE);
      this.#afterId = page.at(-1)?.id ?? this.#afterId;
      entries.push(...page);
      if (page.length < PAGE) return entries;
    }
  }

  /** Ends the wait of `next`, or the next one. */
  interrupt(): void {
    this.#isInterrupted = true;
    this.#news.raise();
  }

  /** Stops watching. */
  close(): void {
    this.#unwatch();
  }
}
