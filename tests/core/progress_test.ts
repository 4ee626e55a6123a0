import assert from "node:assert/strict";
import { isSameProgress, MAX_PROGRESS_TEXT, parseProgress, progressInLine } from "../../src/core/progress.ts";

Deno.test("progressInLine: a percentage and what is being done", () => {
  const read: [string, number, string][] = [
    ["queuectl:progress 40 Building", 40, "Building"],
    ["queuectl:progress 0", 0, ""],
    ["queuectl:progress 100 all of it, really", 100, "all of it, really"],
    ["queuectl:progress 7% seven", 7, "seven"],
    ["queuectl:progress\t99.9\tnearly\r", 99, "nearly"],
    ["queuectl:progress 007", 7, ""],
    ["queuectl:progress   5    padded   ", 5, "padded"],
  ];
  for (const [line, percent, text] of read) assert.deepEqual(progressInLine(line), { percent, text }, line);
});

Deno.test("progressInLine: whatever isn't such a line tells nothing", () => {
  const others = [
    ...["", "40 Building", "queuectl:progress", "queuectl:progress ", "queuectl:progress Building"],
    ...["queuectl:progress -1", "queuectl:progress 101", "queuectl:progress 1e1", "queuectl:progress 0x10"],
    ...["queuectl:progress NaN", "queuectl:progress 100.5", "queuectl:progress40", "queuectl:progress 40%%"],
    ...[" queuectl:progress 40", "x queuectl:progress 40", "queuectl:progress: 40", "queuectl:progress 40x"],
    "QUEUECTL:PROGRESS 40",
  ];
  for (const line of others) assert.equal(progressInLine(line), null, line);
});

Deno.test("progressInLine: the text can harm no terminal and is not longer than what is kept", () => {
  assert.equal(progressInLine("queuectl:progress 1 a\x1b]0;x\x07b\u202ec")!.text, "a ]0;x b c");
  const long = progressInLine(`queuectl:progress 1 ${"🙂".repeat(500)}`)!.text;
  assert.equal(long, "🙂".repeat(MAX_PROGRESS_TEXT));
});

Deno.test("parseProgress: refuses what is no percentage, and names it", () => {
  assert.deepEqual(parseProgress("12.7%", " x "), { percent: 12, text: "x" });
  for (const wrong of ["", "-1", "101", "half", "1e2", "100.01"]) {
    assert.throws(() => parseProgress(wrong, ""), (error: Error & { code?: string }) => {
      assert.equal(error.code, "bad_input");
      assert.ok(error.message.includes(`"${wrong}"`));
      return true;
    });
  }
});

Deno.test("isSameProgress: two that tell the same, or nothing", () => {
  const some = { percent: 1, text: "a" };
  assert.ok(isSameProgress(null, null) && isSameProgress(some, { ...some }));
  for (const other of [null, { ...some, percent: 2 }, { ...some, text: "" }]) {
    assert.ok(!isSameProgress(some, other) && !isSameProgress(other, some));
  }
});
