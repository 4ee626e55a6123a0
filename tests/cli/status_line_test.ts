import assert from "node:assert/strict";
import { bar } from "../../src/cli/progress_bar.ts";
import { cutToColumns } from "../../src/cli/status_line.ts";

Deno.test("cutToColumns: what fits stays, what doesn't ends in an ellipsis", () => {
  assert.equal(cutToColumns("12345", 5), "12345");
  assert.equal(cutToColumns("123456", 5), "1234…");
  assert.equal(cutToColumns("", 5), "");
  assert.equal(cutToColumns("████░░ 40%", 7), "████░░…");
});

Deno.test("cutToColumns: wide characters count twice, and none is cut in half", () => {
  assert.equal(cutToColumns("漢字かな", 8), "漢字かな");
  assert.equal(cutToColumns("漢字かな", 7), "漢字か…");
  assert.equal(cutToColumns("漢字かな", 6), "漢字…");
  assert.equal(cutToColumns("🚀🚀🚀", 5), "🚀🚀…");
  assert.ok(cutToColumns("🚀🚀🚀", 4).isWellFormed());
});

Deno.test("bar: is empty at 0, full at 100 and only there, and never longer", () => {
  assert.deepEqual([0, 50, 99.9, 100].map((percent) => bar(percent, 4)), ["░░░░", "██░░", "███░", "████"]);
  assert.deepEqual([-5, 250].map((percent) => bar(percent, 4)), ["░░░░", "████"]);
});
