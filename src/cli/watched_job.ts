/**
 * A job that this command waits for: its output is passed on, its retries are told, and if no worker would run
 * it this process does.
 */

import type { AttemptEnd } from "../core/attempt.ts";
import { QueueError } from "../core/errors.ts";
import type { LogEntry } from "../core/event.ts";
import { exitStatusOf, statusOfSignal } from "../core/exit_status.ts";
import { type FinalJob, isFinal, type Job, type PendingJob } from "../core/job.ts";
import { jobJson } from "../core/json_view.ts";
import { printableLine } from "../core/printable.ts";
import type { Queue } from "../core/queue.ts";
import type { Store } from "../core/store.ts";
import { serves } from "../core/worker_record.ts";
import { outputPaths, readTextIfThere } from "../home/output_files.ts";
import type { Context, OwnWorkers } from "./context.ts";
import type { EventFeed } from "./event_feed.ts";
import { failureText, jobNews, retryText } from "./job_news.ts";
import { OutputPump, type Sink } from "./output_pump.ts";
import { ownAttempt } from "./own_attempt.ts";

/** How often to see whether somebody would run the job. */
const WORKER_LOOK_MS = 1000;
/** How long a job may wait before it is said why. */
const NOTICEABLE_WAIT_MS = 2000;

const NEWLINE = 10;

/** Stdout or stderr. */
interface TerminalOrFile {
  write(bytes: Uint8Array): Promise<number>;
  isTerminal(): boolean;
}

/** How the job ended, and the status that this process exits with; `job` is null if it was deleted. */
export interface WatchedEnd {
  readonly job: FinalJob | null;
  readonly exitStatus: number;
}

interface Surroundings {
  readonly store: Store;
  readonly queue: Queue;
  /** Follows the log from before the job was enqueued. */
  readonly feed: EventFeed;
  readonly job: PendingJob;
}

/** A job that was just enqueued. */
export class WatchedJob {
  readonly id: string;
  readonly #context: Context;
  readonly #around: Surroundings;
  #pump: OutputPump | null = null;
  #attemptId: number | null = null;
  #own: OwnWorkers | null = null;
  /** Why the output can't be passed on; null while it can. */
  #outputTrouble: unknown = null;
  /** Whether the job has left the terminal in the middle of a line. */
  #isInLine = false;
  #lookedAtMs = -Infinity;
  #waitingSinceMs: number | null = performance.now();

  constructor(context: Context, around: Surroundings) {
    this.id = around.job.id;
    this.#context = context;
    this.#around = around;
  }

  /** Waits until the job is final and everything it printed is passed on. */
  async untilFinal(): Promise<WatchedEnd> {
    const { store, feed, job: { seq } } = this.#around;
    try {
      while (true) {
        const job = await this.#job();
        if (job === null || isFinal(job)) {
          await this.#catchUp(job);
          return await this.#end(job);
        }
        if (job.state !== "processing") await this.#ensureWorker();
        for (const entry of await feed.next(WORKER_LOOK_MS)) {
          if (entry.jobSeq === seq) await this.#follow(entry);
        }
      }
    } finally {
      this.#own?.stop();
      await this.#own?.ended;
      await store.tidy();
    }
  }

  /** Tells what happened before the job became final, and passes on what it printed until then. */
  async #catchUp(job: FinalJob | null): Promise<void> {
    const { store, feed } = this.#around;
    for (const entry of await feed.rest()) await this.#follow(entry);
    const last = job === null ? undefined : (await store.attempts(job.seq)).at(-1);
    if (last !== undefined && last.id !== this.#attemptId) await this.#begin(last.id);
    await this.#endPump();
  }

  /** Somebody wants it to end: the first time it is cancelled, from the second on its processes are killed. */
  interrupt(count: number): void {
    const work = async () => {
      await this.#cancel();
      if (count > 1) await this.#kill();
    };
    work().catch((error) => this.#context.output.talk(`Cannot end job ${this.#name}: ${error.message}`));
  }

  get #name(): string {
    return printableLine(this.id);
  }

  /** The job; null if it was deleted, whoever has its id now. */
  async #job(): Promise<Job | null> {
    const job = await this.#around.store.job(this.id);
    return job?.seq === this.#around.job.seq ? job : null;
  }

  async #follow({ event, jobSeq }: LogEntry): Promise<void> {
    if (jobSeq !== this.#around.job.seq) return;
    if (event.type === "claimed") await this.#begin(event.claim.attemptId);
    if (event.type !== "ended") return;
    await this.#endPump();
    this.#waitingSinceMs = performance.now();
    await this.#tellEnd(event.end);
  }

  /** Tells an end that is not the last one: the job may be further on already, so the attempt is asked. */
  async #tellEnd({ outcome, error }: AttemptEnd): Promise<void> {
    const { store, job: { seq } } = this.#around;
    if (outcome === "released" || outcome === "lost") {
      const why = error === null ? "" : ` (${printableLine(error)})`;
      return this.#talk(`the attempt was cut short${why} and is made again`);
    }
    const job = await this.#job();
    const attempts = await store.attempts(seq);
    const attempt = attempts.find(({ id }) => id === this.#attemptId);
    if (job === null || attempt === undefined || attempt.number >= job.maxRetries) return;
    if (isFinal(job) && attempts.at(-1) === attempt) return;
    if (outcome !== "failed" && outcome !== "timed_out") return;
    const nextAt = job.state === "failed" ? job.runAt : null;
    this.#talk(retryText({ number: attempt.number, maxRetries: job.maxRetries, error, nextAt }));
  }

  async #begin(attemptId: number): Promise<void> {
    this.#attemptId = attemptId;
    this.#waitingSinceMs = null;
    if (this.#context.flags.json) return;
    await this.#endPump();
    const { queue } = this.#around;
    const maxBytes = (await queue.config()).max_output_bytes;
    const sinks = { stdout: this.#sinkOf(Deno.stdout), stderr: this.#sinkOf(Deno.stderr) };
    this.#pump = new OutputPump(this.#paths(attemptId), sinks, maxBytes);
    this.#pump.failure.catch((error) => this.#onOutputTrouble(error));
  }

  /** Whoever read our output is gone, or its disk is full: as a command of its own the job would end by that. */
  #onOutputTrouble(error: unknown): void {
    if (this.#outputTrouble !== null) return;
    this.#outputTrouble = error;
    this.#cancel().catch(() => {});
  }

  async #endPump(): Promise<void> {
    const pump = this.#pump;
    if (pump === null) return;
    this.#pump = null;
    await pump.finish().catch((error) => this.#onOutputTrouble(error));
    if (pump.isFull) this.#talk("it printed as much as is kept (max_output_bytes); the rest is lost");
  }

  async #end(job: FinalJob | null): Promise<WatchedEnd> {
    if (job === null) return { job, exitStatus: 3 };
    const last = (await this.#around.queue.attempts(job)).at(-1);
    const exitStatus = exitStatusOf(job, last);
    if (this.#outputTrouble instanceof Deno.errors.BrokenPipe) {
      return { job, exitStatus: statusOfSignal("SIGPIPE") };
    }
    if (this.#outputTrouble !== null) {
      const why = this.#outputTrouble instanceof Error ? this.#outputTrouble.message : this.#outputTrouble;
      throw new QueueError("failed", `Cannot pass on the output of ${this.id}: ${why}`, {
        hint: "another place for the output",
      });
    }
    if (this.#context.flags.json) {
      const paths = last === undefined ? null : this.#paths(last.id);
      this.#context.output.json({
        ...jobJson(job),
        exit_status: exitStatus,
        stdout: paths === null ? "" : readTextIfThere(paths.stdout),
        stderr: paths === null ? "" : readTextIfThere(paths.stderr),
      });
    } else {
      const what = failureText({ ...job, lastError: job.state === "dead" ? job.lastError : null });
      if (what !== null) this.#talk(what);
    }
    return { job, exitStatus };
  }

  /** Starts a worker in this process if nobody else would run the job, be it because they have gone meanwhile. */
  async #ensureWorker(): Promise<void> {
    if (this.#own !== null || performance.now() - this.#lookedAtMs < WORKER_LOOK_MS) return;
    this.#lookedAtMs = performance.now();
    const { store, queue, job } = this.#around;
    // Called by a job's command we occupy a slot: if that is the only one, waiting for it would last for ever.
    const others = ownAttempt() === null ? await this.#context.workers() : [];
    const serving = others.filter((view) => serves(view, job.queue));
    if (serving.length > 0) return await this.#tellWait(serving.length);
    const control = await this.#context.wiring.workers();
    try {
      this.#own = await control.startFleet({
        ...{ store, home: this.#context.home, count: 1, concurrency: 1, queues: [job.queue] },
        goal: { kind: "one_job", jobId: job.id, jobSeq: job.seq },
      });
      // Others may take it for dead and give the job back: then that needs another one.
      this.#own.ended.catch(() => {}).then(() => this.#own = null);
    } catch (error) {
      await queue.cancel([this.id]).catch(() => {}); // nobody would expect it to run some other day
      throw error;
    }
  }

  /** Says once, for each time it waits, that the workers have something else to do. */
  async #tellWait(workers: number): Promise<void> {
    const job = await this.#job();
    const isDue = job !== null && "runAt" in job && job.runAt <= Date.now();
    if (this.#waitingSinceMs === null || !isDue) return;
    if (performance.now() - this.#waitingSinceMs < NOTICEABLE_WAIT_MS) return;
    this.#waitingSinceMs = null;
    this.#talk(`waiting for one of ${workers} worker(s), which run other jobs`);
  }

  async #cancel(): Promise<void> {
    try {
      await this.#around.queue.cancel([this.id]);
    } catch (error) {
      if (error instanceof QueueError && ["conflict", "not_found"].includes(error.code)) return; // it has ended
      throw error;
    }
  }

  async #kill(): Promise<void> {
    if (this.#attemptId === null) return;
    const control = await this.#context.wiring.workers();
    await control.killAttempt(this.#around.store.uid, this.#attemptId);
  }

  #paths(attemptId: number) {
    const { store, job } = this.#around;
    return outputPaths({ home: this.#context.home, storeUid: store.uid }, job.seq, attemptId);
  }

  /** Writes without blocking the program, however slow the reader is: a worker in it must go on giving signs of life. */
  #sinkOf(stream: TerminalOrFile): Sink {
    const isShown = stream.isTerminal();
    return async (bytes) => {
      for (let written = 0; written < bytes.length;) written += await stream.write(bytes.subarray(written));
      if (isShown) this.#isInLine = bytes.at(-1) !== NEWLINE;
    };
  }

  #talk(what: string): void {
    const start = this.#isInLine && Deno.stderr.isTerminal() ? "\n" : "";
    this.#isInLine = false;
    this.#context.output.talk(`${start}${jobNews(this.id, what)}`);
  }
}
