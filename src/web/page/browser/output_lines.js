/**
 * The lines of an output in the page: each is an element of text nodes, and only the newest are kept.
 */

import { AnsiReader } from "./ansi.js";

/** @import { Look, Piece } from "./ansi.js" */

/** Older lines leave the page, so that a command that never stops printing can't fill the browser. */
const MAX_LINES = 5000;

/** Writes output into an element that belongs to nobody else. */
export class OutputLines {
  #reader = new AnsiReader();
  #place;
  /** @type {HTMLElement | null} */
  #open = null;
  /** Whether lines have left the page. */
  isCut = false;

  /** @param {HTMLElement} place */
  constructor(place) {
    this.#place = place;
    place.replaceChildren();
  }

  /** @param {string} text what follows on all that was given before */
  append(text) {
    const { finished, open } = this.#reader.read(text);
    const lines = document.createDocumentFragment();
    // What the last call left open is shown already, and is replaced by what became of it.
    this.#open?.remove();
    for (const pieces of finished.slice(-MAX_LINES)) lines.append(lineOf(pieces));
    this.#open = open.length === 0 ? null : lineOf(open);
    if (this.#open !== null) lines.append(this.#open);
    this.#place.append(lines);
    const excess = this.#place.childElementCount - MAX_LINES;
    if (excess > 0 || finished.length > MAX_LINES) this.isCut = true;
    for (let count = 0; count < excess; count++) this.#place.firstElementChild?.remove();
  }
}

/** @param {readonly Piece[]} pieces */
function lineOf(pieces) {
  const line = document.createElement("span");
  line.className = "line";
  for (const { text, look } of pieces) line.append(styled(text, look));
  line.append("\n");
  return line;
}

/**
 * @param {string} text
 * @param {Look} look
 * @returns {Node}
 */
function styled(text, look) {
  const [color, background] = look.inverse
    ? [look.background ?? "ground", look.color ?? "ink"]
    : [look.color, look.background];
  const classes = /** @type {const} */ (["bold", "dim", "italic", "underline", "strike"])
    .filter((name) => look[name]).map((name) => `sgr-${name}`);
  if (color === null && background === null && classes.length === 0) return document.createTextNode(text);
  const piece = document.createElement("span");
  // A colour of the palette is a class, any other one is set as a style: both are values, never markup.
  if (isNamed(color)) classes.push(`fg-${color}`);
  else if (color !== null) piece.style.color = String(color);
  if (isNamed(background)) classes.push(`bg-${background}`);
  else if (background !== null) piece.style.backgroundColor = String(background);
  piece.className = classes.join(" ");
  piece.textContent = text;
  return piece;
}

/** @param {number | string | null} color */
function isNamed(color) {
  return typeof color === "number" || color === "ground" || color === "ink";
}
