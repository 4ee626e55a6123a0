/**
 * `drain`: runs what is there until nothing is left, tells how it went, and fails if a job did.
 */

import { dirname, resolve } from "node:path";
import { formatDuration } from "../../core/duration.ts";
import { badInput, QueueError } from "../../core/errors.ts";
import type { Context } from "../context.ts";
import { Drain, outputReader } from "../drain.ts";
import { jsonText } from "../output.ts";
import { refuseOwnQueue } from "../own_attempt.ts";
import { countOf, type DrainReport, type OutputOf } from "../reports/drain_report.ts";
import { warnOfUnknownQueues } from "../unknown_queue.ts";
import { horizonMsOf, type LaunchFlags, launchOf } from "./worker.ts";

/** What the flags say. */
export interface DrainFlags extends LaunchFlags {
  readonly failFast?: boolean;
  readonly junit?: string;
  readonly summary?: string;
  readonly summaryFile?: string;
}

/** The files that reports go to, and the form of the summary; null: not asked for. */
interface Reports {
  readonly junitPath: string | null;
  readonly summary: "json" | "md" | null;
  /** Null: to stdout. */
  readonly summaryPath: string | null;
}

/** `drain`: returns 0 if nothing died and nothing is left that could run, 1 otherwise. */
export async function drain(
  context: Context,
  _operands: readonly string[],
  flags: DrainFlags,
): Promise<number> {
  const launch = launchOf(flags);
  const horizonMs = horizonMsOf(flags);
  // A worker's own writes may be lost in a power failure: the attempt is then made again.
  const store = await context.store("normal");
  await refuseOwnQueue(store, { verb: "drain", queues: launch.queues });
  const reports = reportsOf(flags);
  await warnOfUnknownQueues(context, launch.queues);
  const report = await new Drain(context, { store, launch, horizonMs, isFailFast: flags.failFast === true })
    .run({ isStdoutTaken: wantsStdout(context, reports) });
  const outputOf = outputReader(context, store);
  if (reports.junitPath !== null) {
    const { junitDocument } = await import("../reports/junit.ts");
    writeFile(reports.junitPath, junitDocument(report, outputOf));
  }
  await tellSummary(context, { report, reports, outputOf, horizonMs });
  return report.exitStatus;
}

/** Whether stdout is for a document, so that talk has to go elsewhere. */
function wantsStdout(context: Context, { summary, summaryPath }: Reports): boolean {
  return context.flags.json === true || (summary !== null && summaryPath === null);
}

/** What reports are wanted. Their files are made at once: a drain whose report can't be written shall not begin. */
function reportsOf(flags: DrainFlags): Reports {
  const { junit, summaryFile } = flags;
  const summary = flags.summary ??
    (summaryFile === undefined ? null : summaryFile.endsWith(".json") ? "json" : "md");
  if (summary !== null && summary !== "json" && summary !== "md") {
    throw badInput(`Cannot write a summary as "${summary}": it is json or md`, "--summary md");
  }
  const junitPath = junit === undefined ? null : resolve(junit);
  const summaryPath = summaryFile === undefined ? null : resolve(summaryFile);
  if (junitPath !== null) prepareFile(junitPath, { isKept: false });
  if (summaryPath !== null) prepareFile(summaryPath, { isKept: summary === "md" });
  return { junitPath, summary, summaryPath };
}

/** Makes sure that a file can be written: emptied, so that nobody takes an old report for a new one, or kept. */
function prepareFile(path: string, { isKept }: { isKept: boolean }): void {
  try {
    Deno.mkdirSync(dirname(path), { recursive: true });
    Deno.openSync(path, { create: true, ...isKept ? { append: true } : { write: true, truncate: true } })
      .close();
  } catch (error) {
    throw badInput(`Cannot write the report ${path}: ${reasonOf(error)}`, "another file");
  }
}

function writeFile(
  path: string,
  pieces: Iterable<string>,
  options: { append: boolean } = { append: false },
): void {
  try {
    using file = Deno.openSync(path, {
      create: true,
      ...options.append ? { append: true } : { write: true },
    });
    const encoder = new TextEncoder();
    for (const piece of pieces) {
      const bytes = encoder.encode(piece);
      for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
    }
  } catch (error) {
    throw new QueueError("failed", `Cannot write the report ${path}: ${reasonOf(error)}`, {
      hint: "another file",
    });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/ \(os error.*/, "") : String(error);
}

async function tellSummary(
  context: Context,
  told: { report: DrainReport; reports: Reports; outputOf: OutputOf; horizonMs: number },
): Promise<void> {
  const { report, reports: { summary, summaryPath }, outputOf, horizonMs } = told;
  const { output, flags } = context;
  const { summaryJson, summaryMarkdown } = await import("../reports/summary.ts");
  const text = summary === "md" ? summaryMarkdown(report, outputOf) : `${jsonText(summaryJson(report))}\n`;
  // A file of Markdown is added to, as the page of a CI step collects it from several commands.
  if (summaryPath !== null) writeFile(summaryPath, [text], { append: summary === "md" });
  if (flags.json) return output.json(summaryJson(report));
  if (summary !== null && summaryPath === null) return output.result(text.trimEnd());
  if (!flags.quiet) { for (const line of sentencesOf(report, horizonMs)) output.result(line); }
}

function sentencesOf(report: DrainReport, horizonMs: number): string[] {
  const { outcome, left, scheduledLater, retries } = report;
  const verb = outcome === "drained"
    ? "Drained"
    : outcome === "failed_fast"
    ? "Stopped at a death after"
    : "Stopped after";
  const cancelled = countOf(report, "cancelled");
  const sums = [
    `${countOf(report, "completed")} completed`,
    `${countOf(report, "dead")} died`,
    ...cancelled === 0 ? [] : [`${cancelled} cancelled`],
    ...retries === 0 ? [] : [`${retries} attempt(s) made again`],
  ];
  const took = formatDuration(report.finishedAt - report.startedAt);
  return [
    `${verb} ${report.jobs.length} job(s) in ${took}: ${sums.join(", ")}`,
    ...left === 0 ? [] : [`${left} job(s) are left that could run`],
    ...scheduledLater === 0 ? [] : [
      `${scheduledLater} job(s) are left that are scheduled for later than the horizon of ${
        formatDuration(horizonMs)
      }`,
    ],
  ];
}
