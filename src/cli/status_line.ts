/**
 * A line at the bottom of the terminal that is redrawn in place.
 */

import { printableLine } from "../core/printable.ts";

const CLEAR_LINE = "\r\x1b[K";
const DEFAULT_COLUMNS = 80;
const MIN_REDRAW_MS = 50;

/** Shows a line on stderr while something goes on, if that is a terminal; otherwise nothing. */
export class StatusLine {
  readonly isShown: boolean;
  #text = "";
  #drawnAtMs = -Infinity;

  /** With `isQuiet` it shows nothing. */
  constructor(options: { isQuiet: boolean }) {
    this.isShown = !options.isQuiet && Deno.stderr.isTerminal();
  }

  /** Shows `text` in place of what was shown before; as much of it as fits. Not more often than eyes can follow. */
  show(text: string): void {
    if (!this.isShown || performance.now() - this.#drawnAtMs < MIN_REDRAW_MS) return;
    this.#draw(text);
  }

  #draw(text: string): void {
    const fitting = cutToColumns(printableLine(text), columns() - 1);
    if (fitting === this.#text) return;
    write(`${CLEAR_LINE}${fitting}`);
    this.#text = fitting;
    this.#drawnAtMs = performance.now();
  }

  /** Lets `print` write lines to the terminal, above the line. */
  above(print: () => void): void {
    const text = this.#text;
    this.clear();
    print();
    if (text !== "") this.#draw(text);
  }

  /** Takes the line away; the cursor is where it began. */
  clear(): void {
    if (this.#text !== "") write(CLEAR_LINE);
    this.#text = "";
  }
}

/** The beginning of `text` that takes at most so many columns. */
export function cutToColumns(text: string, columns: number): string {
  const widths = Array.from(text, (character) => ({ character, width: widthOf(character) }));
  if (widths.reduce((sum, { width }) => sum + width, 0) <= columns) return text;
  let left = columns - 1;
  const end = widths.findIndex(({ width }) => (left -= width) < 0);
  return `${widths.slice(0, end).map(({ character }) => character).join("")}…`;
}

/** What may take two columns counts two: a line that is a little short does no harm, one that wraps does. */
function widthOf(character: string): number {
  return /[\u1100-\u115f\u2e80-\ud7ff\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\u{1f000}-\u{3ffff}]/u.test(
      character,
    )
    ? 2
    : 1;
}

function columns(): number {
  try {
    return Deno.consoleSize().columns || DEFAULT_COLUMNS;
  } catch {
    return DEFAULT_COLUMNS;
  }
}

function write(text: string): void {
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  } catch {
    // The terminal is gone: nobody misses the line.
  }
}
