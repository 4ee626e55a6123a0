/**
 * The names of a job's attempts. The job counts them anew in each round, which a retry by hand begins, and counts
 * again those that a worker gave back or died in: the number alone means no single one of them.
 *
 * It knows nothing of the page, so that it can be tested anywhere.
 */

/** @import { Attempt } from "./shapes.d.ts" */

/** After these a job is given to another worker in the same round. */
const UNCOUNTED = ["released", "lost"];

/**
 * @typedef {object} AttemptName
 * @property {number} round from 1, the first that is known
 * @property {string} text unlike that of any other attempt of the round, as in `Attempt 2`
 */

/**
 * The name of each attempt, by its id.
 *
 * @param {readonly Pick<Attempt, "id" | "attempt" | "outcome">[]} history oldest first
 * @returns {Map<number, AttemptName>}
 */
export function attemptNames(history) {
  const names = new Map();
  let round = 1;
  let start = 0;
  /** @type {typeof history[number] | undefined} */
  let before;
  for (const one of history) {
    const isAgain = before?.attempt === one.attempt && UNCOUNTED.includes(before.outcome);
    if (before !== undefined && !isAgain && one.attempt <= before.attempt) round++;
    start = isAgain ? start + 1 : 1;
    names.set(one.id, { round, text: `Attempt ${one.attempt}${start > 1 ? `, start ${start}` : ""}` });
    before = one;
  }
  return names;
}

/**
 * How a sentence ends that tells that all attempts failed.
 *
 * @param {number} count
 */
export function allFailed(count) {
  return count === 1 ? "its only attempt failed" : `all ${count} attempts failed`;
}
