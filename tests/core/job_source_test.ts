import assert from "node:assert/strict";
import type { QueueError } from "../../src/core/errors.ts";
import { parseJobs } from "../../src/core/job_source.ts";

async function commandsOf(text: string): Promise<string[]> {
  return (await parseJobs(text)).map(({ input }) => input.command);
}

/** Asserts that `text` is refused with this message. */
async function refused(text: string, message: string | RegExp): Promise<void> {
  await assert.rejects(parseJobs(text), (error: QueueError) => {
    assert.equal(error.code, "bad_input");
    if (typeof message === "string") assert.equal(error.message, message);
    else assert.match(error.message, message);
    return true;
  });
}

Deno.test("parseJobs: one object, on one line or many", async () => {
  const input = { command: "ls", id: "a" };
  for (
    const text of [JSON.stringify(input), JSON.stringify(input, null, 2), `\n ${JSON.stringify(input)}\n\n`]
  ) {
    assert.deepEqual(await parseJobs(text), [{ input, where: "" }]);
  }
});

Deno.test("parseJobs: an array, with each job's number as its place", async () => {
  const text = JSON.stringify([{ command: "a" }, { command: "b" }], null, 2);
  assert.deepEqual(await parseJobs(text), [
    { input: { command: "a" }, where: "Job 1 of the array: " },
    { input: { command: "b" }, where: "Job 2 of the array: " },
  ]);
  assert.deepEqual(await parseJobs("[]"), []);
});

Deno.test("parseJobs: one object a line, with each line as its place", async () => {
  assert.deepEqual(await parseJobs('{"command": "a"}\n{"command": "b"}\n'), [
    { input: { command: "a" }, where: "Line 1: " },
    { input: { command: "b" }, where: "Line 2: " },
  ]);
});

Deno.test("parseJobs: blank lines don't count as jobs but as lines, and CRLF is fine", async () => {
  const placed = await parseJobs('\r\n{"command": "a"}\r\n   \r\n\r\n{"command": "b"}');
  assert.deepEqual(placed.map(({ input, where }) => [input.command, where]), [
    ["a", "Line 2: "],
    ["b", "Line 5: "],
  ]);
});

Deno.test("parseJobs: nothing but blanks is no job", async () => {
  for (const text of ["", "\n", " \t\r\n ", "\ufeff", "\ufeff\n"]) {
    assert.deepEqual(await parseJobs(text), []);
  }
});

Deno.test("parseJobs: a byte order mark at the start is skipped", async () => {
  assert.deepEqual(await commandsOf('\ufeff{"command": "a"}'), ["a"]);
  assert.deepEqual(await commandsOf('\ufeff[{"command": "a"}]'), ["a"]);
  assert.deepEqual(await commandsOf('\ufeff{"command": "a"}\n{"command": "b"}'), ["a", "b"]);
});

Deno.test("parseJobs: a command keeps its newlines, quotes and line separators", async () => {
  const command = `a\nb "c" 'd' \u2028 \\ 🦀`;
  assert.deepEqual(await commandsOf(JSON.stringify({ command })), [command]);
  const lines = `${JSON.stringify({ command })}\n${JSON.stringify({ command: "x" })}`;
  assert.deepEqual(await commandsOf(lines), [command, "x"]);
});

Deno.test("parseJobs: the position of a fault on a single line", async () => {
  await refused("{'command': 'ls'}", /^This is not JSON: .* at position 2$/);
  await refused('{"command": "ls"', /^This is not JSON: .* at position 17$/);
  await refused('{"command": "ls",}', /^This is not JSON: .* at position 18$/);
  await refused("echo hello", /^This is not JSON: .* at position 1$/);
});

Deno.test("parseJobs: line and column of a fault in a document of many lines", async () => {
  await refused('{\n  "command": "ls"\n  "id": "a"\n}', /^This is not JSON: .* at line 3, column 3$/);
  await refused('[\n  {"command": "a"},\n  {"command": b}\n]', /^This is not JSON: .* at line 3, column 15$/);
});

Deno.test("parseJobs: a comment and two values in a row are no JSON", async () => {
  await refused('{"command": "ls"} // comment', /^This is not JSON: /);
  await refused(
    '{"command": "a"} {"command": "b"}',
    /^This is not JSON: end of file expected at position 18$/,
  );
});

Deno.test("parseJobs: a cure is offered for JSON that a shell has changed", async () => {
  await assert.rejects(parseJobs("{command: ls}"), (error: QueueError) => {
    assert.match(error.hint!, /--command/);
    return true;
  });
});

Deno.test("parseJobs: the bad one of 10,000 lines is named, with the place of its fault", async () => {
  const lines = Array.from({ length: 10_000 }, (_, index) => `{"command": "echo ${index}"}`);
  assert.equal((await parseJobs(lines.join("\n"))).length, 10_000);
  await refused(
    lines.with(7654, '{"command": "x",}').join("\n"),
    /^Line 7655: This is not JSON: .* at position 17$/,
  );
  await refused(
    lines.with(9999, '{"comand": "x"}').join("\n"),
    'Line 10000: A job has no key "comand"',
  );
  await refused(lines.with(0, "5").join("\n"), "Line 1: A job is a JSON object, not 5");
});

Deno.test("parseJobs: the first bad line is the one that is named", async () => {
  await refused('{"command": "a"}\n{"x": 1}\nnot json', 'Line 2: A job has no key "x"');
});

Deno.test("parseJobs: the bad job of an array is named by its number", async () => {
  await refused('[{"command": "a"}, {"command": ""}]', /^Job 2 of the array: "command" must be /);
  await refused('[{"command": "a"}, 5]', "Job 2 of the array: A job is a JSON object, not 5");
});

Deno.test("parseJobs: a JSON value that is no job is shown", async () => {
  await refused('"ls"', 'A job is a JSON object, not "ls"');
  await refused("null", "A job is a JSON object, not null");
});

Deno.test("parseJobs: a raw control character in a string is a fault with a place", async () => {
  await refused('{"command": "a\u0001b"}', /^This is not JSON: .* at position 1[3-6]$/);
});
