/**
 * What was pressed, from the bytes that a terminal in raw mode sends.
 */

const NAMED: Readonly<Record<string, string>> = {
  "\x1b[A": "up",
  "\x1bOA": "up",
  "\x1b[B": "down",
  "\x1bOB": "down",
  "\x1b[C": "right",
  "\x1bOC": "right",
  "\x1b[D": "left",
  "\x1bOD": "left",
  "\x1b[5~": "page-up",
  "\x1b[6~": "page-down",
  "\x1b[H": "home",
  "\x1bOH": "home",
  "\x1b[1~": "home",
  "\x1b[F": "end",
  "\x1bOF": "end",
  "\x1b[4~": "end",
  "\x1b[Z": "back-tab",
  "\x1b": "escape",
  "\r": "enter",
  "\n": "enter",
  "\t": "tab",
  "\x7f": "backspace",
  "\b": "backspace",
  "\x03": "ctrl-c",
  "\x1a": "ctrl-z",
  "\x0c": "ctrl-l",
  "\x15": "ctrl-u",
};

// deno-lint-ignore no-control-regex -- escape sequences begin with a control character
const KEY = /\x1b\[[\d;?]*[A-Za-z~]|\x1bO[A-Za-z]|[^]/gu;

/**
 * The keys in what came at once: their names (`up`, `enter`, `ctrl-c`), or the characters themselves. Sequences
 * that mean nothing here are left out.
 */
export function keysIn(text: string): string[] {
  return [...text.matchAll(KEY)].flatMap(([piece]) => {
    const name = NAMED[piece];
    if (name !== undefined) return [name];
    return /^\p{Cc}/u.test(piece) ? [] : [piece];
  });
}
