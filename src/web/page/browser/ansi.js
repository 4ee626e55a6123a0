/**
 * The output of commands on its way to the page: colours become classes, a carriage return begins the line
 * again, and every other control character is shown instead of obeyed.
 *
 * It knows nothing of the page, so that it can be tested anywhere. What it makes of a text is data; whoever
 * shows it puts `text` into text nodes.
 */

import { visible } from "./visible.js";

/**
 * A look that a piece of text has. Colours are 0–15 of the terminal's palette or `#rrggbb`; null: the default.
 *
 * @typedef {object} Look
 * @property {number | string | null} color
 * @property {number | string | null} background
 * @property {boolean} bold
 * @property {boolean} dim
 * @property {boolean} italic
 * @property {boolean} underline
 * @property {boolean} strike
 * @property {boolean} inverse
 */

/**
 * @typedef {object} Piece
 * @property {string} text
 * @property {Look} look the same object for pieces that look the same
 */

/** @type {Readonly<Look>} */
const PLAIN = Object.freeze({
  color: null,
  background: null,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  strike: false,
  inverse: false,
});

/** A longer line is cut into several, so that the browser needn't lay out a megabyte as one. */
const MAX_LINE_LENGTH = 10_000;
/** An escape sequence that is longer without an end is none. */
const MAX_SEQUENCE_LENGTH = 4096;

// CSI; OSC, DCS and their like with either end; other escapes of two or three characters.
const SEQUENCE =
  // deno-lint-ignore no-control-regex -- they are what this is about
  /^(?:\x1b\[([0-?]*)([ -/]*)([@-~])|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]+[0-~]|\x1b[0-OQ-WYZ\\`-~])/;
// deno-lint-ignore no-control-regex -- as above
const BEGINNING = /^\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b]*\x1b?|[ -/]*)$/;

/** Turns chunks of output into lines of pieces. Keeps what one chunk leaves open for the next. */
export class AnsiReader {
  /** @type {Look} */
  #look = PLAIN;
  /** The beginning of a sequence that the last chunk ended in. */
  #held = "";
  /** @type {Piece[]} */
  #line = [];
  #lineLength = 0;
  /** A carriage return came: the next character begins the line again. */
  #isReturned = false;

  /**
   * Reads a chunk. `finished` are the lines that it ended, `open` the one that goes on: it replaces the `open`
   * line of the call before, or becomes the first of `finished`.
   *
   * @param {string} chunk
   * @returns {{ finished: Piece[][], open: Piece[] }}
   */
  read(chunk) {
    const text = this.#held + chunk;
    this.#held = "";
    /** @type {Piece[][]} */
    const finished = [];
    // deno-lint-ignore no-control-regex -- as above
    const special = /[\x1b\r\n\b]/g;
    let from = 0;
    while (from < text.length) {
      special.lastIndex = from;
      const at = special.exec(text)?.index ?? text.length;
      this.#add(text.slice(from, at), finished);
      if (at === text.length) break;
      if (text[at] === "\x1b") {
        from = this.#sequence(text, at, finished);
        continue;
      }
      if (text[at] === "\n") finished.push(this.#endLine());
      else if (text[at] === "\r") this.#isReturned = true;
      else this.#backspace();
      from = at + 1;
    }
    return { finished, open: this.#line };
  }

  /**
   * @param {string} text
   * @param {number} at where the escape is
   * @param {Piece[][]} finished
   * @returns {number} where reading goes on
   */
  #sequence(text, at, finished) {
    const rest = text.slice(at, at + MAX_SEQUENCE_LENGTH);
    const match = SEQUENCE.exec(rest);
    if (match !== null) {
      if (match[3] === "m" && match[2] === "") this.#look = lookAfter(this.#look, match[1] ?? "");
      else if (match[3] === "K" && this.#isReturned) this.#clearLine();
      return at + match[0].length;
    }
    if (rest.length < MAX_SEQUENCE_LENGTH && BEGINNING.test(rest)) {
      this.#held = rest;
      return text.length;
    }
    this.#add("\x1b", finished);
    return at + 1;
  }

  /**
   * @param {string} raw
   * @param {Piece[][]} finished
   */
  #add(raw, finished) {
    if (raw === "") return;
    if (this.#isReturned) this.#clearLine();
    let text = visible(raw);
    while (this.#lineLength + text.length > MAX_LINE_LENGTH) {
      let cut = MAX_LINE_LENGTH - this.#lineLength;
      const code = text.charCodeAt(cut - 1);
      if (code >= 0xd800 && code < 0xdc00) cut++;
      this.#append(text.slice(0, cut));
      finished.push(this.#endLine());
      text = text.slice(cut);
    }
    if (text !== "") this.#append(text);
  }

  /** @param {string} text */
  #append(text) {
    this.#lineLength += text.length;
    const last = this.#line.at(-1);
    if (last?.look === this.#look) last.text += text;
    else this.#line.push({ text, look: this.#look });
  }

  #backspace() {
    const last = this.#line.at(-1);
    if (last === undefined || this.#isReturned) return;
    const shorter = [...last.text].slice(0, -1).join("");
    this.#lineLength -= last.text.length - shorter.length;
    if (shorter === "") this.#line.pop();
    else last.text = shorter;
  }

  #clearLine() {
    this.#line = [];
    this.#lineLength = 0;
    this.#isReturned = false;
  }

  #endLine() {
    const line = this.#line;
    this.#clearLine();
    return line;
  }
}

/**
 * The look after a "select graphic rendition" with these parameters.
 *
 * @param {Look} look
 * @param {string} parameters as in `1;38;5;208`
 * @returns {Look}
 */
function lookAfter(look, parameters) {
  const codes = parameters.split(/[;:]/).map(Number);
  /** @type {Look} */
  let next = { ...look };
  for (let index = 0; index < codes.length; index++) {
    const code = codes[index] ?? 0;
    if (code === 0) next = { ...PLAIN };
    else if (code === 38 || code === 48) {
      const [color, used] = extendedColor(codes.slice(index + 1));
      index += used;
      if (color === undefined) continue;
      if (code === 38) next.color = color;
      else next.background = color;
    } else Object.assign(next, simpleChange(code));
  }
  return isPlain(next) ? PLAIN : next;
}

/** @param {Look} look */
function isPlain(look) {
  return Object.values(look).every((value) => value === null || value === false);
}

/** @type {Readonly<Record<number, Partial<Look>>>} */
const CHANGES = {
  1: { bold: true },
  2: { dim: true },
  3: { italic: true },
  4: { underline: true },
  7: { inverse: true },
  9: { strike: true },
  21: { underline: true },
  22: { bold: false, dim: false },
  23: { italic: false },
  24: { underline: false },
  27: { inverse: false },
  29: { strike: false },
  39: { color: null },
  49: { background: null },
};

/**
 * @param {number} code
 * @returns {Partial<Look>}
 */
function simpleChange(code) {
  if (code >= 30 && code <= 37) return { color: code - 30 };
  if (code >= 40 && code <= 47) return { background: code - 40 };
  if (code >= 90 && code <= 97) return { color: code - 82 };
  if (code >= 100 && code <= 107) return { background: code - 92 };
  return CHANGES[code] ?? {};
}

/**
 * The colour that `5;N` or `2;R;G;B` mean, and how many of the codes that took.
 *
 * @param {number[]} codes
 * @returns {[number | string | undefined, number]}
 */
function extendedColor(codes) {
  if (codes[0] === 5) return [paletteColor(codes[1] ?? 0), 2];
  if (codes[0] !== 2) return [undefined, 0];
  return [hex(codes.slice(1, 4)), 4];
}

/**
 * @param {number} index 0 to 255
 * @returns {number | string | undefined}
 */
function paletteColor(index) {
  if (!Number.isInteger(index) || index < 0 || index > 255) return undefined;
  if (index < 16) return index;
  if (index >= 232) return hex(Array(3).fill(8 + (index - 232) * 10));
  const level = (/** @type {number} */ step) => step === 0 ? 0 : 55 + step * 40;
  const cube = index - 16;
  return hex([Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map(level));
}

/** @param {number[]} channels */
function hex(channels) {
  const isColor = channels.length === 3 && channels.every((value) => value >= 0 && value <= 255);
  return isColor
    ? `#${channels.map((value) => Math.floor(value).toString(16).padStart(2, "0")).join("")}`
    : undefined;
}
