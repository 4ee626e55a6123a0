import assert from "node:assert/strict";
import fc from "fast-check";
import { AnsiReader } from "../../../src/web/page/browser/ansi.js";

interface Lines {
  readonly texts: string[];
  readonly looks: Record<string, unknown>[][];
}

/** All lines that these chunks make, each as its text, and the looks of its pieces without what is default. */
function read(...chunks: string[]): Lines {
  const reader = new AnsiReader();
  const lines = [];
  let open = reader.read("").open;
  for (const chunk of chunks) {
    const { finished, open: rest } = reader.read(chunk);
    lines.push(...finished);
    open = rest;
  }
  if (open.length > 0) lines.push(open);
  return {
    texts: lines.map((pieces) => pieces.map(({ text }) => text).join("")),
    looks: lines.map((pieces) =>
      pieces.map(({ look }) =>
        Object.fromEntries(Object.entries(look).filter(([, value]) => value !== null && value !== false))
      )
    ),
  };
}

Deno.test("AnsiReader: colours become looks, and what isn't closed goes on in the next line", () => {
  const { texts, looks } = read("\x1b[1;31merror:\x1b[0m bad\n\x1b[32mall\ngreen");
  assert.deepEqual(texts, ["error: bad", "all", "green"]);
  assert.deepEqual(looks, [[{ bold: true, color: 1 }, {}], [{ color: 2 }], [{ color: 2 }]]);
});

Deno.test("AnsiReader: bright, 256 and true colours, backgrounds, and their ends", () => {
  const { looks } = read(
    "\x1b[91;44ma\x1b[39mb\x1b[38;5;208mc\x1b[48;2;1;2;255md\x1b[38;5;244me\x1b[m\x1b[38;5;300mf\x1b[38;2;1;2mg",
  );
  assert.deepEqual(looks[0], [
    { color: 9, background: 4 },
    { background: 4 },
    { color: "#ff8700", background: 4 },
    { color: "#ff8700", background: "#0102ff" },
    { color: "#808080", background: "#0102ff" },
    {}, // neither a colour beyond the palette nor half a one changes anything, and equal looks are one piece
  ]);
});

Deno.test("AnsiReader: a carriage return begins the line again, also across chunks, but not before a newline", () => {
  assert.deepEqual(read("10 %\r20 %\r", "100 %\r", "\nnext\r\nlast\r").texts, ["100 %", "next", "last"]);
});

Deno.test("AnsiReader: a sequence that is cut anywhere between chunks is one all the same", () => {
  const text = "a\x1b[38;2;10;20;30mb\x1b]8;;http://x\x07link\x1b]8;;\x1b\\\x1b(Bc\x1b[2Kd\n\x1b[0m";
  const whole = read(text);
  for (let at = 0; at <= text.length; at++) assert.deepEqual(read(text.slice(0, at), text.slice(at)), whole);
});

Deno.test("AnsiReader: what moves the cursor, sets the title or links elsewhere is left out", () => {
  assert.deepEqual(
    read("\x1b]0;title\x07a\x1b[2J\x1b[5;5Hb\x1b]8;;javascript:alert(1)\x07c\x1b]8;;\x07").texts,
    [
      "abc",
    ],
  );
});

Deno.test("AnsiReader: control and reordering characters are shown as escapes, and a backspace takes one away", () => {
  assert.deepEqual(read("a\x00b\u202ec\td\x9b31m\n").texts, ["a\\x00b\\u202ec\td\\x9b31m"]);
  assert.deepEqual(read("ab\b\bc\b\b\bd").texts, ["d"]);
  assert.deepEqual(read("x🙂\by").texts, ["xy"]);
});

Deno.test("AnsiReader: a line without an end is cut into lines that a browser can lay out", () => {
  const { texts } = read("é".repeat(25_000), "🙂".repeat(6000));
  assert.equal(texts.join(""), "é".repeat(25_000) + "🙂".repeat(6000));
  assert.ok(texts.every((text) => text.length <= 10_001 && text.isWellFormed()));
});

Deno.test("AnsiReader: no text of any command makes it fail, lose text or keep what it was given for ever", () => {
  const piece = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      "\x1b",
      "\x1b[",
      "\x1b]",
      "\x1b[31",
      "m",
      "\r",
      "\n",
      "\b",
      "\x1b[38;5",
      ";1m",
      "\x07",
      "plain",
    ),
  );
  fc.assert(fc.property(fc.array(piece), (chunks) => {
    const { texts } = read(...chunks, "\x1b[0m\nend");
    assert.equal(texts.at(-1)!.endsWith("end"), true);
  }));
  assert.deepEqual(read("\x1b]" + "x".repeat(5000), "\nshown").texts.at(-1), "shown");
});
