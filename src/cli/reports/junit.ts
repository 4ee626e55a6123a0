/**
 * A report in JUnit's XML, as CI systems read it: a suite a queue, a case a job.
 *
 * The order of elements and attributes is that of the schema that Jenkins publishes, which GitLab, Azure and
 * others read as well.
 */

import { withoutColours } from "../../core/printable.ts";
import type { DrainedJob } from "../drain_record.ts";
import type { DrainReport, OutputOf, ShownOutput } from "./drain_report.ts";

/** What XML 1.0 can't hold, in any form: most control characters, lone surrogates, two noncharacters. */
const ILLEGAL = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

/** The document, a piece at a time: what all jobs printed may be more than fits into memory. */
export function* junitDocument(report: DrainReport, outputOf: OutputOf): Generator<string> {
  const { jobs, startedAt, finishedAt } = report;
  yield '<?xml version="1.0" encoding="UTF-8"?>\n';
  yield `<testsuites name="queuectl"${sums(jobs)} time="${seconds(finishedAt - startedAt)}">\n`;
  for (const [queue, ofQueue] of Map.groupBy(jobs, (job) => job.queue)) {
    const timestamp = new Date(startedAt).toISOString().slice(0, 19);
    const skipped = ofQueue.filter((job) => job.state === "cancelled").length;
    const time = seconds(ofQueue.reduce((sum, job) => sum + job.durationMs, 0));
    yield `  <testsuite name=${quoted(queue)}${sums(ofQueue)} skipped="${skipped}" time="${time}"`;
    yield ` timestamp="${timestamp}">\n`;
    for (const job of ofQueue) yield testCase(job, outputOf(job));
    yield "  </testsuite>\n";
  }
  yield "</testsuites>\n";
}

/** `text` as the content of an element or a quoted attribute; what XML can't hold becomes U+FFFD. */
export function xmlText(text: string): string {
  const named: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "\r": "&#13;",
  };
  return withoutColours(text).replace(ILLEGAL, "\ufffd").replace(
    /[&<>"\r]/g,
    (character) => named[character]!,
  );
}

function testCase(job: DrainedJob, { stdout, stderr }: ShownOutput): string {
  const head = `    <testcase name=${quoted(job.id)} classname=${quoted(job.queue)} time="${
    seconds(job.durationMs)
  }"`;
  const parts = [
    job.state === "cancelled" ? '      <skipped message="cancelled"/>\n' : "",
    job.state === "dead" ? failure(job) : "",
    stdout === "" ? "" : `      <system-out>${xmlText(stdout)}</system-out>\n`,
    stderr === "" ? "" : `      <system-err>${xmlText(stderr)}</system-err>\n`,
  ].join("");
  return parts === "" ? `${head}/>\n` : `${head}>\n${parts}    </testcase>\n`;
}

function failure(job: DrainedJob): string {
  const error = job.lastError ?? "";
  const after = `after ${job.attempts} of ${job.maxRetries} attempts`;
  return `      <failure message=${quoted(error)} type="dead">${xmlText(`${error}, ${after}`)}</failure>\n`;
}

function sums(jobs: readonly DrainedJob[]): string {
  const failures = jobs.filter((job) => job.state === "dead").length;
  return ` tests="${jobs.length}" failures="${failures}" errors="0"`;
}

function quoted(text: string): string {
  return `"${xmlText(text).replaceAll("\n", "&#10;").replaceAll("\t", "&#9;")}"`;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}
