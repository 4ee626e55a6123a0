import assert from "node:assert/strict";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { assertRefused } from "./refusal.ts";

/** Fails unless each job is refused with what is said about it, and none of them is stored. */
async function assertJobsRefused(home: TemporaryHome, bad: [object, RegExp][]): Promise<void> {
  for (const [job, says] of bad) {
    const stdin = JSON.stringify(job);
    assertRefused(await home.call(["enqueue", "-"], { stdin }), 2, says);
  }
  assert.deepEqual(await home.json("list"), []);
}

Deno.test("bad input: JSON that doesn't parse is refused with the position of the fault", () =>
  TemporaryHome.use(async (home) => {
    const bad: [string, RegExp][] = [
      ['{"id": "a", command: "true"}', /not JSON.*position 13$/m],
      ['{"id": "a", "command": "true"', /not JSON.*position 30$/m],
      ['{"id": "a" "command": "true"}', /not JSON.*position 12$/m],
      ['{"command": "true",}', /not JSON.*position (19|20)$/m],
      ["{'command': 'true'}", /not JSON.*position 2$/m],
      ["{id:job1,command:echo}", /not JSON.*position 2$/m],
      ["echo hello", /not JSON.*position 1$/m],
      ['{\n  "id": "a",\n  "command": true false\n}', /not JSON.*line 3, column 19$/m],
      ['[{"command": "true"},\n {"command" "true"}]', /not JSON.*line 2, column 13$/m],
      ['{"command": "true"} {"command": "true"}', /not JSON.*position 21$/m],
    ];
    for (const [text, says] of bad) assertRefused(await home.call(["enqueue", text]), 2, says);
    assert.deepEqual(await home.json("list"), []);
  }));

Deno.test("bad input: JSON whose quotes a shell has eaten is told how to do without JSON", () =>
  TemporaryHome.use(async (home) => {
    const { stderr } = await home.call(["enqueue", "{id: job1, command: echo hello}"]);
    assert.match(stderr, /^Try: .*--command/m);
  }));

Deno.test("bad input: JSON that is no job is refused", () =>
  TemporaryHome.use(async (home) => {
    for (const text of ["5", '"echo"', "null", "true", "[5]", "[[]]"]) {
      assertRefused(await home.call(["enqueue", text]), 2, /A job is a JSON object/);
    }
  }));

Deno.test("bad input: no text at all is refused on the command line", () =>
  TemporaryHome.use(async (home) => {
    for (const text of ["", " "]) {
      assertRefused(await home.call(["enqueue", text]), 2, /no job|empty|not JSON/i);
    }
  }));

Deno.test("bad input: JSON that is nested without end is refused like any other", () =>
  TemporaryHome.use(async (home) => {
    const stdin = "[".repeat(200_000);
    assertRefused(await home.call(["enqueue", "-"], { stdin }), 2, /nested too deeply/);
    const deep = `{"command": ${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
    assertRefused(
      await home.call(["enqueue", "-"], { stdin: deep }),
      2,
      /"command" must be|nested too deeply/,
    );
  }));

Deno.test("bad input: an unknown key is refused, named, with the nearest one", () =>
  TemporaryHome.use(async (home) => {
    const keys: [string, string][] = [
      ["comand", "command"],
      ["max-retries", "max_retries"],
      ["maxRetries", "max_retries"],
      ["prio", "priority"],
      ["runat", "run_at"],
      ["ID", "id"],
    ];
    for (const [key, meant] of keys) {
      const result = await home.call(["enqueue", JSON.stringify({ command: "true", [key]: "x" })]);
      assertRefused(result, 2, new RegExp(`no key "${key}"`));
      assert.match(result.stderr, new RegExp(`^Try: .*\\b${meant}\\b`, "m"));
    }
    assertRefused(
      await home.call(["enqueue", '{"command": "true", "__proto__": {}}']),
      2,
      /no key "__proto__"/,
    );
    assertRefused(await home.call(["enqueue", '{"command": "true", "zzzzzz": 1}']), 2, /no key "zzzzzz"/);
    assert.deepEqual(await home.json("list"), []);
  }));

Deno.test("bad input: a missing command is refused, named", () =>
  TemporaryHome.use(async (home) => {
    await assertJobsRefused(home, [[{ id: "a" }, /"command" is missing/], [{}, /"command" is missing/]]);
  }));

Deno.test("bad input: a value of the wrong type is refused with the key, the rule and the value", () =>
  TemporaryHome.use(async (home) => {
    await assertJobsRefused(home, [
      [{ command: 5 }, /"command" must be .*not 5$/m],
      [{ command: null }, /"command" must be .*not null$/m],
      [{ command: ["echo", "a"] }, /"command" must be .*not \["echo","a"\]$/m],
      [{ command: "true", id: 7 }, /"id" must be .*not 7$/m],
      [{ command: "true", priority: true }, /"priority" must be a whole number from 0 to 10/],
      [{ command: "true", max_retries: "3" }, /"max_retries" must be a whole number.*not "3"$/m],
      [{ command: "true", timeout: "10" }, /"timeout" must be a number.*not "10"$/m],
      [{ command: "true", run_at: 1_900_000_000 }, /"run_at" must be a date in ISO 8601/],
      [{ command: "true", queue: {} }, /"queue" must be/],
      [{ command: "true", cwd: 1 }, /"cwd" must be/],
      [{ command: "true", env: "A=1" }, /"env" must be an object of strings/],
      [{ command: "true", env: { A: 1 } }, /"env" must be .*string/],
      [{ command: "true", backoff_base: "2" }, /"backoff_base" must be a number/],
    ]);
  }));

Deno.test("bad input: a number out of range is refused with the range", () =>
  TemporaryHome.use(async (home) => {
    await assertJobsRefused(home, [
      [{ command: "true", priority: 11 }, /"priority" must be a whole number from 0 to 10.*not 11$/m],
      [{ command: "true", priority: -1 }, /"priority" must be a whole number from 0 to 10/],
      [{ command: "true", priority: 1.5 }, /"priority" must be a whole number from 0 to 10/],
      [{ command: "true", priority: "urgent" }, /"priority" must be .*low, medium or high.*not "urgent"$/m],
      [{ command: "true", max_retries: 0 }, /"max_retries" must be .*from 1 to 1000, not 0$/m],
      [{ command: "true", max_retries: 1001 }, /"max_retries" must be .*from 1 to 1000/],
      [{ command: "true", max_retries: 1.5 }, /"max_retries" must be a whole number/],
      [{ command: "true", timeout: -1 }, /"timeout" must be a number from 0/],
      [{ command: "true", timeout_seconds: 1e12 }, /"timeout_seconds" must be a number from 0/],
      [{ command: "true", backoff_base: -2 }, /"backoff_base" must be a number from 0/],
    ]);
    assertRefused(
      await home.call(["enqueue", '{"command": "true", "timeout": 1e999}']),
      2,
      /"timeout" must be/,
    );
  }));

Deno.test("bad input: timeout and timeout_seconds together are refused", () =>
  TemporaryHome.use((home) =>
    assertJobsRefused(home, [[{ command: "true", timeout: 1, timeout_seconds: 2 }, /mean the same/]])
  ));

Deno.test("bad input: an id that is empty, blank, or longer than 200 characters is refused", () =>
  TemporaryHome.use(async (home) => {
    const rule = /"id" must be 1 to 200 characters without control characters/;
    await assertJobsRefused(home, [
      [{ command: "true", id: "" }, rule],
      [{ command: "true", id: "   " }, rule],
      [{ command: "true", id: "a".repeat(201) }, rule],
      [{ command: "true", id: "a".repeat(300) }, rule],
      [{ command: "true", id: "\ud800" }, rule],
    ]);
    assertRefused(await home.call(["enqueue", "--command", "true", "--id", "a".repeat(300)]), 2, rule);
  }));

Deno.test("bad input: a command that is empty or blank is refused", () =>
  TemporaryHome.use(async (home) => {
    const rule = /"command" must be a string that is not empty/;
    await assertJobsRefused(home, [[{ command: "" }, rule], [{ command: " \n\t" }, rule]]);
    assertRefused(await home.call(["enqueue", "--command", ""]), 2, rule);
    assertRefused(await home.call(["enqueue", "--", ""]), 2, rule);
    assertRefused(await home.call(["enqueue", "--"]), 2, /no job|empty/);
  }));

Deno.test("bad input: a NUL byte is refused in command, directory and variables when it is enqueued", () =>
  TemporaryHome.use((home) =>
    assertJobsRefused(home, [
      [{ command: "echo a\0b" }, /"command" must be .*NUL/],
      [{ command: "true", cwd: "/tmp\0" }, /"cwd" must be .*NUL/],
      [{ command: "true", env: { A: "a\0b" } }, /"env" must be .*NUL/],
    ])
  ));

Deno.test("bad input: a command that is too long to be kept is refused with the limit", () =>
  TemporaryHome.use(async (home) => {
    const stdin = JSON.stringify({ command: `: ${"x".repeat(16 * 1024 * 1024)}` });
    const result = await home.call(["enqueue", "-"], { stdin });
    assertRefused(result, 2, /"command" must be at most \d+ characters/);
    assert.ok(result.stderr.length < 500, "the error repeats the command");
  }));

Deno.test("bad input: a run_at that is no date is refused", () =>
  TemporaryHome.use(async (home) => {
    const dates = [
      ...["tomorrow", "", "2030", "2030-13-01", "2030-02-30", "2030-01-31T25:00", "2030-01-31T09:61:00Z"],
      ...["31.01.2030", "2030-01-31T09:00:00+99:00", "1900000000", "2030-01-31Z"],
    ];
    const rule = /"run_at" must be a date in ISO 8601, such as 2030-01-31T09:00:00Z/;
    await assertJobsRefused(home, dates.map((run_at) => [{ command: "true", run_at }, rule]));
  }));

Deno.test("bad input: a duplicate id is a conflict, and the first job stays as it is", () =>
  TemporaryHome.use(async (home) => {
    await home.run("enqueue", '{"id": "a", "command": "echo first"}');
    assertRefused(await home.call(["enqueue", '{"id": "a", "command": "echo second"}']), 4, /a: .*exists/);
    assertRefused(await home.call(["enqueue", "--id", "a", "--", "true"]), 4, /a: .*exists/);
    const [job, ...rest] = await home.json("list");
    assert.deepEqual([job.command, rest], ["echo first", []]);
  }));

Deno.test("bad input: a duplicate id in a bulk names its place and stores nothing", () =>
  TemporaryHome.use(async (home) => {
    await home.run("enqueue", '{"id": "a", "command": "true"}');
    const lines = '{"id": "b", "command": "true"}\n\n{"id": "a", "command": "true"}\n';
    assertRefused(await home.call(["enqueue", "-"], { stdin: lines }), 4, /Line 3: .*a/);
    const twice = '[{"id": "c", "command": "true"}, {"id": "c", "command": "true"}]';
    assertRefused(await home.call(["enqueue", twice]), 4, /Job 2 of the array: .*c/);
    assert.equal((await home.json("list")).length, 1);
    assert.match(await home.run("status"), /^Total: 1$/m);
  }));

Deno.test("bad input: one bad line among 10,000 is named and nothing is stored", () =>
  TemporaryHome.use(async (home) => {
    const bad: [string, number, RegExp][] = [
      ['{"id": "x", "command": }', 2, /Line 7001: .*not JSON.*position 24/],
      ['{"id": "x"}', 2, /Line 7001: .*"command" is missing/],
      ['{"id": "x", "command": "true", "prio": 1}', 2, /Line 7001: .*no key "prio"/],
      ['{"id": "x", "command": "true", "max_retries": 0}', 2, /Line 7001: .*"max_retries" must be/],
      ["17", 2, /Line 7001: .*JSON object, not 17/],
      ['{"id": "job12", "command": "true"}', 4, /Line 7001: .*job12.*exists/],
    ];
    for (const [line, status, says] of bad) {
      const lines = Array.from({ length: 10_000 }, (_, n) => `{"id": "job${n}", "command": "true"}`);
      lines[7000] = line;
      await Deno.writeTextFile(`${home.dir}/jobs.ndjson`, lines.join("\n"));
      assertRefused(await home.call(["enqueue", "--file", "jobs.ndjson"]), status, says);
    }
    assert.match(await home.run("status"), /^Total: 0$/m);
  }));

Deno.test("bad input: a bad job in an array is named by its place", () =>
  TemporaryHome.use(async (home) => {
    const jobs = '[{"command": "true"}, {"command": "true", "priority": 99}]';
    assertRefused(await home.call(["enqueue", jobs]), 2, /Job 2 of the array: "priority" must be/);
    assert.deepEqual(await home.json("list"), []);
  }));

Deno.test("bad input: text that isn't UTF-8 is refused rather than changed", () =>
  TemporaryHome.use(async (home) => {
    const latin1 = [...new TextEncoder().encode('{"id": "a", "command": "echo caf'), 0xe9, 0x22, 0x7d];
    await Deno.writeFile(`${home.dir}/latin1.json`, new Uint8Array(latin1));
    assertRefused(await home.call(["enqueue", "--file", "latin1.json"]), 2, /UTF-8/);
    assert.deepEqual(await home.json("list"), []);
  }));

Deno.test("bad input: an unknown job exits with 3 and tells how to find jobs", () =>
  TemporaryHome.use(async (home) => {
    const commands = [
      ...["get nope", "status nope", "logs nope", "output get nope", "history nope", "retry nope"],
      ...["cancel nope", "dlq show nope", "dlq retry nope"],
    ];
    for (const command of commands) {
      const result = await home.call(command.split(" "));
      assertRefused(result, 3, /There is no job nope/);
      assert.match(result.stderr, /^Try: queuectl list$/m);
    }
  }));

Deno.test("bad input: a cure can be pasted into a shell, whatever the id", () =>
  TemporaryHome.use(async (home) => {
    const id = "it's my job";
    await home.enqueue({ id, command: "true" });
    for (const command of ["retry", "dlq retry", "dlq show"]) {
      const { code, stderr } = await home.call([...command.split(" "), id]);
      assert.equal(code, 4);
      const cure = /^Try: queuectl (.*)$/m.exec(stderr)?.[1];
      const { stdout } = await new Deno.Command("/bin/sh", {
        args: ["-c", `printf '%s\\n' ${cure}`],
      }).output();
      assert.equal(new TextDecoder().decode(stdout), `status\n${id}\n`, `${command}: ${stderr}`);
    }
  }));
