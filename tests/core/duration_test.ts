import assert from "node:assert/strict";
import { formatDuration, parseDurationMs } from "../../src/core/duration.ts";

const PARSED: Record<string, number> = {
  "10m": 600_000,
  "1h30m": 5_400_000,
  "1h 30m": 5_400_000,
  "1.5h": 5_400_000,
  "7d": 604_800_000,
  "2w": 1_209_600_000,
  "250ms": 250,
  "1m500ms": 60_500,
  "90": 90_000,
  "0.25": 250,
  "0": 0,
  "0s": 0,
  " 5 s ": 5000,
  "5S": 5000,
  "1d2h3m4s5ms": 93_784_005,
};

Deno.test("parseDurationMs: units, sums of them, and a bare number of seconds", () => {
  for (const [text, ms] of Object.entries(PARSED)) assert.equal(parseDurationMs(text), ms, text);
});

Deno.test("parseDurationMs: null for what is no length of time", () => {
  const wrong = [
    "",
    " ",
    "-5",
    "-5s",
    "5x",
    "s",
    "1h30",
    "1..5h",
    ".5",
    "1e3",
    "5 5",
    "10 min",
    "1,5h",
    "h1",
  ];
  for (const text of [...wrong, "Infinity", "NaN", "0x10"]) assert.equal(parseDurationMs(text), null, text);
});

Deno.test("parseDurationMs: a long wrong text is refused without long thought", () => {
  assert.equal(parseDurationMs(`${"1s ".repeat(20_000)}x`), null);
});

Deno.test("formatDuration: the two largest units, without zeros", () => {
  const formatted: Record<string, number> = {
    "0ms": 0,
    "850ms": 850,
    "999ms": 999,
    "1s": 1000,
    "1.5s": 1500,
    "9.9s": 9900,
    "12s": 12_345,
    "59s": 59_999,
    "1m": 60_000,
    "3m 20s": 200_000,
    "59m 59s": 3_599_999,
    "1h": 3_600_000,
    "2h 5m": 7_500_000,
    "23h 59m": 86_399_999,
    "1d": 86_400_000,
    "4d 3h": 356_400_000,
  };
  for (const [text, ms] of Object.entries(formatted)) assert.equal(formatDuration(ms), text, String(ms));
});

Deno.test("formatDuration: a negative length has a sign", () => {
  assert.equal(formatDuration(-200_000), "-3m 20s");
});

Deno.test("formatDuration: rounding never shows a unit's limit or a fraction of 0", () => {
  for (let ms = 0; ms < 70_000; ms++) {
    const text = formatDuration(ms);
    assert.doesNotMatch(text, /^1000ms$|\.0s$|^60s$/, `${ms} ms is shown as ${text}`);
  }
});
