/**
 * `enqueue`: stores jobs, described by JSON, by a file, by flags, or by the words after `--`.
 */

import { resolve } from "node:path";
import { badInput, QueueError } from "../../core/errors.ts";
import { parseDurationMs } from "../../core/duration.ts";
import { checkJobInput, type JobInput } from "../../core/job_input.ts";
import type { Job, PendingJob } from "../../core/job.ts";
import { parseJobs, type PlacedInput } from "../../core/job_source.ts";
import { jobJson } from "../../core/json_view.ts";
import { shellJoin } from "../../core/shell_words.ts";
import { serves, type WorkerView } from "../../core/worker_record.ts";
import { seemsPresent } from "../../home/worker_presence.ts";
import type { Context } from "../context.ts";
import { printableLine } from "../../core/printable.ts";

/** What the flags say. */
export interface EnqueueFlags {
  readonly file?: string;
  readonly id?: string;
  readonly command?: string;
  readonly priority?: string;
  readonly runAt?: string;
  readonly delay?: string;
  readonly timeout?: string;
  /** The same as `timeout`. */
  readonly timeoutSeconds?: string;
  readonly maxRetries?: string;
  readonly backoffBase?: string;
  readonly queue?: string;
  readonly cwd?: string;
  readonly env?: string[];
}

/** Whom to tell how many of how many jobs have been checked. */
interface ProgressFlag {
  readonly onChecked?: (done: number, total: number) => void;
}

const EXAMPLES =
  `queuectl enqueue '{"id": "job1", "command": "echo hello"}', or: queuectl enqueue -- echo hello`;

/** More jobs than this are told as a number. */
const MAX_LINES = 20;

/** `operands` are the words that are no flags, with those after `--`. */
export async function enqueue(
  context: Context,
  operands: readonly string[],
  flags: EnqueueFlags,
): Promise<void> {
  const { output } = context;
  const jobs = await storeDescribed(context, operands, flags);
  if (context.flags.json) {
    output.json(jobs.length === 1 ? jobJson(jobs[0]!) : jobs.map(jobJson));
  } else if (context.flags.quiet) {
    if (jobs.length > 0) output.result(jobs.map((job) => job.id).join("\n"));
  } else if (jobs.length > 0 && jobs.length <= MAX_LINES) {
    for (const job of jobs) output.result(`Enqueued job ${printableLine(job.id)}`);
  } else {
    output.result(`Enqueued ${jobs.length} jobs`);
  }
  if (!context.flags.json && !context.flags.quiet) await warnIfUnserved(context, jobs);
}

/** Checks and stores the jobs; on a terminal a bar tells how far that is, if it takes long. */
async function storeDescribed(
  context: Context,
  operands: readonly string[],
  flags: EnqueueFlags,
): Promise<PendingJob[]> {
  const isBulk = flags.file !== undefined || operands[0] === "-";
  const progress = isBulk
    ? new (await import("../bulk_progress.ts")).BulkProgress({ isQuiet: context.flags.quiet === true })
    : null;
  try {
    const inputs = await describedJobs(context, operands, {
      ...flags,
      onChecked: (done, total) => progress?.at("Checking", done, total),
    });
    if (inputs.length === 0) return [];
    return await (await context.queue()).enqueue(inputs, Deno.cwd(), {
      onStored: (done) => progress?.at("Storing", done, inputs.length),
    });
  } finally {
    progress?.end();
  }
}

/** Says so if no worker that is alive serves the queue of a job: it would wait for ever. */
async function warnIfUnserved(context: Context, jobs: readonly Job[]): Promise<void> {
  if (jobs.length === 0) return;
  const views = (await (await context.store()).workers())
    .map((worker): WorkerView => ({
      worker,
      life: seemsPresent(context.home, worker) ? "alive" : "dead",
      jobs: [],
    }));
  const isServed = (queue: string) => views.some((view) => serves(view, queue));
  const unserved = [...new Set(jobs.map((job) => job.queue))].find((queue) => !isServed(queue));
  if (unserved === undefined) return;
  if (!views.some((view) => view.worker.queues.some((queue) => serves(view, queue)))) {
    return context.output.talk("No worker is alive to run it; to start one: queuectl worker start");
  }
  context.output.talk(
    `No worker that is alive serves the queue ${printableLine(unserved)}; to start one: ` +
      shellJoin(["queuectl", "worker", "start", "--queue", unserved]),
  );
}

/** The jobs that a command line describes, checked. Throws `bad_input` if it describes none, or in several ways. */
export async function describedJobs(
  context: Context,
  operands: readonly string[],
  flags: EnqueueFlags & ProgressFlag,
): Promise<PlacedInput[]> {
  const read = await readInputs(context, operands, flags);
  const [keys, env] = [keysFrom(flags), flags.env === undefined ? undefined : variables(flags.env)];
  // A bulk without flags is spared a second check, and a copy, of each of its jobs.
  const inputs = env === undefined && Object.keys(keys).length === 0
    ? read.map((one) => one.input.cwd === undefined ? one : { ...one, input: withAbsoluteCwd(one.input) })
    : read.map((placed) => withFlags(placed, { keys, env }));
  if (flags.id !== undefined && inputs.length > 1) {
    throw badInput(`Cannot give the id ${flags.id} to ${inputs.length} jobs`, "an id for each, in the JSON");
  }
  return inputs;
}

async function readInputs(
  context: Context,
  operands: readonly string[],
  flags: EnqueueFlags & ProgressFlag,
): Promise<PlacedInput[]> {
  const dashes = context.typed.indexOf("--");
  const words = dashes === -1 ? [] : context.typed.slice(dashes + 1);
  const texts = operands.slice(0, operands.length - words.length);
  const given = [texts.length > 0, words.length > 0, flags.command !== undefined, flags.file !== undefined];
  if (given.filter(Boolean).length !== 1 || texts.length > 1) {
    const count = texts.length > 1 ? "more than one" : given.some(Boolean) ? "more than one way" : "nothing";
    throw badInput(
      count === "nothing"
        ? "There is no job to enqueue"
        : `The job is described in ${count === "more than one" ? "several arguments" : "several ways"}`,
      EXAMPLES,
    );
  }
  if (words.length > 0) {
    // One word is a command line for the shell; several are a program and its arguments, passed on exactly.
    return [asInput({ command: words.length === 1 ? words[0]! : shellJoin(words) })];
  }
  if (flags.command !== undefined) return [asInput({ command: flags.command })];
  if (flags.file !== undefined) {
    return await parseJobs(flags.file === "-" ? await readStdin() : readFile(flags.file), flags.onChecked);
  }
  if (texts[0]!.trim() === "") throw badInput("There is no job to enqueue: the argument is empty", EXAMPLES);
  return await parseJobs(texts[0] === "-" ? await readStdin() : texts[0]!, flags.onChecked);
}

function asInput(job: { command: string }): PlacedInput {
  return { input: checkJobInput(job), where: "" };
}

/** The keys that flags give to every job, but for `env`. Throws `bad_input` for what can't be read. */
function keysFrom(flags: EnqueueFlags): Record<string, unknown> {
  if (flags.runAt !== undefined && flags.delay !== undefined) {
    throw badInput("Cannot use --run-at and --delay together", "one of them");
  }
  const timeout = flags.timeout ?? flags.timeoutSeconds;
  const given = {
    id: flags.id,
    priority: flags.priority === undefined ? undefined : asNumberOrWord(flags.priority),
    run_at: flags.delay === undefined ? flags.runAt : afterDelay(flags.delay),
    timeout: timeout === undefined ? undefined : seconds("--timeout", timeout),
    max_retries: flags.maxRetries === undefined ? undefined : asNumberOrWord(flags.maxRetries),
    backoff_base: flags.backoffBase === undefined ? undefined : asNumberOrWord(flags.backoffBase),
    queue: flags.queue,
    cwd: flags.cwd,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** Flags win over the JSON's keys; the result is checked again, with the same messages. */
function withFlags(
  { input, where }: PlacedInput,
  { keys, env }: { keys: Readonly<Record<string, unknown>>; env: Record<string, string> | undefined },
): PlacedInput {
  const given = env === undefined ? keys : { ...keys, env: { ...input.env, ...env } };
  const { timeout_seconds: _, ...rest } = input;
  const merged = given.timeout === undefined ? { ...input, ...given } : { ...rest, ...given };
  const checked = checkJobInput(merged, where);
  return { where, input: withAbsoluteCwd(checked) };
}

function withAbsoluteCwd(input: JobInput): JobInput {
  return input.cwd === undefined ? input : { ...input, cwd: resolve(input.cwd) };
}

/** Numbers as numbers; what is none stays a text, which the checks judge. */
function asNumberOrWord(text: string): number | string {
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

function seconds(flag: string, text: string): number {
  const ms = parseDurationMs(text);
  if (ms === null) {
    throw badInput(`Cannot read ${flag} "${text}": it is a number of seconds, or like 90s, 10m, 1h30m`);
  }
  return ms / 1000;
}

function afterDelay(text: string): string {
  const at = new Date(Date.now() + seconds("--delay", text) * 1000);
  if (Number.isNaN(at.getTime()) || at.getUTCFullYear() > 9999) {
    throw badInput(`Cannot delay a job by "${text}": that is beyond the year 9999`);
  }
  return at.toISOString();
}

function variables(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(pairs.map((pair) => {
    const split = pair.indexOf("=");
    if (split < 1) throw badInput(`Cannot read --env "${pair}": it is NAME=VALUE`);
    return [pair.slice(0, split), pair.slice(split + 1)];
  }));
}

async function readStdin(): Promise<string> {
  return asText(new Uint8Array(await new Response(Deno.stdin.readable).arrayBuffer()), "standard input");
}

function readFile(path: string): string {
  try {
    return asText(Deno.readFileSync(path), `the file ${path}`);
  } catch (error) {
    if (error instanceof QueueError) throw error;
    const why = error instanceof Error ? error.message.replace(/ \(os error.*/, "") : String(error);
    throw badInput(`Cannot read the file ${path}: ${why}`, "queuectl enqueue - < FILE");
  }
}

/** Bytes that are no UTF-8 would be stored as other characters than were meant. */
function asText(bytes: Uint8Array, source: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw badInput(`Cannot read ${source}: it is not UTF-8`, `iconv -t UTF-8, before queuectl enqueue -`);
  }
}
