/**
 * "Did you mean …?" Loaded only when something was mistyped.
 */

import { distance } from "fastest-levenshtein";
import type { QueueError } from "./errors.ts";

/** The word of `known` that `typed` was probably meant to be; null if none is near. */
export function nearest(typed: string, known: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = Infinity;
  for (const word of known) {
    const d = stepsBetween(typed.toLowerCase(), word.toLowerCase());
    if (d < bestDistance) [best, bestDistance] = [word, d];
  }
  // At least half of a short word must be right.
  return bestDistance <= Math.max(1, Math.floor(typed.length * 0.4)) ? best : null;
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
