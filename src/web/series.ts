/**
 * What has ended lately, as the points of a chart.
 */

import { STRETCH_MS, type Tallies } from "./tallies.ts";
import { iso, type JsonObject } from "./views.ts";

/** The spans of charts, each with the length and the number of its buckets. */
export const SPANS = {
  "10m": { stepMs: 10_000, count: 60 },
  "1h": { stepMs: 60_000, count: 60 },
  "1d": { stepMs: 900_000, count: 96 },
} as const;

/** The name of a span. */
export type Span = keyof typeof SPANS;

/** The buckets of a span, oldest first; the last one is still growing. */
export function seriesJson(tallies: Tallies, span: Span, now: number): JsonObject {
  const { stepMs, count } = SPANS[span];
  const toMs = (Math.floor(now / stepMs) + 1) * stepMs;
  const fromMs = toMs - count * stepMs;
  const buckets = Array.from({ length: count }, (_, index) => {
    const at = fromMs + index * stepMs;
    const { succeeded, failed, other, totalMs } = tallies.between(at, at + stepMs);
    const ended = succeeded + failed + other;
    return {
      ...{ at: iso(at), succeeded, failed, other },
      average_seconds: ended === 0 ? null : totalMs / ended / 1000,
    };
  });
  return {
    ...{ span, step_seconds: stepMs / 1000, from: iso(fromMs), to: iso(toMs) },
    ...{ buckets, is_complete: tallies.isComplete },
  };
}

/** The last hour in numbers. */
export function lastHour(tallies: Tallies, now: number): {
  succeeded: number;
  failed: number;
  successRate: number | null;
  averageSeconds: number | null;
} {
  const toMs = (Math.floor(now / STRETCH_MS) + 1) * STRETCH_MS;
  const { succeeded, failed, other, totalMs } = tallies.between(toMs - 3_600_000, toMs);
  const judged = succeeded + failed;
  return {
    ...{ succeeded, failed },
    successRate: judged === 0 ? null : succeeded / judged,
    averageSeconds: judged + other === 0 ? null : totalMs / (judged + other) / 1000,
  };
}
