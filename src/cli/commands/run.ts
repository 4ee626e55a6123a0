/**
 * `run`: a command as a job, watched until it has ended, as if it had been called directly.
 */

import { badInput, notFound } from "../../core/errors.ts";
import type { PendingJob } from "../../core/job.ts";
import { jobJson } from "../../core/json_view.ts";
import { printableLine } from "../../core/printable.ts";
import { shellJoin } from "../../core/shell_words.ts";
import { serves } from "../../core/worker_record.ts";
import type { Context } from "../context.ts";
import { EventFeed } from "../event_feed.ts";
import { Interrupts } from "../interrupts.ts";
import { WatchedJob } from "../watched_job.ts";
import { describedJobs, type EnqueueFlags } from "./enqueue.ts";

/** What the flags say. */
export interface RunFlags extends EnqueueFlags {
  readonly detach?: boolean;
}

/** `run -- CMD ARG…`: returns the job's own exit status, or with `--detach` 0 as soon as it is stored. */
export async function run(context: Context, operands: readonly string[], flags: RunFlags): Promise<number> {
  refuseBareWords(context, operands);
  if (operands.length === 0 && flags.command === undefined && flags.file === undefined) {
    throw badInput("There is no job to run: the command stands behind --", "queuectl run -- make test");
  }
  const inputs = await describedJobs(context, operands, flags);
  if (inputs.length !== 1) {
    throw badInput(
      `Cannot run ${inputs.length} jobs at once: run is for one`,
      "queuectl enqueue, then drain",
    );
  }
  const [store, queue] = [await context.store(), await context.queue()];
  const enqueueIt = async () => (await queue.enqueue(inputs, Deno.cwd()))[0]!;
  if (flags.detach) return await detach(context, await enqueueIt());

  // Both listen before there is a job, so that nothing about it is missed.
  const feed = await EventFeed.open(store, context.home);
  let watched: WatchedJob | null = null;
  const interrupts = new Interrupts((count) => watched?.interrupt(count));
  try {
    watched = new WatchedJob(context, { store, queue, feed, job: await enqueueIt() });
    if (interrupts.status !== null) watched.interrupt(1);
    const { job, exitStatus } = await watched.untilFinal();
    if (job === null) {
      throw notFound(`There is no job ${watched.id} any more: it was deleted before it ended`);
    }
    return job.state === "cancelled" ? interrupts.status ?? exitStatus : exitStatus;
  } finally {
    interrupts.close();
    feed.close();
  }
}

/** Prints the id; if no worker would run the job, starts one in the background that ends with it. */
async function detach(context: Context, job: PendingJob): Promise<number> {
  const views = await context.workers();
  if (!views.some((view) => serves(view, job.queue))) {
    const control = await context.wiring.workers();
    await control.startBackground({
      ...{ store: await context.store(), home: context.home, count: 1, concurrency: 1, queues: [job.queue] },
      goal: { kind: "one_job", jobId: job.id, jobSeq: job.seq },
    });
  }
  if (context.flags.json) context.output.json(jobJson(job));
  else context.output.result(printableLine(job.id));
  return 0;
}

/** `run make test` is what people type first. */
function refuseBareWords(context: Context, operands: readonly string[]): void {
  const [first] = operands;
  const isJson = first !== undefined && (first === "-" || /^\s*[[{]/.test(first));
  if (first === undefined || isJson || context.typed.includes("--")) return;
  throw badInput(
    `Cannot run "${shellJoin(operands)}": the command stands behind --`,
    `queuectl run -- ${shellJoin(operands)}`,
  );
}
