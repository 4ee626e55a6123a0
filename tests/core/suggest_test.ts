import assert from "node:assert/strict";
import { CONFIG_KEYS, resolveKey } from "../../src/core/config.ts";
import { badInput, type QueueError, unknownWord } from "../../src/core/errors.ts";
import { JOB_KEYS } from "../../src/core/job_input.ts";
import { cureFor, nearest, oneSlipAway } from "../../src/core/suggest.ts";

Deno.test("nearest: finds the word that was meant", () => {
  const meant: Record<string, string> = {
    max_retry: "max_retries",
    maxretries: "max_retries",
    backof_base: "backoff_base",
    MAX_RETRIES: "max_retries",
    retention_day: "retention_days",
    schedulng_mode: "scheduling_mode",
  };
  for (const [typed, word] of Object.entries(meant)) assert.equal(nearest(typed, CONFIG_KEYS), word, typed);
});

Deno.test("nearest: of two near words the nearer one", () => {
  assert.equal(nearest("timeout_second", ["timeout", "timeout_seconds"]), "timeout_seconds");
  assert.equal(nearest("timeou", ["timeout_seconds", "timeout"]), "timeout");
});

Deno.test("nearest: null for what resembles nothing", () => {
  for (const typed of ["colour", "xyzzyxyzzyxyzzy", "🦀🦀🦀🦀🦀"]) {
    assert.equal(nearest(typed, CONFIG_KEYS), null, typed);
  }
  assert.equal(nearest("max_retries", []), null);
});

Deno.test("nearest: a word that shares no letter is no suggestion, however short", () => {
  assert.equal(nearest("q", JOB_KEYS), null);
  assert.equal(nearest("xy", JOB_KEYS), null);
  assert.equal(nearest("b", ["a"]), null);
  assert.equal(nearest("b1", ["a1"]), "a1");
});

Deno.test("nearest: the only word that begins so, where none is nearer", () => {
  const commands = ["status", "top", "completions", "config", "output"];
  for (const [typed, word] of [["stat", "status"], ["comp", "completions"], ["ou", "output"]] as const) {
    assert.equal(nearest(typed, commands), word);
  }
  assert.equal(nearest("co", commands), null);
  assert.equal(nearest("s", commands), null);
});

Deno.test("oneSlipAway: a letter less, another one, one more, and two that were swapped", () => {
  const texts = [...oneSlipAway("ab", ["a", "c"])];
  assert.deepEqual(
    new Set(texts),
    new Set(["b", "a", "ba", "ab", "cb", "aa", "ac", "aab", "cab", "acb", "aba", "abc"]),
  );
});

Deno.test("cureFor: the nearest word for a mistyped one, all known ones for an odd one", () => {
  const known = ["alpha", "beta"];
  assert.equal(cureFor(unknownWord("bad_input", "x", { typed: "alhpa", known })), "alpha");
  assert.equal(cureFor(unknownWord("bad_input", "x", { typed: "something", known })), "one of alpha, beta");
});

Deno.test("cureFor: the error's own hint, or null, if no word was mistyped", () => {
  assert.equal(cureFor(badInput("x", "this")), "this");
  assert.equal(cureFor(badInput("x")), null);
});

Deno.test("cureFor: suggests the key for a misspelt setting", () => {
  assert.throws(() => resolveKey("max-retrys"), (error: QueueError) => {
    assert.equal(cureFor(error), "queuectl config get max_retries");
    return true;
  });
});

Deno.test("nearest: two letters that were swapped are one mistake, also in a short word", () => {
  assert.equal(nearest("wiat", ["enqueue", "wait", "list"]), "wait");
  assert.equal(nearest("bahs", ["zsh", "bash", "fish"]), "bash");
  assert.equal(nearest("tiaw", ["wait"]), null);
});
