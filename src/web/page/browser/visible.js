/**
 * Text from outside on its way to the page: what could hide or reorder it is shown, not obeyed.
 */

/** Control characters, line separators, and marks that reorder the text around them; the same set as in the core. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

/**
 * `text` with such characters as escapes, as in `\x1b`; tabs stay.
 *
 * @param {string} text
 * @returns {string}
 */
export function visible(text) {
  if (!UNPRINTABLE.test(text)) return text;
  return text.replace(new RegExp(UNPRINTABLE, "gu"), (character) => {
    if (character === "\t") return character;
    const named = { "\n": "\\n", "\r": "\\r" }[character];
    if (named !== undefined) return named;
    const code = character.charCodeAt(0).toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`;
  });
}
