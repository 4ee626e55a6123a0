/**
 * A bar for work on many jobs at once that takes its time.
 */

import { bar } from "./progress_bar.ts";
import { StatusLine } from "./status_line.ts";

/** Who gets an answer sooner than this needs no bar. */
const SHOWN_AFTER_MS = 1000;

/** Shows how far a bulk has come, on a terminal and without `--quiet` only, and only if it takes long. */
export class BulkProgress {
  readonly #line: Pick<StatusLine, "isShown" | "show" | "clear">;
  readonly #now: () => number;
  readonly #startedAt: number;

  /** `now` is a clock in ms; `line` is where it is shown, stderr if absent. */
  constructor(
    options: { isQuiet: boolean },
    { line, now }: { line?: Pick<StatusLine, "isShown" | "show" | "clear">; now?: () => number } = {},
  ) {
    this.#line = line ?? new StatusLine(options);
    this.#now = now ?? (() => performance.now());
    this.#startedAt = this.#now();
  }

  /** Tells that `done` jobs of `total` (null: nobody knows of how many) are done; `doing` says what is done. */
  at(doing: string, done: number, total: number | null): void {
    if (!this.#line.isShown || this.#now() - this.#startedAt < SHOWN_AFTER_MS) return;
    const count = done.toLocaleString("en");
    this.#line.show(
      total === null || total === 0
        ? `${doing} ${count} jobs`
        : `${doing} ${bar(done / total * 100)} ${count} of ${total.toLocaleString("en")} jobs`,
    );
  }

  /** Takes the bar away. */
  end(): void {
    this.#line.clear();
  }
}
