/**
 * Bars for people.
 */

import type { Progress } from "../core/progress.ts";

const DEFAULT_CELLS = 20;

/** A bar of `cells` characters that is full at 100: `████████░░░░░░░░░░░░`. */
export function bar(percent: number, cells = DEFAULT_CELLS): string {
  const full = Math.floor(Math.min(100, Math.max(0, percent)) / 100 * cells);
  return "█".repeat(full) + "░".repeat(cells - full);
}

/** How far something has come, in words, and on a terminal with a bar: `████░░░░ 40% Building`. */
export function progressText({ percent, text }: Progress, options: { cells?: number } = {}): string {
  const words = text === "" ? `${percent}%` : `${percent}% ${text}`;
  return Deno.stdout.isTerminal() ? `${bar(percent, options.cells)} ${words}` : words;
}
