/**
 * `dlq`: the dead letter queue.
 */

import { badInput } from "../../core/errors.ts";
import { jobJson } from "../../core/json_view.ts";
import { BulkProgress } from "../bulk_progress.ts";
import type { Context } from "../context.ts";
import { ago } from "../local_time.ts";
import { printableLine } from "../../core/printable.ts";
import { type JobColumn, parseLimit, printJobs } from "./list.ts";
import { get } from "./status.ts";

/** What the flags of `dlq retry` say. Attempts begin anew unless they are to be kept. */
export interface DlqRetryFlags {
  readonly all?: boolean;
  readonly resetAttempts?: boolean;
  readonly keepAttempts?: boolean;
}

const COLUMNS: readonly JobColumn[] = [
  { head: "ID", cell: (job) => job.id },
  { head: "COMMAND", cell: (job) => job.command },
  { head: "ATTEMPTS", cell: (job) => `${job.attempts}/${job.maxRetries}` },
  { head: "LAST ERROR", cell: (job) => "lastError" in job ? job.lastError : "" },
  { head: "DIED", cell: (job, now) => ago(job.updatedAt, now) },
];

/** `dlq list`: the dead jobs, oldest first. */
export async function dlqList(
  context: Context,
  _operands: readonly string[],
  flags: { readonly limit?: string },
): Promise<void> {
  const limit = flags.limit === undefined ? null : parseLimit(flags.limit);
  const none = "The dead letter queue is empty";
  await printJobs(context, { filter: { states: ["dead"] }, limit, columns: COLUMNS, none });
}

/** `dlq show ID`: one dead job in full. */
export async function dlqShow(context: Context, operands: readonly string[]): Promise<void> {
  const queue = await context.queue();
  const [id] = await queue.meantIds([operands[0]!], "dlq show");
  await queue.deadJob(id!, "show");
  await get(context, [id!]);
}

async function retryAll(context: Context, options: { keepAttempts: boolean }): Promise<number> {
  const queue = await context.queue();
  const total = (await queue.counts()).dead;
  const progress = new BulkProgress({ isQuiet: context.flags.quiet === true });
  try {
    return await queue.retryAllDead(options, (done) => {
      progress.at("Retrying", done, total);
      return true;
    });
  } finally {
    progress.end();
  }
}

/** `dlq retry ID…` or `--all`: dead jobs become pending now. */
export async function dlqRetry(
  context: Context,
  operands: readonly string[],
  flags: DlqRetryFlags,
): Promise<void> {
  if (flags.all && operands.length > 0) {
    throw badInput("Cannot retry all jobs and some of them together", "ids, or --all");
  }
  if (!flags.all && operands.length === 0) {
    throw badInput("There is no job to retry", "queuectl dlq retry ID, or --all");
  }
  if (flags.keepAttempts && flags.resetAttempts) {
    throw badInput("Cannot use --keep-attempts and --reset-attempts together", "one of them");
  }
  const queue = await context.queue();
  const options = { keepAttempts: flags.keepAttempts === true };
  const { output } = context;
  if (flags.all) {
    const retried = await retryAll(context, options);
    return context.flags.json ? output.json({ retried }) : output.result(`Retried ${retried} job(s)`);
  }
  const jobs = await queue.retryDead(await queue.meantIds(operands, "dlq retry"), options);
  if (context.flags.json) return output.json(jobs.map(jobJson));
  for (const job of jobs) {
    output.result(
      `Job ${printableLine(job.id)} is pending again, attempts ${job.attempts}/${job.maxRetries}`,
    );
  }
}
