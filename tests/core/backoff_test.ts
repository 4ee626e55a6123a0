import assert from "node:assert/strict";
import fc from "fast-check";
import { backoffMs } from "../../src/core/backoff.ts";

const MAX = 300_000;

Deno.test("backoffMs: base 2 gives 2, 4 and 8 seconds", () => {
  assert.deepEqual([1, 2, 3].map((attempts) => backoffMs(2, attempts, MAX)), [2000, 4000, 8000]);
});

Deno.test("backoffMs: bases 0, 1 and fractions are powers too", () => {
  assert.deepEqual([1, 5].map((attempts) => backoffMs(0, attempts, MAX)), [0, 0]);
  assert.deepEqual([1, 5].map((attempts) => backoffMs(1, attempts, MAX)), [1000, 1000]);
  assert.deepEqual([1, 2].map((attempts) => backoffMs(1.5, attempts, MAX)), [1500, 2250]);
  assert.deepEqual([1, 2].map((attempts) => backoffMs(0.5, attempts, MAX)), [500, 250]);
});

Deno.test("backoffMs: the cap is the longest delay, itself allowed", () => {
  assert.equal(backoffMs(2, 3, 8000), 8000);
  assert.equal(backoffMs(2, 3, 7999), 7999);
  assert.equal(backoffMs(2, 3, 8001), 8000);
  assert.equal(backoffMs(2, 3, 0), 0);
});

Deno.test("backoffMs: a power too large for a number is capped", () => {
  assert.equal(backoffMs(1000, 1000, MAX), MAX);
});

Deno.test("backoffMs: always whole ms from 0 to the cap, and never less after more attempts", () => {
  fc.assert(fc.property(
    fc.double({ min: 1, max: 1000, noNaN: true }),
    fc.integer({ min: 1, max: 999 }),
    fc.integer({ min: 0, max: 31_536_000_000 }),
    (base, attempts, maxMs) => {
      const delayMs = backoffMs(base, attempts, maxMs);
      assert.ok(Number.isInteger(delayMs) && delayMs >= 0 && delayMs <= maxMs, String(delayMs));
      assert.ok(backoffMs(base, attempts + 1, maxMs) >= delayMs);
    },
  ));
});
