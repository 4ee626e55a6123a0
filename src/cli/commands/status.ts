/**
 * `status` and `get`: everything at a glance, or one job in full.
 */

import type { Attempt } from "../../core/attempt.ts";
import { formatDuration } from "../../core/duration.ts";
import { badInput } from "../../core/errors.ts";
import { type Job, JOB_STATES } from "../../core/job.ts";
import { attemptJson, jobJson, totalOf } from "../../core/json_view.ts";
import { callFor } from "../../core/shell_words.ts";
import type { JobCounts } from "../../core/store.ts";
import type { Context } from "../context.ts";
import { localTime } from "../local_time.ts";
import { printableLine } from "../../core/printable.ts";
import { printListing } from "../pager.ts";
import { progressText } from "../progress_bar.ts";
import { printStatus } from "../status_lines.ts";
import { attemptsTable } from "./history.ts";

const NO_JOBS = Object.fromEntries(JOB_STATES.map((state) => [state, 0])) as JobCounts;

/** Without an id: the workers and the jobs by state. With one: that job. */
export async function status(
  context: Context,
  operands: readonly string[],
  flags: { readonly watch?: boolean },
): Promise<number | void> {
  if (flags.watch && operands.length > 0) {
    throw badInput("Cannot watch one job", callFor("logs --follow", operands[0]!));
  }
  if (flags.watch) return await (await import("./top.ts")).watchStatus(context);
  if (operands[0] !== undefined) return await showJob(context, operands[0], "status");
  printStatus(context, await context.workers(), await (await context.queue()).counts());
}

/** `queuectl` alone: the status, with a hint for newcomers. Where there is no store yet, none is created. */
export async function bareStatus(context: Context): Promise<void> {
  const isThere = context.hasStore();
  const counts = isThere ? await (await context.queue()).counts() : NO_JOBS;
  printStatus(context, isThere ? await context.workers() : [], counts);
  if (totalOf(counts) === 0) {
    context.output.talk("There is no job yet; to store one and run it:");
    context.output.talk("  queuectl enqueue -- echo hello\n  queuectl worker start");
  }
  context.output.talk("All commands: queuectl --help");
}

/** `get ID`. */
export async function get(context: Context, operands: readonly string[]): Promise<void> {
  await showJob(context, operands[0]!, "get");
}

/** One job in full, with its attempts. `command` is what the user calls. */
async function showJob(context: Context, given: string, command: string): Promise<void> {
  const { output } = context;
  const queue = await context.queue();
  const job = await queue.meantJob(given, command);
  const attempts = await queue.attempts(job);
  if (context.flags.json) return output.json({ ...jobJson(job), attempt_history: attempts.map(attemptJson) });
  const fields = fieldsOf(job, attempts.at(-1))
    .map(([name, value]) => `${`${name}:`.padEnd(14)}${printableLine(value)}`);
  const table = attempts.length === 0 ? [] : ["", attemptsTable(attempts, { withJob: false })];
  await printListing(context, [...fields, ...table].join("\n"));
}

function fieldsOf(job: Job, newest: Attempt | undefined): [string, string][] {
  const progress = job.state === "processing" ? newest?.progress ?? null : null;
  const fields: [string, string | null][] = [
    ["ID", job.id],
    ["Command", job.command],
    ["State", job.state === "dead" ? "dead (DLQ)" : job.state],
    ["Attempts", `${job.attempts}/${job.maxRetries}`],
    ["Last error", "lastError" in job ? job.lastError : null],
    [
      "Worker",
      job.state === "processing" ? `${job.claim.workerId}, since ${localTime(job.claim.since)}` : null,
    ],
    ["Progress", progress === null ? null : progressText(progress)],
    ["Cancelling", job.state === "processing" && job.cancelRequestedAt !== null ? "yes" : null],
    ["Next run", "runAt" in job ? localTime(job.runAt) : null],
    ["Queue", job.queue],
    ["Priority", String(job.priority)],
    ["Timeout", job.timeoutMs === 0 ? "none" : formatDuration(job.timeoutMs)],
    ["Backoff", `${job.backoffBase} ^ n seconds`],
    ["Directory", job.cwd],
    ["Variables", Object.entries(job.env).map(([name, value]) => `${name}=${value}`).join(" ") || null],
    ["Created", localTime(job.createdAt)],
    ["Updated", localTime(job.updatedAt)],
    ["Finished", "finishedAt" in job ? localTime(job.finishedAt) : null],
  ];
  return fields.filter((field): field is [string, string] => field[1] !== null);
}
