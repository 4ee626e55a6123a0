/**
 * `worker`: starting, stopping and looking at workers.
 */

import { parseDurationMs } from "../../core/duration.ts";
import { badInput } from "../../core/errors.ts";
import { workerJson, workerState } from "../../core/json_view.ts";
import type { WorkerRecord, WorkerView } from "../../core/worker_record.ts";
import type { Context } from "../context.ts";
import { lasting } from "../local_time.ts";
import { printableLine } from "../../core/printable.ts";
import { progressText } from "../progress_bar.ts";
import { printListing } from "../pager.ts";
import { renderTable } from "../table.ts";

/** What flags say about the workers to start. */
export interface LaunchFlags {
  readonly count?: string;
  readonly concurrency?: string;
  readonly queue?: string[];
  readonly horizon?: string;
}

/** What the flags of `worker start` say. */
export interface StartFlags extends LaunchFlags {
  readonly foreground?: boolean;
  readonly daemon?: boolean;
  readonly drain?: boolean;
}

/** What the flags of `worker stop` say. */
export interface StopFlags {
  readonly force?: boolean;
  readonly timeout?: string;
}

const MAX_COUNT = 256;
const DEFAULT_HORIZON = "10m";

/**
 * `worker start`: in the background, or with `--foreground` until they are stopped; with `--drain` they end by
 * themselves. Returns the exit status.
 */
export async function workerStart(
  context: Context,
  _operands: readonly string[],
  flags: StartFlags,
): Promise<number> {
  const isForeground = flags.foreground === true ||
    (flags.daemon !== true && /^(1|true|yes)$/i.test(Deno.env.get("QUEUECTL_FOREGROUND") ?? ""));
  if (flags.foreground && flags.daemon) {
    throw badInput("Cannot use --foreground and --daemon together", "one of them");
  }
  const options = {
    // A worker's own writes may be lost in a power failure: the attempt is then made again.
    store: await context.store(isForeground ? "normal" : "full"),
    home: context.home,
    ...launchOf(flags),
    ...flags.drain ? { goal: { kind: "drain", until: Date.now() + horizonMsOf(flags) } as const } : {},
  };
  const control = await context.wiring.workers();
  if (isForeground) {
    const ready = (workers: WorkerRecord[]) => {
      try {
        if (context.flags.json) context.output.json(workers.map(startedJson));
        else {context.output.result(
            `Started ${workers.length} worker(s) in the foreground: [${idsOf(workers)}]`,
          );}
      } catch (error) {
        if (!(error instanceof Deno.errors.BrokenPipe)) throw error; // whoever started them doesn't listen
      }
    };
    return await control.runForeground(options, ready) ? 0 : 1;
  }
  const workers = await control.startBackground(options);
  if (context.flags.json) {
    context.output.json(workers.map(startedJson));
  } else {
    const pids = workers.map((worker) => worker.identity.pid).join(", ");
    context.output.result(`Started ${workers.length} worker(s) in the background with PIDs: [${pids}]`);
    context.output.result(`Worker ids: [${idsOf(workers)}]`);
  }
  return 0;
}

/** How far ahead jobs may be scheduled that a drain waits for, in ms. Throws `bad_input`. */
export function horizonMsOf({ horizon = DEFAULT_HORIZON }: LaunchFlags): number {
  const ms = parseDurationMs(horizon);
  if (ms !== null) return ms;
  throw badInput(`Cannot read --horizon "${horizon}": it is a number of seconds, or like 30s, 10m`);
}

/** How many workers and of what kind. Throws `bad_input`. */
export function launchOf(flags: LaunchFlags): { count: number; concurrency: number; queues: string[] } {
  const queues = (flags.queue ?? []).flatMap((names) => names.split(",")).map((name) => name.trim());
  if (queues.includes("")) throw badInput("Cannot serve a queue without a name", "--queue NAME");
  return {
    count: wholeNumber("--count", flags.count ?? "1"),
    concurrency: wholeNumber("--concurrency", flags.concurrency ?? "1"),
    queues: [...new Set(queues)],
  };
}

/** `worker stop [ID…]`: waits until they have finished what they run, or ends it. */
export async function workerStop(
  context: Context,
  operands: readonly string[],
  flags: StopFlags,
): Promise<void> {
  const ids = operands.map((operand) => wholeNumber("worker id", operand, Number.MAX_SAFE_INTEGER));
  const timeoutMs = flags.timeout === undefined ? null : parseDurationMs(flags.timeout);
  if (flags.timeout !== undefined && timeoutMs === null) {
    throw badInput(`Cannot read --timeout "${flags.timeout}": it is a number of seconds, or like 30s, 5m`);
  }
  const [control, queue, store] = [
    await context.wiring.workers(),
    await context.queue(),
    await context.store(),
  ];
  const graceMs = (await queue.config()).kill_grace_seconds * 1000;
  const stopped = await control.stopWorkers({
    ...{ store, home: context.home, ids, force: flags.force === true, timeoutMs, graceMs, now: Date.now },
    onWaiting: (views) => tellWaiting(context, views),
  });
  if (context.flags.json) return context.output.json(stopped.map(startedJson));
  if (stopped.length === 0) context.output.result("No active workers");
  else context.output.result(`Stopped ${stopped.length} worker(s): [${idsOf(stopped)}]`);
}

/** `worker status` and `worker list`: the registered workers. */
export async function workerList(context: Context): Promise<void> {
  const views = await context.workers();
  if (context.flags.json) return context.output.json(views.map(workerJson));
  if (views.length === 0) return context.output.talk("No active workers");
  const head = ["ID", "PID", "STATE", "JOB", "SINCE", "DONE", "FAILED", "QUEUES", "PROGRESS"];
  const rows = views.map((view) => [
    String(view.worker.id),
    String(view.worker.identity.pid),
    workerState(view),
    view.jobs.map((job) => job.id).join(", ") || "-",
    view.jobs.map((job) => lasting(job.claim.since)).join(", ") || "-",
    String(view.worker.jobsSucceeded),
    String(view.worker.jobsFailed),
    view.worker.onlyJobSeq !== undefined ? "one job" : view.worker.queues.join(", ") || "all",
    view.jobs.map(({ progress }) => progress === null ? "-" : progressText(progress, { cells: 10 }))
      .join(", ") || "-",
  ]);
  await printListing(context, renderTable(head, rows, 3));
}

function tellWaiting(context: Context, views: readonly WorkerView[]): void {
  for (const { worker, jobs } of views.filter((view) => view.jobs.length > 0)) {
    const what = jobs.map((job) => `${printableLine(job.id)} (for ${lasting(job.claim.since)})`);
    context.output.talk(`Waiting for worker ${worker.id}, which runs ${what.join(", ")}`);
  }
}

function startedJson(worker: WorkerRecord) {
  return { id: worker.id, pid: worker.identity.pid, slots: worker.slots, queues: worker.queues };
}

function idsOf(workers: readonly WorkerRecord[]): string {
  return workers.map((worker) => worker.id).join(", ");
}

function wholeNumber(name: string, text: string, max = MAX_COUNT): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= max) return value;
  throw badInput(
    `Cannot use ${name} ${text}: it is a whole number from 1${max === MAX_COUNT ? ` to ${max}` : ""}`,
  );
}
