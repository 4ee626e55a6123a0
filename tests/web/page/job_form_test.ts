import assert from "node:assert/strict";
import { checkJobInput } from "../../../src/core/job_input.ts";
import { QueueError } from "../../../src/core/errors.ts";
import { commandLineFor, EMPTY_FORM, fieldOf, jobFromForm } from "../../../src/web/page/browser/job_form.js";

const NOW = Date.parse("2026-11-22T12:00:00Z");

Deno.test("jobFromForm: only what was filled in is sent, numbers as numbers", () => {
  assert.deepEqual(jobFromForm({ ...EMPTY_FORM, command: "true" }, NOW), { command: "true" });
  const form = {
    ...EMPTY_FORM,
    ...{ command: "make", id: "a b", queue: "q", cwd: "/x", env: "A=1\n\nB=x=y\r\nC=", priority: " 5 " },
    ...{ timeout: "1.5", max_retries: "high", backoff_base: "0" },
  };
  assert.deepEqual(jobFromForm(form, NOW), {
    ...{ command: "make", id: "a b", queue: "q", cwd: "/x", env: { A: "1", B: "x=y", C: "" }, priority: 5 },
    ...{ timeout: 1.5, max_retries: "high", backoff_base: 0 },
  });
  // What is no NAME=value is the server's to refuse.
  assert.equal(jobFromForm({ ...form, env: "A=1\nFOO" }, NOW).env, "A=1\nFOO");
});

Deno.test("jobFromForm: a delay and a time become run_at; what is neither is left to the server to refuse", () => {
  const runAt = (change: object) => jobFromForm({ ...EMPTY_FORM, command: "true", ...change }, NOW).run_at;
  assert.equal(runAt({ when: "delay", delay: "2", delayUnit: "3600" }), "2026-11-22T14:00:00.000Z");
  assert.equal(
    runAt({ when: "at", at: "2030-01-31T09:00:00" }),
    new Date("2030-01-31T09:00:00").toISOString(),
  );
  assert.equal(runAt({ when: "delay", delay: "soon" }), "soon");
  assert.equal(runAt({ when: "at", at: "" }), "");
});

Deno.test("fieldOf: every refusal of a key is about its field, and a taken id about the id", () => {
  const bad: [string, unknown, string][] = [
    ["id", "", "id"],
    ["command", "", "command"],
    ["priority", 11, "priority"],
    ["max_retries", 0, "max_retries"],
    ["timeout", -1, "timeout"],
    ["run_at", "soon", "at"],
    ["queue", " ", "queue"],
    ["cwd", "", "cwd"],
    ["env", { "1": "x" }, "env"],
    ["env", "FOO", "env"],
    ["backoff_base", "x", "backoff_base"],
  ];
  for (const [key, value, field] of bad) {
    try {
      checkJobInput({ command: "true", [key]: value });
      assert.fail(`${key} was accepted`);
    } catch (error) {
      assert.ok(error instanceof QueueError, String(error));
      assert.equal(fieldOf(error.code, error.message), field, error.message);
    }
  }
  assert.equal(fieldOf("bad_input", 'The key "command" is missing'), "command");
  assert.equal(fieldOf("conflict", "Cannot enqueue x: a job with this id exists"), "id");
  assert.equal(fieldOf("store", "Cannot use the store"), null);
});

Deno.test("commandLineFor: a shell that is given it calls queuectl with the same job", async () => {
  const job = { command: `printf '%s\\n' "it's $HOME"\n`, env: { A: "`b`" } };
  const script = `queuectl() { printf '%s' "$2"; }; ${commandLineFor(job)}`;
  const { stdout } = await new Deno.Command("/bin/sh", { args: ["-c", script] }).output();
  assert.deepEqual(JSON.parse(new TextDecoder().decode(stdout)), job);
});
