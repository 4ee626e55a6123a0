/**
 * Text in the columns of a terminal, in which a character may take two cells, or none.
 */

import stringWidth from "string-width";
import { printableLine } from "../../core/printable.ts";

const SEGMENTER = new Intl.Segmenter("en", { granularity: "grapheme" });
const ASCII = /^[\x20-\x7e]*$/;

/** How many cells `text` takes; it must be printable. */
export function cellsOf(text: string): number {
  return ASCII.test(text) ? text.length : stringWidth(text);
}

/** `text` made printable, and cut or padded with spaces to exactly `cells`; what is cut ends with `…`. */
export function fit(text: string, cells: number): string {
  if (cells <= 0) return "";
  // No more characters can be shown, and a command may have millions.
  const shown = printableLine(text.slice(0, cells * 8 + 1));
  const width = cellsOf(shown);
  if (width <= cells) return shown + " ".repeat(cells - width);
  let kept = "";
  let keptCells = 0;
  for (const { segment } of SEGMENTER.segment(shown)) {
    const segmentCells = cellsOf(segment);
    if (keptCells + segmentCells > cells - 1) break;
    kept += segment;
    keptCells += segmentCells;
  }
  return `${kept}…${" ".repeat(cells - 1 - keptCells)}`;
}

/** The same, but with the padding before the text: for numbers. */
export function fitRight(text: string, cells: number): string {
  const cut = fit(text, cells);
  const trimmed = cut.trimEnd();
  return " ".repeat(Math.max(0, cells - cellsOf(trimmed))) + trimmed;
}
