/**
 * What every refusal has in common: one sentence, one cure, nothing on stdout, no stack trace.
 */

import assert from "node:assert/strict";
import type { CallResult } from "../harness/program.ts";

/** Fails unless the call ended with `status` and an error that matches `says`, in the shape of all errors. */
export function assertRefused(result: CallResult, status: number, says: RegExp): void {
  assert.equal(result.code, status, `exited with ${result.code}: ${result.stdout}${result.stderr}`);
  assert.equal(result.stdout, "");
  assert.match(result.stderr, says);
  const [sentence = "", cure = "", ...rest] = result.stderr.split("\n");
  assert.match(sentence, /^Error: [A-Z"].*[^.]$/);
  assert.match(cure, /^Try: \S/, `no cure is told: ${result.stderr}`);
  assert.deepEqual(rest, [""], `more than a sentence and a cure: ${result.stderr}`);
}
