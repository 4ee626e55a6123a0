import assert from "node:assert/strict";
import {
  badInput,
  conflict,
  DuplicateIdError,
  notFound,
  QueueError,
  storeError,
  unknownWord,
} from "../../src/core/errors.ts";

Deno.test("QueueError: each code has its exit status", () => {
  const statuses = [
    new QueueError("failed", "Cannot"),
    badInput("Cannot"),
    notFound("Cannot"),
    conflict("Cannot"),
    storeError("Cannot", "try"),
  ].map((error) => [error.code, error.exitStatus]);
  assert.deepEqual(statuses, [
    ["failed", 1],
    ["bad_input", 2],
    ["not_found", 3],
    ["conflict", 4],
    ["store", 5],
  ]);
});

Deno.test("QueueError: it is an Error with message, hint and cause", () => {
  const cause = new Error("disk");
  const error = storeError("Cannot use it", "again", cause);
  assert.ok(error instanceof Error && error instanceof QueueError);
  assert.deepEqual([error.name, error.message, error.hint, error.cause], [
    ...["QueueError", "Cannot use it", "again", cause],
  ]);
});

Deno.test("QueueError: without a hint there is none, and no cause", () => {
  for (const error of [badInput("x"), notFound("x"), conflict("x")]) {
    assert.equal(error.hint, null);
    assert.equal(error.mistyped, null);
    assert.ok(!("cause" in error));
  }
});

Deno.test("unknownWord: keeps what was typed and what is known", () => {
  const error = unknownWord("not_found", "No such key", { typed: "a", known: ["b"] });
  assert.deepEqual([error.code, error.mistyped], ["not_found", { typed: "a", known: ["b"] }]);
});

Deno.test("DuplicateIdError: a conflict that names the id and its place", () => {
  const error = new DuplicateIdError("job1", 4);
  assert.deepEqual([error.code, error.exitStatus, error.jobId, error.index], ["conflict", 4, "job1", 4]);
  assert.match(error.message, /^Cannot enqueue job1: /);
});
