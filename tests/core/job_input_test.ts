import assert from "node:assert/strict";
import { readConfig } from "../../src/core/config.ts";
import type { QueueError } from "../../src/core/errors.ts";
import { checkJobInput, JOB_KEYS, type JobInput, newJobFrom } from "../../src/core/job_input.ts";

const NOW = Date.UTC(2030, 0, 1);

/** Values of each key that are fine, and values that aren't with words that the message must have. */
const CASES: Record<string, { good: readonly unknown[]; bad: readonly unknown[]; says: RegExp }> = {
  id: {
    good: ["a", "Job 1", "x".repeat(200), "🦀".repeat(200), "../../etc", "%_\\'", "ä", "-"],
    bad: [
      ...["", "   ", "x".repeat(201), "a\nb", "a\u0000", "a\u001b[31m", "a\u007f", "a\u0085", "a\u2028b"],
      ...["a\u202eb", "a\u2066", "\ud800", 1, null, true, {}, ["a"]],
    ],
    says: /1 to 200 characters without control characters/,
  },
  command: {
    good: ["true", " x ", "a\nb\t'\"\\$(c)", "🦀", "x".repeat(200_000)],
    bad: ["", "  \n", "a\0b", "\ud800", 1, null, ["ls", "-l"], {}],
    says: /command|NUL/,
  },
  priority: {
    good: [0, 5, 10, "low", "medium", "high", "HIGH"],
    bad: [-1, 11, 1.5, "urgent", "5", "", null, true, [5], "constructor"],
    says: /a whole number from 0 to 10, or low, medium or high/,
  },
  max_retries: {
    good: [1, 1000],
    bad: [0, 1001, 1.5, -1, "3", null, true],
    says: /whole number from 1 to 1000/,
  },
  timeout: {
    good: [0, 0.5, 31_536_000],
    bad: [-1, 31_536_001, "5", null],
    says: /number from 0 to 31536000/,
  },
  timeout_seconds: { good: [0, 1.5], bad: [-1, 31_536_001, "5s"], says: /number from 0 to 31536000/ },
  run_at: {
    good: ["2030-01-31T09:00:00Z", "2030-01-31", "2030-01-31 09:00"],
    bad: ["tomorrow", "2030-02-30", "", 1_900_000_000, null],
    says: /a date in ISO 8601/,
  },
  queue: { good: ["default", "x".repeat(200)], bad: ["", " ", "a\nb", 1, null], says: /1 to 200 characters/ },
  cwd: { good: ["/", ".", "a b"], bad: ["", "a\0", 1, null], says: /path of a directory/ },
  env: {
    good: [{}, { A: "1" }, { _a1: "" }, { PATH: "/bin\nx" }],
    bad: [
      ...[{ A: 1 }, { A: null }, { "1A": "x" }, { "A-B": "x" }, { "": "x" }, { A: "a\0" }, { A: "\ud800" }],
      ...[{ QUEUECTL_HOME: "x" }, "A=1", null, 5],
    ],
    says: /an object of strings|without NUL/,
  },
  backoff_base: { good: [0, 1.5, 1000], bad: [-1, 1001, "2", null], says: /number from 0 to 1000/ },
};

Deno.test("checkJobInput: the cases here are all of its keys", () => {
  assert.deepEqual(Object.keys(CASES), JOB_KEYS);
});

for (const [key, { good, bad, says }] of Object.entries(CASES)) {
  Deno.test(`checkJobInput: good values of ${key} are taken as they are`, () => {
    for (const value of good) {
      const input = { command: "true", [key]: value };
      assert.deepEqual(checkJobInput(input), input, JSON.stringify(value));
    }
  });

  Deno.test(`checkJobInput: bad values of ${key} are refused by a rule that names it`, () => {
    for (const value of bad) {
      const shown = JSON.stringify(value);
      assert.throws(
        () => checkJobInput({ command: "true", [key]: value }, "Line 9: "),
        (error: QueueError) => {
          assert.equal(error.code, "bad_input", shown);
          assert.ok(error.message.startsWith(`Line 9: "${key}" must be `), error.message);
          assert.match(error.message, says);
          assert.ok(error.message.length < 300, "the message shows all of a long value");
          return true;
        },
        shown,
      );
    }
  });
}

Deno.test("checkJobInput: values of env are checked whatever the variable is called", () => {
  for (const name of ["constructor", "prototype", "toString", "__proto__"]) {
    const input = JSON.parse(`{"command": "true", "env": {"${name}": 5}}`);
    assert.throws(() => checkJobInput(input), /"env" must be/, name);
  }
});

Deno.test("checkJobInput: an env that is a list is refused", () => {
  for (const env of [[], ["A=1"]]) {
    assert.throws(() => checkJobInput({ command: "true", env }), /"env" must be/, JSON.stringify(env));
  }
});

Deno.test("checkJobInput: a missing command is told, with an example", () => {
  assert.throws(() => checkJobInput({ id: "a" }), (error: QueueError) => {
    assert.equal(error.message, `The key "command" is missing`);
    assert.match(error.hint!, /queuectl enqueue/);
    return true;
  });
});

Deno.test("checkJobInput: an unknown key is refused and can be suggested for", () => {
  for (const key of ["comand", "Command", "state", "constructor", "attempts"]) {
    assert.throws(() => checkJobInput({ command: "true", [key]: 1 }, "Line 2: "), (error: QueueError) => {
      assert.equal(error.code, "bad_input");
      assert.equal(error.message, `Line 2: A job has no key "${key}"`);
      assert.equal(error.mistyped?.typed, key);
      assert.deepEqual(error.mistyped?.known, JOB_KEYS);
      return true;
    });
  }
  assert.throws(
    () => checkJobInput(JSON.parse('{"command": "true", "__proto__": {}}')),
    /no key "__proto__"/,
  );
});

Deno.test("checkJobInput: what is no object is refused and shown", () => {
  const shown: [unknown, string][] = [[null, "null"], [5, "5"], ["ls", '"ls"'], [[], "[]"], [true, "true"]];
  for (const [value, text] of shown) {
    assert.throws(() => checkJobInput(value), (error: QueueError) => {
      assert.equal(error.message, `A job is a JSON object, not ${text}`);
      return true;
    });
  }
});

Deno.test("checkJobInput: timeout and timeout_seconds together are refused", () => {
  const input = { command: "true", timeout: 1, timeout_seconds: 1 };
  assert.throws(() => checkJobInput(input), /mean the same/);
});

Deno.test("checkJobInput: keys that are there but undefined are as if absent", () => {
  const input = { command: "true", id: undefined, timeout: undefined, timeout_seconds: 5 };
  assert.equal(checkJobInput(input), input);
});

function jobFrom(input: JobInput, settings: [string, string][] = []) {
  return newJobFrom(input, {
    config: readConfig(new Map(settings)),
    cwd: "/home/me",
    now: NOW,
    newId: () => "made-up",
  });
}

Deno.test("newJobFrom: what wasn't given is filled in", () => {
  assert.deepEqual(jobFrom({ command: "true" }), {
    ...{ id: "made-up", command: "true", queue: "default", priority: 0, maxRetries: 3 },
    ...{ timeoutMs: 3_600_000, backoffBase: 2, cwd: "/home/me", env: {}, runAt: NOW },
  });
});

Deno.test("newJobFrom: the configuration fills in before its defaults", () => {
  const job = jobFrom({ command: "true" }, [
    ["max_retries", "9"],
    ["job_timeout_seconds", "1.5"],
    ["backoff_base", "3"],
  ]);
  assert.deepEqual([job.maxRetries, job.timeoutMs, job.backoffBase], [9, 1500, 3]);
});

Deno.test("newJobFrom: everything given counts, in the program's units", () => {
  const input: JobInput = {
    ...{ id: "a", command: "ls", priority: 7, max_retries: 1, timeout: 2.5, queue: "q", cwd: "/tmp" },
    ...{ run_at: "2031-01-01T00:00:00Z", env: { A: "1" }, backoff_base: 0 },
  };
  assert.deepEqual(jobFrom(input), {
    ...{ id: "a", command: "ls", queue: "q", priority: 7, maxRetries: 1, timeoutMs: 2500, backoffBase: 0 },
    ...{ cwd: "/tmp", env: { A: "1" }, runAt: Date.UTC(2031, 0, 1) },
  });
  assert.equal(jobFrom({ command: "ls", timeout_seconds: 3 }).timeoutMs, 3000);
  assert.equal(jobFrom({ command: "ls", timeout: 0 }).timeoutMs, 0);
});

Deno.test("newJobFrom: words for priorities are numbers", () => {
  const numbers = ["low", "Medium", "HIGH"].map((priority) => jobFrom({ command: "ls", priority }).priority);
  assert.deepEqual(numbers, [0, 5, 10]);
});

Deno.test("newJobFrom: a timeout too short for a ms doesn't become none at all", () => {
  assert.notEqual(jobFrom({ command: "ls", timeout: 0.0004 }).timeoutMs, 0);
});
