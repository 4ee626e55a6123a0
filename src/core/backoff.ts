/**
 * The delay between a failed attempt and the next one.
 */

/**
 * `base ^ attempts` seconds, at most `maxMs`, in ms. `attempts` counts the attempt that just failed, so base 2
 * gives 2 s, 4 s, 8 s. A power too large for a number is `Infinity` and so capped too.
 */
export function backoffMs(base: number, attempts: number, maxMs: number): number {
  return Math.round(Math.min(base ** attempts * 1000, maxMs));
}
