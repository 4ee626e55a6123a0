/**
 * `wait`: returns as soon as jobs have ended.
 */

import { formatDuration, parseDurationMs } from "../../core/duration.ts";
import { badInput, conflict, notFound } from "../../core/errors.ts";
import { exitStatusOf, TIMED_OUT } from "../../core/exit_status.ts";
import { printableLine } from "../../core/printable.ts";
import { type AwaitedJobs, type EndedJob, endText, NamedJobs, QueuedJobs } from "../awaited_jobs.ts";
import type { Context } from "../context.ts";
import { EventFeed } from "../event_feed.ts";
import { Interrupts } from "../interrupts.ts";
import { printError } from "../output.ts";
import { ownJob, refuseOwnQueue } from "../own_attempt.ts";
import { StatusLine } from "../status_line.ts";
import { WaitNews } from "../wait_news.ts";
import { warnOfUnknownQueues } from "../unknown_queue.ts";

/** What the flags say. */
export interface WaitFlags {
  readonly all?: boolean;
  readonly queue?: string;
  readonly any?: boolean;
  readonly timeout?: string;
}

/** How often the line on the terminal is redrawn while nothing happens. */
const REDRAW_MS = 250;
/** How long to wait before it is said that nobody works. */
const NO_WORKER_AFTER_MS = 1000;

type Outcome = "ended" | "timed_out" | "interrupted";

/** `wait ID…`, `--all` or `--queue Q`: returns the exit status that tells how they ended. */
export async function wait(context: Context, operands: readonly string[], flags: WaitFlags): Promise<number> {
  const queues = queuesOf(operands, flags);
  const timeoutMs = flags.timeout === undefined ? Infinity : parseDurationMs(flags.timeout);
  if (timeoutMs === null) {
    throw badInput(`Cannot read --timeout "${flags.timeout}": it is a number of seconds, or like 30s, 5m`);
  }
  const [store, queue] = [await context.store(), await context.queue()];
  const ids = await queue.meantIds(operands, "wait");
  await refuseItself(context, ids, queues);
  await warnOfUnknownQueues(context, queues ?? []);
  const since = Date.now();
  // It listens before it looks, so that no end falls in between.
  const feed = await EventFeed.open(store, context.home);
  const interrupts = new Interrupts(() => feed.interrupt());
  try {
    const jobs = queues === null
      ? await NamedJobs.find(store, queue, ids)
      : await QueuedJobs.of(store, queues);
    const outcome = await untilOver(context, {
      jobs,
      queues: queues ?? [],
      since,
      feed,
      interrupts,
      timeoutMs,
      isAny: flags.any === true,
    });
    const isOne = flags.any === true || (queues === null && new Set(ids).size === 1);
    const status = outcome === "timed_out"
      ? TIMED_OUT
      : outcome === "interrupted"
      ? interrupts.status ?? 1
      : isOne
      ? await ownStatus(context, jobs.first)
      : statusOfAll(jobs);
    tell(context, { jobs, outcome, status, timeoutMs, isAny: flags.any === true });
    return status;
  } finally {
    interrupts.close();
    feed.close();
  }
}

/** The queues that are waited for, empty for all; null if jobs were named. */
function queuesOf(operands: readonly string[], flags: WaitFlags): string[] | null {
  const ways = [operands.length > 0, flags.all === true, flags.queue !== undefined].filter(Boolean).length;
  if (ways !== 1) {
    throw badInput(
      ways === 0 ? "There is nothing to wait for" : "Cannot wait for jobs that are described in several ways",
      "queuectl wait ID, queuectl wait --all, or queuectl wait --queue NAME",
    );
  }
  if (operands.length > 0) return null;
  if (flags.all) return [];
  const queues = flags.queue!.split(",").map((name) => name.trim());
  if (queues.includes("")) throw badInput("Cannot wait for a queue without a name", "--queue NAME");
  return queues;
}

/** A job's command can wait for other jobs, but not for its own end. */
async function refuseItself(
  context: Context,
  ids: readonly string[],
  queues: readonly string[] | null,
): Promise<void> {
  const store = await context.store();
  if (queues !== null) return await refuseOwnQueue(store, { verb: "wait", queues });
  const own = await ownJob(store);
  if (own === null || !ids.includes(own.id)) return;
  throw conflict(`Cannot wait for ${own.id}: it is the job that asks for that`, "queuectl wait ANOTHER");
}

async function untilOver(
  context: Context,
  waited: {
    jobs: AwaitedJobs;
    queues: readonly string[];
    since: number;
    feed: EventFeed;
    interrupts: Interrupts;
    timeoutMs: number;
    isAny: boolean;
  },
): Promise<Outcome> {
  const { jobs, feed, interrupts, timeoutMs, isAny } = waited;
  const startedAt = performance.now();
  const line = new StatusLine({ isQuiet: context.flags.quiet === true });
  const store = await context.store();
  const news = new WaitNews({ ...waited, store }, { output: context.output, line });
  const isOver = () => jobs.left === 0 || (isAny && jobs.done > 0);
  let mayWarn = true;
  try {
    if (!isOver()) news.begin();
    while (!isOver()) {
      news.goOn();
      const elapsedMs = performance.now() - startedAt;
      if (interrupts.status !== null) return "interrupted";
      if (elapsedMs >= timeoutMs) return "timed_out";
      if (mayWarn && elapsedMs > NO_WORKER_AFTER_MS) {
        mayWarn = false;
        await warnIfNobodyWorks(context, line);
      }
      line.show(jobs.line(elapsedMs));
      const entries = await feed.next(Math.min(REDRAW_MS, timeoutMs - elapsedMs));
      await jobs.follow(entries);
      await news.follow(entries);
      // What is left was counted after the log was read: how the last one ended may be told there only now.
      if (jobs.left === 0) await jobs.follow(await feed.rest());
    }
    return "ended";
  } finally {
    line.clear();
  }
}

async function warnIfNobodyWorks(context: Context, line: StatusLine): Promise<void> {
  if ((await context.workers()).some(({ life }) => life !== "dead")) return;
  line.above(() => context.output.talk("No worker is up, so nothing goes on. Try: queuectl worker start"));
}

/** The job's own exit status. Throws `not_found` if it was deleted. */
async function ownStatus(context: Context, ended: EndedJob | undefined): Promise<number> {
  if (ended === undefined) return 0; // there was nothing to wait for
  if (ended.job === null) {
    throw notFound(`There is no job ${ended.id} any more: it was deleted while waiting`);
  }
  const attempts = await (await context.queue()).attempts(ended.job);
  return exitStatusOf(ended.job, attempts.at(-1));
}

/** 1 if one failed for good; 3 if one was deleted, so that nobody knows. */
function statusOfAll({ failed }: AwaitedJobs): number {
  if (failed.some(({ job }) => job !== null)) return 1;
  return failed.length > 0 ? 3 : 0;
}

function tell(
  context: Context,
  end: { jobs: AwaitedJobs; outcome: Outcome; status: number; timeoutMs: number; isAny: boolean },
): void {
  const { jobs, outcome, status } = end;
  const { output, flags } = context;
  if (flags.json) {
    return output.json({
      ...{ outcome, exit_status: status, done: jobs.done, failed: jobs.failed.length, left: jobs.left },
      jobs: jobs.json(),
    });
  }
  if (flags.quiet) return;
  if (end.isAny && jobs.first !== undefined) {
    output.result(`Job ${printableLine(jobs.first.id)} ${endText(jobs.first.job)}`);
  } else {
    for (const line of jobs.resultLines()) output.result(line);
  }
  if (outcome !== "timed_out") return;
  printError(
    `${jobs.left} job(s) have not ended after ${formatDuration(end.timeoutMs)}`,
    "queuectl status, or a longer --timeout",
  );
}
