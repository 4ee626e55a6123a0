/**
 * `logs`: what jobs printed, and print.
 */

import type { Attempt } from "../../core/attempt.ts";
import { parseDurationMs } from "../../core/duration.ts";
import { badInput, notFound } from "../../core/errors.ts";
import type { Job } from "../../core/job.ts";
import { parseDate } from "../../core/job_input.ts";
import type { Json } from "../../core/json_view.ts";
import { printableLine } from "../../core/printable.ts";
import type { Queue } from "../../core/queue.ts";
import { callFor } from "../../core/shell_words.ts";
import type { Context } from "../context.ts";
import { AttemptOutput } from "../logs/attempt_output.ts";
import { follow, ranAfter } from "../logs/follow.ts";
import { sizeOf, textOf } from "../logs/growing_file.ts";
import {
  JsonPrinter,
  type LinePrinter,
  PlainPrinter,
  PrefixedPrinter,
  type Stream,
} from "../logs/printers.ts";
import { jsonText } from "../output.ts";
import { warnOfUnknownQueues } from "../unknown_queue.ts";

/** What the flags say. */
export interface LogsFlags {
  readonly follow?: boolean;
  readonly queue?: string;
  readonly all?: boolean;
  readonly attempt?: string;
  readonly since?: string;
  readonly tail?: string;
  readonly timestamps?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  readonly path?: boolean;
  readonly raw?: boolean;
}

/** Which part of the output of which jobs is wanted. */
interface Wanted {
  /** The jobs that were named, in order; null: all of `queue`. */
  readonly jobs: readonly Job[] | null;
  /** Null: all queues. */
  readonly queue: string | null;
  readonly streams: readonly Stream[];
  readonly since: number | null;
  readonly tail: number | null;
}

/** Prints the output of the last attempts of jobs, or of those asked for. */
export async function logs(context: Context, operands: readonly string[], flags: LogsFlags): Promise<void> {
  checkTogether(operands, flags);
  const queue = await context.queue();
  const ids = [...new Set(await queue.meantIds(operands, "logs"))];
  const jobs = ids.length === 0 ? null : await Promise.all(ids.map((id) => queue.job(id)));
  const wanted: Wanted = {
    jobs,
    queue: flags.queue ?? null,
    streams: streamsOf(flags),
    since: flags.since === undefined ? null : timeOf(flags.since),
    tail: flags.tail === undefined ? null : lineCount(flags.tail),
  };
  if (wanted.queue !== null) await warnOfUnknownQueues(context, [wanted.queue]);
  if (!flags.follow) return await printOnce(context, queue, { wanted, flags });
  const attempt = flags.attempt === undefined ? null : await attemptNumbered(queue, jobs![0]!, flags.attempt);
  await follow(context, printerFor(context, wanted, flags), { ...wanted, attempt });
}

function checkTogether(operands: readonly string[], flags: LogsFlags): void {
  const ways = [operands.length > 0, flags.queue !== undefined, flags.all === true].filter(Boolean).length;
  if (ways > 1) {
    throw badInput("Cannot show some jobs and those of a queue together", "ids, --queue or --all");
  }
  if (ways === 0 && !flags.follow) throw badInput("There is no job to show", "queuectl logs ID, or --all");
  if (flags.attempt !== undefined && operands.length !== 1) {
    throw badInput("Cannot use --attempt but with one job", "queuectl logs ID --attempt N");
  }
  if (flags.follow && flags.path) throw badInput("Cannot use --path and --follow together", "one of them");
}

function streamsOf(flags: LogsFlags): Stream[] {
  if (flags.stdout === flags.stderr) return ["stdout", "stderr"];
  return flags.stdout ? ["stdout"] : ["stderr"];
}

function timeOf(text: string): number {
  if (/^\s*\d+(\.\d+)?\s*$/.test(text)) {
    throw badInput(
      `Cannot read --since "${text}": a bare number could be seconds or a year`,
      `--since ${text.trim()}s, or a time such as 2030-01-31`,
    );
  }
  const ms = parseDurationMs(text);
  const time = ms === null ? parseDate(text) : Date.now() - ms;
  if (time === null) {
    throw badInput(`Cannot read --since "${text}": it is like 10m or 2h, or a time in ISO 8601`);
  }
  return time;
}

function lineCount(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw badInput(`Cannot use --tail ${text}: it is a number of lines`);
}

/** Lines of a single job need no id before them. */
function printerFor(context: Context, wanted: Wanted, flags: LogsFlags): LinePrinter {
  if (context.flags.json) return new JsonPrinter(context.output);
  const style = { isRaw: flags.raw === true, hasTimes: flags.timestamps === true };
  if (wanted.jobs?.length === 1) return new PlainPrinter(context.output, style);
  return new PrefixedPrinter(context.output, style, wanted.jobs?.map((job) => job.id) ?? []);
}

interface Asked {
  readonly wanted: Wanted;
  readonly flags: LogsFlags;
}

async function printOnce(context: Context, queue: Queue, { wanted, flags }: Asked): Promise<void> {
  if (wanted.jobs?.length === 1 && wanted.since === null) {
    return await printOne(context, queue, { wanted, flags });
  }
  const printer = printerFor(context, wanted, flags);
  const documents = new ArrayPrinter(context);
  for await (const job of jobsOf(queue, wanted)) {
    for (const [index, attempt] of attemptsOf(await queue.attempts(job), wanted).entries()) {
      if (context.flags.json) documents.add(await documentOf(context, job, { attempt, wanted, flags }));
      else if (flags.path) context.output.result(await pathsOf(context, job, { attempt, wanted }));
      else if (wanted.jobs?.length === 1) {
        if (index > 0) announce(context, printer, `attempt ${attempt.number}`);
        await printStreams(context, job, { attempt, wanted, printer });
      } else await printAttempt(context, job, { attempt, wanted, printer });
    }
  }
  if (context.flags.json) documents.end();
}

async function* jobsOf(queue: Queue, wanted: Wanted): AsyncGenerator<Job> {
  if (wanted.jobs !== null) return yield* wanted.jobs;
  const filter = wanted.queue === null ? {} : { queue: wanted.queue };
  for await (const page of queue.pages(filter)) yield* page;
}

/** Of a job's attempts: those that ran after a time, or else the last one. */
function attemptsOf(attempts: readonly Attempt[], { since }: Wanted): readonly Attempt[] {
  return since === null ? attempts.slice(-1) : ranAfter(attempts, since);
}

/** The output of an attempt of one job. */
async function printOne(context: Context, queue: Queue, { wanted, flags }: Asked): Promise<void> {
  const job = wanted.jobs![0]!;
  const attempt = flags.attempt === undefined
    ? (await queue.attempts(job)).at(-1)
    : await attemptNumbered(queue, job, flags.attempt);
  if (attempt === undefined) return nothingYet(context, job);
  if (context.flags.json) {
    return context.output.json(await documentOf(context, job, { attempt, wanted, flags }));
  }
  if (flags.path) return context.output.result(await pathsOf(context, job, { attempt, wanted }));
  await printStreams(context, job, { attempt, wanted, printer: printerFor(context, wanted, flags) });
}

/** The streams of an attempt as they are, the second one announced on stderr. */
async function printStreams(
  context: Context,
  job: Job,
  asked: { attempt: Attempt; wanted: Wanted; printer: LinePrinter },
): Promise<void> {
  const { attempt, wanted, printer } = asked;
  const paths = await context.outputPaths(job, attempt);
  for (const [index, stream] of wanted.streams.entries()) {
    if (index > 0 && sizeOf(paths[stream]) > 0) announce(context, printer, "stderr");
    await printAttempt(context, job, { attempt, wanted: { ...wanted, streams: [stream] }, printer });
  }
}

/** Says on stderr what comes next, on a line of its own. */
function announce(context: Context, printer: LinePrinter, what: string): void {
  printer.endLine();
  context.output.talk(`--- ${what} ---`);
}

/** The attempt with a number; the latest, if several rounds had it. Throws `not_found` if there was none. */
async function attemptNumbered(queue: Queue, job: Job, number: string): Promise<Attempt> {
  if (!/^\d{1,9}$/.test(number)) throw badInput(`Cannot show attempt ${number}: it is a whole number from 1`);
  const found = (await queue.attempts(job)).findLast((attempt) => attempt.number === Number(number));
  if (found === undefined) {
    throw notFound(`Job ${job.id} has no attempt ${number}`, callFor("history", job.id));
  }
  return found;
}

function nothingYet(context: Context, job: Job): void {
  if (context.flags.json) context.output.json({ job: job.id, attempt: null, stdout: "", stderr: "" });
  else context.output.talk(`Job ${printableLine(job.id)} is ${job.state} and has printed nothing yet`);
}

async function printAttempt(
  context: Context,
  job: Job,
  asked: { attempt: Attempt; wanted: Wanted; printer: LinePrinter },
): Promise<void> {
  const { attempt, wanted: { streams, tail }, printer } = asked;
  const paths = await context.outputPaths(job, attempt);
  new AttemptOutput({ jobId: job.id, attempt: attempt.number, paths, streams, tail }, printer).finish();
}

async function pathsOf(
  context: Context,
  job: Job,
  asked: { attempt: Attempt; wanted: Wanted },
): Promise<string> {
  const paths = await context.outputPaths(job, asked.attempt);
  return asked.wanted.streams.map((stream) => paths[stream]).join("\n");
}

async function documentOf(
  context: Context,
  job: Job,
  asked: { attempt: Attempt; wanted: Wanted; flags: LogsFlags },
): Promise<Json> {
  const { attempt, wanted, flags } = asked;
  const paths = await context.outputPaths(job, attempt);
  const values = wanted.streams.map((stream) => [
    stream,
    flags.path ? paths[stream] : textOf(paths[stream], wanted.tail),
  ]);
  return { job: job.id, attempt: attempt.number, ...Object.fromEntries(values) };
}

/** Prints an array as `JSON.stringify` would, a value at a time. */
class ArrayPrinter {
  readonly #context: Context;
  #isFirst = true;

  constructor(context: Context) {
    this.#context = context;
  }

  add(value: Json): void {
    const text = jsonText(value).replaceAll("\n", "\n  ");
    this.#context.output.bytes(new TextEncoder().encode(`${this.#isFirst ? "[" : ","}\n  ${text}`));
    this.#isFirst = false;
  }

  end(): void {
    this.#context.output.result(this.#isFirst ? "[]" : "\n]");
  }
}
