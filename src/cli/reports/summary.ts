/**
 * A drain in short: as JSON for scripts, as Markdown for the page of a CI system.
 */

import { formatDuration } from "../../core/duration.ts";
import type { Json } from "../../core/json_view.ts";
import { printableOutput, UNPRINTABLE, withoutColours } from "../../core/printable.ts";
import type { DrainedJob } from "../drain_record.ts";
import { countOf, type DrainReport, type OutputOf } from "./drain_report.ts";

/** The longest list of failed jobs in Markdown, and how much of the output of each is shown. */
const MAX_FAILED = 50;
const MAX_OUTPUT_LENGTH = 4000;
const MAX_SLOWEST = 5;

/** The summary for scripts: the sums, and each job that died or was cancelled. */
export function summaryJson(report: DrainReport): { readonly [key: string]: Json } {
  return {
    outcome: report.outcome,
    exit_status: report.exitStatus,
    started_at: new Date(report.startedAt).toISOString(),
    finished_at: new Date(report.finishedAt).toISOString(),
    duration_seconds: (report.finishedAt - report.startedAt) / 1000,
    jobs: report.jobs.length,
    completed: countOf(report, "completed"),
    dead: countOf(report, "dead"),
    cancelled: countOf(report, "cancelled"),
    retries: report.retries,
    left: report.left,
    scheduled_later: report.scheduledLater,
    failed_jobs: report.jobs.filter((job) => job.state !== "completed").map(jobJson),
  };
}

/** The summary for people, in GitHub's Markdown, which others read as well. */
export function summaryMarkdown(report: DrainReport, outputOf: OutputOf): string {
  const dead = report.jobs.filter((job) => job.state === "dead");
  const took = formatDuration(report.finishedAt - report.startedAt);
  const slowest = report.jobs.toSorted((a, b) => b.durationMs - a.durationMs).slice(0, MAX_SLOWEST);
  const lines = [
    `### ${dead.length === 0 && report.exitStatus === 0 ? "✅" : "❌"} ${headline(report)} in ${took}`,
    "",
    "| completed | died | cancelled | retries | left | scheduled for later |",
    "| --: | --: | --: | --: | --: | --: |",
    row([
      ...[countOf(report, "completed"), dead.length, countOf(report, "cancelled"), report.retries],
      ...[report.left, report.scheduledLater],
    ].map(String)),
    ...dead.length === 0
      ? []
      : ["", "#### Died", "", ...table(dead, (job) => cell(job.lastError ?? ""), "error")],
    ...dead.slice(0, MAX_FAILED).flatMap((job) => details(job, outputOf)),
    ...slowest.length < 2 ? [] : ["", "#### Slowest", "", ...table(slowest, (job) => job.state, "state")],
  ];
  return `${lines.join("\n")}\n`;
}

function headline(report: DrainReport): string {
  const jobs = `${report.jobs.length} job(s)`;
  if (report.outcome === "drained") return `Drained ${jobs}`;
  return report.outcome === "failed_fast"
    ? `Stopped at the first job that died, after ${jobs}`
    : `Stopped after ${jobs}`;
}

function table(jobs: readonly DrainedJob[], last: (job: DrainedJob) => string, head: string): string[] {
  const rows = jobs.slice(0, MAX_FAILED).map((job) =>
    row([
      cell(job.id),
      cell(job.queue),
      `${job.attempts}/${job.maxRetries}`,
      formatDuration(job.durationMs),
      last(job),
    ])
  );
  const more = jobs.length - rows.length;
  return [
    `| job | queue | attempts | took | ${head} |`,
    "| :-- | :-- | --: | --: | :-- |",
    ...rows,
    ...more > 0 ? ["", `…and ${more} more.`] : [],
  ];
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** Text from outside in a cell: it is shown as it is, whatever it would mean as Markdown or HTML. */
function cell(text: string): string {
  return text.replace(UNPRINTABLE, " ")
    .replace(/[&<>"\\`*_{}[\]#|~@]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function details(job: DrainedJob, outputOf: OutputOf): string[] {
  const { stdout, stderr } = outputOf(job);
  const between = stdout === "" || stdout.endsWith("\n") ? "" : "\n";
  const shown = printableOutput(withoutColours(`${stdout}${between}${stderr}`)).trimEnd();
  if (shown === "") return [];
  const end = shown.length <= MAX_OUTPUT_LENGTH ? shown : `…${shown.slice(-MAX_OUTPUT_LENGTH)}`;
  // A fence is closed by as many backticks: this one is longer than any run of them within.
  const longest = [...end.matchAll(/`+/g)].reduce((most, [run]) => Math.max(most, run.length), 0);
  const fence = "`".repeat(Math.max(3, longest + 1));
  return [
    "",
    `<details><summary>Output of ${cell(job.id)}</summary>`,
    "",
    `${fence}text`,
    end,
    fence,
    "",
    "</details>",
  ];
}

function jobJson(job: DrainedJob): { readonly [key: string]: Json } {
  return {
    ...{
      id: job.id,
      queue: job.queue,
      state: job.state,
      attempts: job.attempts,
      max_retries: job.maxRetries,
    },
    duration_seconds: job.durationMs / 1000,
    last_error: job.lastError,
  };
}
