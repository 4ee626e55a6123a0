/**
 * `logs` and `output get`: what a job printed.
 */

import type { Attempt } from "../../core/attempt.ts";
import { badInput, notFound } from "../../core/errors.ts";
import { FINAL_STATES, type Job } from "../../core/job.ts";
import type { Queue } from "../../core/queue.ts";
import { callFor } from "../../core/shell_words.ts";
import type { OutputPaths } from "../../home/output_files.ts";
import type { Context } from "../context.ts";
import { localTime } from "../local_time.ts";
import { printableLine, printableOutput } from "../../core/printable.ts";

/** What the flags say. */
export interface LogsFlags {
  readonly follow?: boolean;
  readonly attempt?: string;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  readonly path?: boolean;
  readonly raw?: boolean;
}

type Stream = keyof OutputPaths;

const CHUNK_BYTES = 65_536;
const FOLLOW_INTERVAL_MS = 100;

/** Prints the output of a job's last attempt, or of the one asked for. */
export async function logs(context: Context, operands: readonly string[], flags: LogsFlags): Promise<void> {
  const queue = await context.queue();
  const job = await queue.meantJob(operands[0]!, "logs");
  const streams = streamsOf(flags);
  if (flags.follow) return await follow(context, { queue, job, streams, flags });
  const attempt = await attemptOf(queue, job, flags.attempt);
  if (attempt === null) return nothingYet(context, job);
  const paths = await context.outputPaths(job, attempt);
  const { output } = context;
  if (context.flags.json) {
    const values = streams.map((stream) => [stream, flags.path ? paths[stream] : readText(paths[stream])]);
    return output.json({ job: job.id, attempt: attempt.number, ...Object.fromEntries(values) });
  }
  if (flags.path) return output.result(streams.map((stream) => paths[stream]).join("\n"));
  const printers = streams.map((stream) => new StreamPrinter(context, paths[stream], flags.raw === true));
  for (const [index, printer] of printers.entries()) {
    if (index > 0 && !printer.isEmpty()) output.talk("--- stderr ---");
    printer.printNew();
    printer.finish();
  }
}

/** `output get ID`: the last attempt's output with how it ended. */
export async function outputGet(context: Context, operands: readonly string[]): Promise<void> {
  const queue = await context.queue();
  const job = await queue.meantJob(operands[0]!, "output get");
  const attempt = await attemptOf(queue, job, undefined);
  const paths = attempt === null ? null : await context.outputPaths(job, attempt);
  const [stdout, stderr] = [
    paths === null ? "" : readText(paths.stdout),
    paths === null ? "" : readText(paths.stderr),
  ];
  const ended = attempt === null || attempt.outcome === null ? null : attempt;
  const { output } = context;
  if (context.flags.json) {
    return output.json({
      ...{ id: job.id, state: job.state, attempt: attempt?.number ?? null, stdout, stderr },
      exit_code: ended?.exitCode ?? null,
      finished_at: ended === null ? null : new Date(ended.finishedAt).toISOString(),
    });
  }
  const printable = Deno.stdout.isTerminal() ? printableOutput : (text: string) => text;
  output.result(`Job: ${printableLine(job.id)}`);
  output.result(`State: ${job.state}`);
  output.result(`Exit code: ${ended?.exitCode ?? ended?.signal ?? "none yet"}`);
  output.result(`Finished: ${ended === null ? "not yet" : localTime(ended.finishedAt)}`);
  output.result(
    `--- stdout ---\n${printable(stdout)}${stdout === "" || stdout.endsWith("\n") ? "" : "\n"}--- stderr ---`,
  );
  if (stderr !== "") output.result(printable(stderr).replace(/\n$/, ""));
}

function streamsOf(flags: LogsFlags): Stream[] {
  if (flags.stdout === flags.stderr) return ["stdout", "stderr"];
  return flags.stdout ? ["stdout"] : ["stderr"];
}

/** The attempt with a number (the latest, if several rounds had it), or the last; null if there was none. */
async function attemptOf(queue: Queue, job: Job, number: string | undefined): Promise<Attempt | null> {
  const attempts = await queue.attempts(job);
  if (number === undefined) return attempts.at(-1) ?? null;
  if (!/^\d{1,9}$/.test(number)) throw badInput(`Cannot show attempt ${number}: it is a whole number from 1`);
  const found = attempts.findLast((attempt) => attempt.number === Number(number));
  if (found === undefined) {
    throw notFound(`Job ${job.id} has no attempt ${number}`, callFor("history", job.id));
  }
  return found;
}

function nothingYet(context: Context, job: Job): void {
  if (context.flags.json) context.output.json({ job: job.id, attempt: null, stdout: "", stderr: "" });
  else context.output.talk(`Job ${printableLine(job.id)} is ${job.state} and has printed nothing yet`);
}

/** Prints what comes, through all attempts, until nothing more can come without a user's doing. */
async function follow(
  context: Context,
  followed: { queue: Queue; job: Job; streams: Stream[]; flags: LogsFlags },
): Promise<void> {
  const { queue, streams, flags } = followed;
  let shownId = 0;
  let printers: StreamPrinter[] = [];
  while (true) {
    // The state is read before the files: if it is final, the files are complete.
    const job = await queue.job(followed.job.id);
    const isFinal = (FINAL_STATES as readonly string[]).includes(job.state);
    const asked = flags.attempt === undefined ? null : await attemptOf(queue, job, flags.attempt);
    // Short attempts may begin and end between two looks. Those before the newest are not shown at the start.
    const attempts = asked !== null ? [asked] : await queue.attempts(job);
    for (const attempt of shownId === 0 ? attempts.slice(-1) : attempts.filter(({ id }) => id > shownId)) {
      for (const printer of printers) printer.printNew();
      if (shownId !== 0 && attempt.id !== shownId) context.output.talk(`--- attempt ${attempt.number} ---`);
      const paths = await context.outputPaths(job, attempt);
      printers = streams.map((stream) => new StreamPrinter(context, paths[stream], flags.raw === true));
      shownId = attempt.id;
    }
    for (const printer of printers) printer.printNew();
    if (isFinal || (asked !== null && asked.outcome !== null)) break;
    await new Promise((resolve) => setTimeout(resolve, FOLLOW_INTERVAL_MS));
  }
  for (const printer of printers) printer.finish();
}

/** Copies a growing file to stdout: as it is, or made safe if stdout is a terminal. */
class StreamPrinter {
  readonly #context: Context;
  readonly #path: string;
  readonly #decoder: TextDecoder | null;
  #offset = 0;

  constructor(context: Context, path: string, isRaw: boolean) {
    this.#context = context;
    this.#path = path;
    this.#decoder = isRaw || !Deno.stdout.isTerminal() ? null : new TextDecoder();
  }

  isEmpty(): boolean {
    try {
      return Deno.statSync(this.#path).size === 0;
    } catch {
      return true;
    }
  }

  /** Prints what has come since the last time. */
  printNew(): void {
    let file: Deno.FsFile;
    try {
      file = Deno.openSync(this.#path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw error;
    }
    try {
      file.seekSync(this.#offset, Deno.SeekMode.Start);
      const chunk = new Uint8Array(CHUNK_BYTES);
      for (let count = file.readSync(chunk); count !== null; count = file.readSync(chunk)) {
        this.#offset += count;
        this.#print(chunk.subarray(0, count));
      }
    } finally {
      file.close();
    }
  }

  /** Prints what an unfinished character has kept back. */
  finish(): void {
    const rest = this.#decoder?.decode() ?? "";
    if (rest !== "") this.#context.output.bytes(new TextEncoder().encode(printableOutput(rest)));
  }

  #print(bytes: Uint8Array): void {
    if (this.#decoder === null) return this.#context.output.bytes(bytes);
    const text = printableOutput(this.#decoder.decode(bytes, { stream: true }));
    this.#context.output.bytes(new TextEncoder().encode(text));
  }
}

function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
