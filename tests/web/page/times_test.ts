import assert from "node:assert/strict";
import { formatCoarse, formatDuration, formatRelative } from "../../../src/web/page/browser/times.js";

Deno.test("formatDuration: from milliseconds to days", () => {
  const lengths = [-5, 0, 999.6, 1000, 9999, 10_000, 59_999, 60_000, 200_000, 7_500_000, 360_000_000];
  assert.deepEqual(lengths.map(formatDuration), [
    ...["0 ms", "0 ms", "1000 ms", "1.0 s", "9.9 s", "10 s", "59 s", "1 min", "3 min 20 s", "2 h 5 min"],
    "4 d 4 h",
  ]);
  assert.equal(formatCoarse(2400), "2 s");
});

Deno.test("formatRelative: before and after now, with a moment of leeway", () => {
  const now = 1_000_000_000;
  const tell = (ms: number) => formatRelative(now + ms, now);
  assert.deepEqual([0, -1500, -2000, -59_999, -60_000, -3_600_000, -172_800_000].map(tell), [
    ...["just now", "just now", "2 s ago", "59 s ago", "1 min ago", "1 h ago", "2 d ago"],
  ]);
  assert.deepEqual([900, 1000, 90_000, 7_200_000].map(tell), ["just now", "in 1 s", "in 1 min", "in 2 h"]);
});
