/**
 * Noticing at once that a command has ended.
 *
 * Most commands that come in masses are over within a moment. To hear of an end from another thread takes longer than
 * such a command takes; so for that moment the worker itself waits, and does nothing else.
 */

import type { Libc } from "./libc.ts";
import { nextTurn } from "./next_turn.ts";

/** How long everything else may have to wait. */
const PATIENCE_MS = 2;

/** Waits for files that can be read once something has happened. */
export class QuickEnds {
  readonly #libc: Libc;
  readonly #waiting = new Map<
    number,
    { readonly until: number; readonly settle: (isThere: boolean) => void }
  >();

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** Whether a file can be read, or has been closed by all who write to it, within a moment. */
  wait(file: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#waiting.set(file, { until: performance.now() + PATIENCE_MS, settle: resolve });
    if (this.#waiting.size === 1) this.#look();
    return promise;
  }

  async #look(): Promise<void> {
    await Promise.resolve(); // what is started together is waited for together
    for (let isFirst = true; this.#waiting.size > 0; isFirst = false) {
      // There may be something to do for others first.
      if (!isFirst || this.#waiting.size > 1) await nextTurn();
      const there = this.#libc.poll([...this.#waiting.keys()], PATIENCE_MS);
      for (const file of there) this.#settle(file, true);
      const now = performance.now();
      for (const [file, { until }] of this.#waiting) if (until <= now) this.#settle(file, false);
    }
  }

  #settle(file: number, isThere: boolean): void {
    this.#waiting.get(file)?.settle(isThere);
    this.#waiting.delete(file);
  }
}
