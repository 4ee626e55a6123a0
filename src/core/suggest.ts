/**
 * "Did you mean …?" Loaded only when something was mistyped.
 */

import { distance } from "fastest-levenshtein";
import type { QueueError } from "./errors.ts";

/** Fewer letters begin too many words to mean one. */
const MIN_BEGINNING = 2;

/**
 * The word of `known` that `typed` was probably meant to be: the nearest one, or else the only one that begins so;
 * null if there is neither.
 */
export function nearest(typed: string, known: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = Infinity;
  for (const word of known) {
    const d = stepsBetween(typed.toLowerCase(), word.toLowerCase());
    // A word that shares no letter is not near, however short.
    if (d < bestDistance && d < Math.max(typed.length, word.length)) [best, bestDistance] = [word, d];
  }
  // At least half of a short word must be right.
  if (bestDistance <= Math.max(1, Math.floor(typed.length * 0.4))) return best;
  const longer = typed.length < MIN_BEGINNING ? [] : known.filter((word) => word.startsWith(typed));
  return longer.length === 1 ? longer[0]! : null;
}

/** All texts that are one slip away from `typed`, where the letters to be added or put in place are `letters`. */
export function* oneSlipAway(typed: string, letters: readonly string[]): Generator<string> {
  const all = [...typed];
  for (let at = 0; at <= all.length; at++) {
    const [before, rest] = [all.slice(0, at).join(""), all.slice(at)];
    const [first, second, ...others] = rest;
    if (first !== undefined) yield before + rest.slice(1).join("");
    if (second !== undefined) yield before + second + first + others.join("");
    for (const letter of letters) {
      if (first !== undefined) yield before + letter + rest.slice(1).join("");
      yield before + letter + rest.join("");
    }
  }
}

/** Letters to add, remove or change; two neighbours that were swapped count as one. */
function stepsBetween(typed: string, word: string): number {
  const steps = distance(typed, word);
  if (steps !== 2 || typed.length !== word.length) return steps;
  const at = [...typed].findIndex((letter, index) => letter !== word[index]);
  const swapped = typed.slice(0, at) + typed.charAt(at + 1) + typed.charAt(at) + typed.slice(at + 2);
  return swapped === word ? 1 : steps;
}

/** The cure to print for `error`: the nearest known word if one was mistyped, else its own hint or null. */
export function cureFor(error: QueueError): string | null {
  if (error.mistyped === null) return error.hint;
  const { typed, known, usage = (word: string) => word, otherwise } = error.mistyped;
  const word = nearest(typed, known);
  return word === null ? otherwise ?? `one of ${known.join(", ")}` : usage(word);
}
