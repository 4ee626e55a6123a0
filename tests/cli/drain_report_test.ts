import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { DrainedJob } from "../../src/cli/drain_record.ts";
import type { DrainReport, ShownOutput } from "../../src/cli/reports/drain_report.ts";
import { errorAnnotation, groupOf } from "../../src/cli/reports/github.ts";
import { junitDocument, xmlText } from "../../src/cli/reports/junit.ts";
import { summaryJson, summaryMarkdown } from "../../src/cli/reports/summary.ts";

const T0 = Date.UTC(2030, 0, 31, 9);
const SCHEMA = fileURLToPath(new URL("./junit.xsd", import.meta.url));
const SILENT = () => ({ stdout: "", stderr: "" });

/** Every character that a command can print: control characters, markup, half a surrogate pair, an emoji. */
const NASTY = `${
  String.fromCharCode(...Array.from({ length: 256 }, (_, code) => code))
}]]>&amp;\ud800\uffff\u202e🙂`;

function job(id: string, changes: Partial<DrainedJob> = {}): DrainedJob {
  return {
    ...{ id, seq: 1, queue: "default", state: "completed", attempts: 1, maxRetries: 3, durationMs: 1500 },
    ...{ finishedAt: T0, lastError: null, attemptId: 1, ...changes },
  };
}

function dead(id: string, lastError: string, changes: Partial<DrainedJob> = {}): DrainedJob {
  return job(id, { state: "dead", lastError, attempts: 3, ...changes });
}

function report(jobs: readonly DrainedJob[], changes: Partial<DrainReport> = {}): DrainReport {
  return {
    ...{ outcome: "drained", exitStatus: 0, startedAt: T0, finishedAt: T0 + 2500, jobs },
    ...{ retries: 0, left: 0, scheduledLater: 0, ...changes },
  };
}

function junit(jobs: readonly DrainedJob[], outputOf: () => ShownOutput = SILENT): string {
  return [...junitDocument(report(jobs), outputOf)].join("");
}

/** Whether `xmllint` finds a document valid; null, said in a word, where this system doesn't have it. */
async function isValid(document: string): Promise<boolean | null> {
  const path = await Deno.makeTempFile({ suffix: ".xml" });
  try {
    await Deno.writeTextFile(path, document);
    const args = ["--noout", "--nonet", "--schema", SCHEMA, path];
    return (await new Deno.Command("xmllint", { args }).output()).success;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    Deno.stderr.writeSync(new TextEncoder().encode("no xmllint here: the schema was not looked at\n"));
    return null;
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("junitDocument: a suite a queue, a case a job, with sums and times", async () => {
  const jobs = [
    job("a"),
    dead("b", "exited with 4: sorry", { queue: "mail" }),
    job("c", { state: "cancelled", attemptId: null, durationMs: 0 }),
  ];
  const document = junit(jobs, () => ({ stdout: "out\n", stderr: "err" }));
  const lines = document.split("\n").map((line) => line.trim());
  for (
    const line of [
      '<testsuites name="queuectl" tests="3" failures="1" errors="0" time="2.500">',
      '<testsuite name="default" tests="2" failures="0" errors="0" skipped="1" time="1.500" timestamp="2030-01-31T09:00:00">',
      '<testcase name="a" classname="default" time="1.500">',
      '<testsuite name="mail" tests="1" failures="1" errors="0" skipped="0" time="1.500" timestamp="2030-01-31T09:00:00">',
      '<failure message="exited with 4: sorry" type="dead">exited with 4: sorry, after 3 of 3 attempts</failure>',
      '<skipped message="cancelled"/>',
      "<system-err>err</system-err>",
    ]
  ) assert.ok(lines.includes(line), `${line} is not in\n${document}`);
  assert.notEqual(await isValid(document), false);
});

Deno.test("junitDocument: is valid whatever a job printed and however it is called", async () => {
  const name = NASTY.replaceAll("\0", "");
  const document = junit(
    [dead(name, NASTY, { queue: name }), job("<&\"'>")],
    () => ({ stdout: NASTY, stderr: NASTY }),
  );
  const illegal = [...document].filter((character) => character < " " && !"\t\n\r".includes(character));
  assert.deepEqual(illegal, []);
  assert.ok(document.isWellFormed());
  assert.notEqual(await isValid(document), false);
  assert.notEqual(await isValid(junit([])), false);
});

Deno.test("junitDocument: the schema refuses what is no such report", async () => {
  const broken = junit([job("a")]).replace(' time="1.500"', ' time="soon"');
  assert.notEqual(await isValid(broken), true);
  assert.notEqual(await isValid(junit([job("a")]).replace("testcase", "case")), true);
});

Deno.test("xmlText: keeps text, takes colours away, and replaces what XML can't hold", () => {
  assert.equal(xmlText('a <b> & "c"\n\t'), "a &lt;b&gt; &amp; &quot;c&quot;\n\t");
  assert.equal(xmlText("\x1b[1;31mred\x1b[0m"), "red");
  assert.equal(xmlText("\x00\x07\x1b]0;t\x07\ud800x\ufffe"), "\ufffd\ufffd\ufffd]0;t\ufffd\ufffdx\ufffd");
  assert.equal(xmlText("line\r\n"), "line&#13;\n");
});

Deno.test("summaryJson: the sums, and each job that failed", () => {
  const jobs = [job("a"), dead("b", "exited with 1"), job("c", { state: "cancelled" })];
  const { failed_jobs, ...sums } = summaryJson(
    report(jobs, { outcome: "stopped", exitStatus: 1, retries: 2, left: 3, scheduledLater: 4 }),
  );
  assert.deepEqual(sums, {
    ...{ outcome: "stopped", exit_status: 1, duration_seconds: 2.5, jobs: 3, completed: 1, dead: 1 },
    ...{ started_at: "2030-01-31T09:00:00.000Z", finished_at: "2030-01-31T09:00:02.500Z" },
    ...{ cancelled: 1, retries: 2, left: 3, scheduled_later: 4 },
  });
  assert.deepEqual((failed_jobs as { id: string }[]).map(({ id }) => id), ["b", "c"]);
});

Deno.test("summaryMarkdown: a table of sums, the dead with their output, the slowest", () => {
  const jobs = [
    job("quick", { durationMs: 5 }),
    dead("b", "exited with 1"),
    job("slow", { durationMs: 60_000 }),
  ];
  const text = summaryMarkdown(
    report(jobs, { exitStatus: 1 }),
    () => ({ stdout: "some output\n", stderr: "" }),
  );
  assert.match(text, /^### ❌ Drained 3 job\(s\) in 2\.5s$/m);
  assert.match(text, /^\| 2 \| 1 \| 0 \| 0 \| 0 \| 0 \|$/m);
  assert.match(text, /^\| b \| default \| 3\/3 \| 1\.5s \| exited with 1 \|$/m);
  assert.match(
    text,
    /^<details><summary>Output of b<\/summary>\n\n```text\nsome output\n```\n\n<\/details>$/m,
  );
  const unended = summaryMarkdown(report(jobs), () => ({ stdout: "no newline", stderr: "boom" }));
  assert.match(unended, /^no newline\nboom$/m);
  assert.ok(text.indexOf("| slow |") < text.indexOf("| quick |"));
  assert.match(summaryMarkdown(report([job("a")]), SILENT), /^### ✅ Drained 1 job/);
});

Deno.test("summaryMarkdown: text from outside is shown and not obeyed", () => {
  const evil = "x | <img src=x> `code` [link](http://e) *b* #1 @you \\ ~~s~~\n\n# Title";
  const output = "````\n</details>\n# Title\n```";
  const text = summaryMarkdown(report([dead(evil, evil)]), () => ({ stdout: output, stderr: "" }));
  const row = text.split("\n").find((line) => line.startsWith("| x "))!;
  assert.equal(row.split(/(?<!\\)\|/).length, 7, "no cell more than there are columns");
  assert.ok(!/[<>`*[\]~@]/.test(row), row);
  assert.equal(
    row.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(code)).split(" | default")[0],
    `| ${evil.replaceAll("\n", " ")}`,
  );
  assert.ok(text.includes(`\n\`\`\`\`\`text\n${output}\n\`\`\`\`\`\n`), text);
});

Deno.test("groupOf: what a job printed can't give commands to the runner", () => {
  const output = {
    stdout: "::error::fake\n ::set-output name=a::b\n##[error]red\n\x1b[2Jx",
    stderr: "::endgroup::",
  };
  const lines = groupOf("✓ a: 100%\r\n::warning::x", output, "token-1");
  assert.deepEqual(lines, [
    "::group::✓ a: 100%25\\r\\n::warning::x",
    "::stop-commands::token-1",
    ...["::error::fake", " ::set-output name=a::b", "## [error]red", "\\x1b[2Jx"],
    ...["--- stderr ---", "::endgroup::"],
    "::token-1::",
    "::endgroup::",
  ]);
  assert.deepEqual(groupOf("t", { stdout: "", stderr: "" }, "x"), ["::group::t", "::endgroup::"]);
  assert.ok(lines.every((line) => !line.includes("\n") && !line.includes("\r")));
});

Deno.test("errorAnnotation: is one line, with what the runner would misread escaped", () => {
  assert.equal(
    errorAnnotation("Job a,b:c died", "50% of\nlines: all, and more"),
    "::error title=Job a%2Cb%3Ac died::50%25 of\\nlines: all, and more",
  );
});
