/**
 * `retry` and `cancel`: a user's wishes about jobs.
 */

import { jobJson } from "../../core/json_view.ts";
import type { Context } from "../context.ts";
import { printableLine } from "../../core/printable.ts";

/** `retry ID…`: finished or failed jobs become pending now, with attempts 0. */
export async function retry(context: Context, operands: readonly string[]): Promise<void> {
  const queue = await context.queue();
  const jobs = await queue.retry(await queue.meantIds(operands, "retry"), { keepAttempts: false });
  if (context.flags.json) return context.output.json(jobs.map(jobJson));
  for (const job of jobs) {
    context.output.result(`Job ${printableLine(job.id)} is pending again, attempts 0/${job.maxRetries}`);
  }
}

/** `cancel ID…`: waiting jobs at once, processing ones by ending their command. */
export async function cancel(context: Context, operands: readonly string[]): Promise<void> {
  const queue = await context.queue();
  const jobs = await queue.cancel(await queue.meantIds(operands, "cancel"));
  if (context.flags.json) return context.output.json(jobs.map(jobJson));
  const isEnding = jobs.some(({ state }) => state === "processing");
  const living = isEnding ? (await context.workers()).filter(({ life }) => life !== "dead") : [];
  for (const job of jobs) {
    const id = printableLine(job.id);
    if (job.state !== "processing") context.output.result(`Cancelled job ${id}`);
    else if (living.some(({ worker }) => worker.id === job.claim.workerId)) {
      context.output.result(`Cancelling job ${id}: its command is being ended`);
    } else {
      context.output.result(`Cancelling job ${id}: its worker has died; the next one that starts ends it`);
    }
  }
}
