/**
 * How far an attempt has come, as its command tells it: by a line on its standard output, or by calling
 * `queuectl progress`.
 */

import { badInput } from "./errors.ts";
import { UNPRINTABLE } from "./printable.ts";

/** How far an attempt has come. */
export interface Progress {
  /** 0 to 100, whole. */
  readonly percent: number;
  /** What it is doing: at most `MAX_PROGRESS_TEXT` printable characters; may be empty. */
  readonly text: string;
}

/** The longest text that is kept, in characters; the rest of a longer one is dropped. */
export const MAX_PROGRESS_TEXT = 200;

/** The longest line that can tell progress, in bytes: a longer one is no such line. */
export const MAX_PROGRESS_LINE_BYTES = 2048;

/** What a line that tells progress begins with. */
export const PROGRESS_PREFIX = "queuectl:progress";

const LINE = new RegExp(`^${PROGRESS_PREFIX}[ \\t]+(\\S+)(?:[ \\t]+(.*))?$`, "s");
const PERCENT = /^(\d{1,3}(?:\.\d+)?)%?$/;

/** `percent` such as `40`, `40.5` or `40%`, and what is being done. Throws `bad_input` for what is no percentage. */
export function parseProgress(percent: string, text: string): Progress {
  const progress = progressFrom(percent, text);
  if (progress === null) {
    throw badInput(
      `Cannot use "${percent}" as progress: it is a percentage from 0 to 100`,
      'queuectl progress 40 "Building"',
    );
  }
  return progress;
}

/** What a line of a command's output tells, such as `queuectl:progress 40 Building`; null if it tells none. */
export function progressInLine(line: string): Progress | null {
  const [, percent, text] = LINE.exec(line.replace(/\r$/, "")) ?? [];
  return percent === undefined ? null : progressFrom(percent, text ?? "");
}

/** Whether two tell the same. */
export function isSameProgress(a: Progress | null, b: Progress | null): boolean {
  return a?.percent === b?.percent && a?.text === b?.text;
}

function progressFrom(percent: string, text: string): Progress | null {
  const number = Number(PERCENT.exec(percent)?.[1] ?? NaN);
  if (!(number <= 100)) return null;
  const printable = text.replace(UNPRINTABLE, " ").trim();
  // Rounded down: what is not quite done is not done.
  return {
    percent: Math.floor(number),
    text: Array.from(printable).slice(0, MAX_PROGRESS_TEXT).join("").trimEnd(),
  };
}
