import assert from "node:assert/strict";
import { allFailed, attemptNames } from "../../../src/web/page/browser/rounds.js";
import type { Outcome } from "../../../src/web/page/browser/shapes.d.ts";

/** The names of attempts with these numbers and outcomes. */
function named(...history: [number, Outcome][]): string[] {
  const attempts = history.map(([attempt, outcome], id) => ({ id, attempt, outcome }));
  return [...attemptNames(attempts).values()].map(({ round, text }) => `${round}: ${text}`);
}

Deno.test("attemptNames: each round of retries is told apart, though its attempts have the same numbers", () => {
  assert.deepEqual(named([1, "failed"], [2, "failed"], [1, "timed_out"], [1, "cancelled"], [1, "running"]), [
    ...["1: Attempt 1", "1: Attempt 2", "2: Attempt 1", "3: Attempt 1", "4: Attempt 1"],
  ]);
  assert.deepEqual(named(), []);
});

Deno.test("attemptNames: an attempt that doesn't count is told apart from the one in its place", () => {
  assert.deepEqual(named([1, "failed"], [2, "released"], [2, "lost"], [2, "failed"], [1, "succeeded"]), [
    ...["1: Attempt 1", "1: Attempt 2", "1: Attempt 2, start 2", "1: Attempt 2, start 3", "2: Attempt 1"],
  ]);
});

Deno.test("allFailed: one attempt is not all of them", () => {
  assert.deepEqual([1, 2].map(allFailed), ["its only attempt failed", "all 2 attempts failed"]);
});
