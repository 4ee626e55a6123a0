/**
 * Text from outside (commands, ids, output of jobs) on its way to a terminal or a log: what could move the
 * cursor, set the title, reorder the line or hide something is shown, not obeyed.
 */

/** Control characters, line separators, and marks that reorder the text around them. */
// deno-lint-ignore no-control-regex -- they are what it is about, and by their numbers it is made faster than by \p{Cc}
export const UNPRINTABLE = /[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** `text` on one line, with such characters as escapes: `\n`, `\x1b`, `\u202e`. */
export function printableLine(text: string): string {
  return text.replace(UNPRINTABLE, escape);
}

/**
 * Output of a job for a terminal: lines, tabs and colours stay, everything else that is dangerous is escaped.
 * A carriage return stays only before a newline.
 */
export function printableOutput(text: string): string {
  // deno-lint-ignore no-control-regex -- a colour is ESC [ numbers m
  return text.replace(/\u001b\[[\d;:]*m|\r?\n|\t|[^]/gu, (piece) => {
    return piece.length > 1 || piece === "\n" || piece === "\t" ? piece : piece.replace(UNPRINTABLE, escape);
  });
}

/** Output of a job without its colours, for where they mean nothing. */
export function withoutColours(text: string): string {
  // deno-lint-ignore no-control-regex -- a colour is ESC [ numbers m
  return text.replace(/\u001b\[[\d;:]*m/g, "");
}

function escape(character: string): string {
  const named: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
  const code = character.charCodeAt(0).toString(16);
  return named[character] ??
    (code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`);
}
