/**
 * Times and lengths of time for people: relative ones that keep counting, and the exact ones behind them.
 */

import { useEffect, useState } from "preact/hooks";
import { html } from "./html.js";

/** What the server's clock is ahead of ours, in ms: relative times are told by its clock. */
let serverAheadMs = 0;

/**
 * Takes note of the server's clock.
 *
 * @param {number} serverNow ms since the epoch
 */
export function noteServerTime(serverNow) {
  const aheadMs = serverNow - Date.now();
  // Small differences are the way of the answer through the network, not the clock's.
  if (Math.abs(aheadMs - serverAheadMs) > 1000) serverAheadMs = aheadMs;
}

/** The server's time, in ms since the epoch. */
export function serverNow() {
  return Date.now() + serverAheadMs;
}

/** @type {Set<() => void>} */
const watchers = new Set();
let ticker = 0;

/**
 * The server's time, looked at again every second, by all who ask at the same moment.
 *
 * @returns {number}
 */
export function useNow() {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const look = () => setNow(serverNow());
    watchers.add(look);
    if (watchers.size === 1) ticker = Number(setInterval(() => watchers.forEach((tell) => tell()), 1000));
    return () => {
      watchers.delete(look);
      if (watchers.size === 0) clearInterval(ticker);
    };
  }, []);
  return now;
}

/**
 * A length of time for people: `850 ms`, `2.4 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`.
 *
 * @param {number} ms
 * @returns {string}
 */
export function formatDuration(ms) {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 10_000) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  return formatCoarse(ms);
}

/**
 * The same in whole seconds, for what is still counting.
 *
 * @param {number} ms
 * @returns {string}
 */
export function formatCoarse(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return pair([minutes, "min"], [seconds % 60, "s"]);
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return pair([hours, "h"], [minutes % 60, "min"]);
  return pair([Math.floor(hours / 24), "d"], [hours % 24, "h"]);
}

/**
 * @param {[number, string]} large
 * @param {[number, string]} small
 */
function pair([large, largeUnit], [small, smallUnit]) {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/**
 * How long before or after `now` a time is: `just now`, `12 s ago`, `in 3 min`.
 *
 * @param {number} at ms since the epoch
 * @param {number} now ms since the epoch
 * @returns {string}
 */
export function formatRelative(at, now) {
  const ms = now - at;
  if (ms > -1000 && ms < 2000) return "just now";
  const length = largestUnit(Math.abs(ms));
  return ms < 0 ? `in ${length}` : `${length} ago`;
}

/** @param {number} ms */
function largestUnit(ms) {
  if (ms < 60_000) return `${Math.floor(ms / 1000)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.floor(ms / 3_600_000)} h`;
  return `${Math.floor(ms / 86_400_000)} d`;
}

const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/**
 * A time to the second, in the reader's zone and manner.
 *
 * @param {string} iso
 * @returns {string}
 */
export function formatExact(iso) {
  return EXACT.format(new Date(iso));
}

/**
 * A time relative to now, with the exact one behind it; a dash where there is none.
 *
 * @param {{ at: string | null }} props `at` in ISO 8601
 */
export function RelativeTime({ at }) {
  const now = useNow();
  if (at === null) return html`<span class="quiet">–</span>`;
  return html`<time datetime=${at} title=${formatExact(at)}>${formatRelative(Date.parse(at), now)}</time>`;
}

/**
 * How long something has been going on, counting.
 *
 * @param {{ since: string }} props in ISO 8601
 */
export function Elapsed({ since }) {
  const now = useNow();
  return html`<time class="number" datetime=${since} title=${`since ${formatExact(since)}`}>${
    formatCoarse(now - Date.parse(since))
  }</time>`;
}
