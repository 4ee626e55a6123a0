/**
 * Times for people.
 */

import { formatDuration } from "../core/duration.ts";

/** A time in the local zone: `2030-01-31 09:00:00`. */
export function localTime(ms: number): string {
  const date = new Date(ms);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** How long ago a time was: `just now`, `12s ago`, `3m 20s ago`. */
export function ago(ms: number, now: number): string {
  return now - ms < 1000 ? "just now" : `${formatDuration(now - ms)} ago`;
}

/** How long something has lasted since a time. */
export function lasting(since: number): string {
  return formatDuration(Math.max(0, Date.now() - since));
}
