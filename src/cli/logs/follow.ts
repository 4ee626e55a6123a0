/**
 * Following the output of jobs: of some that were named, or of all of a queue, those that come later included.
 *
 * The log of events tells which attempts begin and end; the files of those that run are looked at now and then.
 */

import type { Attempt } from "../../core/attempt.ts";
import type { LogEntry } from "../../core/event.ts";
import { isFinal, type Job } from "../../core/job.ts";
import type { Store } from "../../core/store.ts";
import { printableLine } from "../../core/printable.ts";
import type { Context } from "../context.ts";
import { EventFeed } from "../event_feed.ts";
import { AttemptOutput } from "./attempt_output.ts";
import type { LinePrinter, Stream } from "./printers.ts";

/** What is followed. */
export interface Followed {
  /** The jobs that were named; null: all of `queue`. */
  readonly jobs: readonly Job[] | null;
  /** Null: all queues. Means nothing where jobs were named. */
  readonly queue: string | null;
  /** The attempt of the one job that was named; null: all, as they come. */
  readonly attempt: Attempt | null;
  readonly streams: readonly Stream[];
  readonly tail: number | null;
  /** Attempts that ran after this time are printed from the start on, too; null: only the newest of a job. */
  readonly since: number | null;
}

/** How often the files of running attempts are looked at. */
const LOOK_INTERVAL_MS = 100;
/** How long it waits for an event where nothing runs. */
const IDLE_WAIT_MS = 5000;
/** Changes may come by the hundred a second; they are dealt with together. */
const MIN_PAUSE_MS = 20;
/** More files than this take turns, so that a look stays short. */
const ATTEMPTS_PER_LOOK = 250;
/** A job that is due ever so late is followed, too. */
const FOR_EVER = Number.MAX_SAFE_INTEGER;
/** Among so many of the newest attempts those are found that `since` wants. */
const RECENT_ATTEMPTS = 1000;

/** Prints what is `followed` until nothing more can come without a user's doing. */
export async function follow(context: Context, printer: LinePrinter, followed: Followed): Promise<void> {
  const store = await context.store();
  // The log first: what changes before the files are looked at is then found twice and not missed.
  const feed = await EventFeed.open(store, context.home);
  try {
    const following = new Following(context, store, printer, followed);
    await following.begin();
    let entries: LogEntry[] = [];
    while (true) {
      await following.look(entries);
      const isOver = await following.isOver();
      if (!isOver && !following.hasMore) await pause(MIN_PAUSE_MS);
      const waitMs = isOver || following.hasMore ? 0 : following.isRunning ? LOOK_INTERVAL_MS : IDLE_WAIT_MS;
      entries = await feed.next(waitMs);
      // Something may have begun and ended since the log was read.
      if (isOver && entries.length === 0) break;
    }
  } finally {
    feed.close();
    printer.end();
  }
}

class Following {
  readonly #context: Context;
  readonly #store: Store;
  readonly #printer: LinePrinter;
  readonly #followed: Followed;
  readonly #isInteractive = Deno.stdout.isTerminal();
  /** The running attempts by their jobs' `seq`. */
  readonly #running = new Map<number, { attemptId: number; output: AttemptOutput }>();
  /** The jobs that were named and may still run. */
  readonly #awaited = new Map<number, string>();
  /** The newest attempt of each job whose output has been begun. */
  readonly #begun = new Map<number, number>();
  #nextLook = 0;

  constructor(context: Context, store: Store, printer: LinePrinter, followed: Followed) {
    this.#context = context;
    this.#store = store;
    this.#printer = printer;
    this.#followed = followed;
  }

  /** Whether there is more to read at once. */
  hasMore = false;

  get isRunning(): boolean {
    return this.#running.size > 0;
  }

  /** Prints what there is by now. */
  async begin(): Promise<void> {
    const { jobs, attempt, since } = this.#followed;
    if (jobs === null) return await this.#beginQueue();
    for (const job of jobs) {
      const attempts = await this.#store.attempts(job.seq);
      const wanted = attempt !== null
        ? [attempt]
        : since === null
        ? attempts.slice(-1)
        : ranAfter(attempts, since);
      // The state is as old as `job`: what has begun since then is in `attempts`, and its end in the log.
      for (const one of wanted) await this.#beginAttempt(job.seq, one, this.#followed.tail);
      const hasEnded = attempt === null ? isFinal(job) : attempt.outcome !== null;
      if (!hasEnded) this.#awaited.set(job.seq, job.id);
    }
  }

  async #beginQueue(): Promise<void> {
    const { since, tail } = this.#followed;
    const recent = since === null ? [] : ranAfter(await this.#store.recentAttempts(RECENT_ATTEMPTS), since);
    for (const attempt of recent.filter(({ outcome }) => outcome !== null)) {
      const job = await this.#wantedJob(attempt.jobId);
      if (job !== null) await this.#beginAttempt(job.seq, attempt, tail);
    }
    for (const job of await this.#store.processing()) {
      if (!this.#isOfQueue(job)) continue;
      const attempt = (await this.#store.attempts(job.seq)).find(({ id }) => id === job.claim.attemptId);
      if (attempt !== undefined) await this.#beginAttempt(job.seq, attempt, tail);
    }
  }

  /** Reacts to what has happened, and prints what has come. */
  async look(entries: readonly LogEntry[]): Promise<void> {
    for (const entry of entries) await this.#react(entry);
    this.#printNew();
  }

  async #react(entry: LogEntry): Promise<void> {
    const { event, jobSeq } = entry;
    if (jobSeq === null) return;
    const isNamed = this.#followed.jobs !== null;
    if (isNamed && !this.#awaited.has(jobSeq)) return;
    switch (event.type) {
      case "claimed":
        if (this.#followed.attempt !== null || entry.jobId === null) return;
        await this.#joinAttempt(entry.jobId, jobSeq, event.claim.attemptId);
        break;
      case "ended":
        await this.#endIfEnded(jobSeq);
        break;
      case "deleted":
        this.#endAttempt(jobSeq);
        this.#awaited.delete(jobSeq);
    }
  }

  async #joinAttempt(jobId: string, jobSeq: number, attemptId: number): Promise<void> {
    if (attemptId <= (this.#begun.get(jobSeq) ?? 0)) return;
    const job = await this.#wantedJob(jobId);
    const attempts = job === null ? [] : await this.#store.attempts(jobSeq);
    const attempt = attempts.find(({ id }) => id === attemptId);
    if (attempt === undefined) return;
    const isFirst = attempt.id === attempts[0]!.id;
    if (!isFirst) this.#say(jobId, `attempt ${attempt.number}`);
    // It may have ended by now; that is told by the log, where its beginning was found.
    await this.#beginAttempt(jobSeq, { ...attempt, outcome: null } as Attempt, null);
  }

  async #wantedJob(id: string): Promise<Job | null> {
    const job = await this.#store.job(id);
    return job !== null && (this.#followed.jobs !== null || this.#isOfQueue(job)) ? job : null;
  }

  #isOfQueue(job: Job): boolean {
    return this.#followed.queue === null || job.queue === this.#followed.queue;
  }

  async #beginAttempt(jobSeq: number, attempt: Attempt, tail: number | null): Promise<void> {
    const paths = await this.#context.outputPaths({ seq: jobSeq }, attempt);
    const { streams } = this.#followed;
    const choice = { jobId: attempt.jobId, attempt: attempt.number, paths, streams, tail };
    this.#endAttempt(jobSeq);
    const output = new AttemptOutput(choice, this.#printer);
    this.#begun.set(jobSeq, attempt.id);
    if (attempt.outcome === null) this.#running.set(jobSeq, { attemptId: attempt.id, output });
    else output.finish();
  }

  /** The log doesn't tell which attempt has ended: what was begun at the start may be a later one. */
  async #endIfEnded(jobSeq: number): Promise<void> {
    const running = this.#running.get(jobSeq);
    if (running === undefined) return;
    const attempt = (await this.#store.attempts(jobSeq)).find(({ id }) => id === running.attemptId);
    if (attempt?.outcome !== null) this.#endAttempt(jobSeq);
  }

  #endAttempt(jobSeq: number): void {
    this.#running.get(jobSeq)?.output.finish();
    this.#running.delete(jobSeq);
    if (this.#followed.jobs === null) this.#begun.delete(jobSeq);
  }

  /** A look at the files, at all of them or, if they are many, at the next ones in turn. */
  #printNew(): void {
    const all = [...this.#running.values()];
    if (this.#nextLook >= all.length) this.#nextLook = 0;
    const turn = all.slice(this.#nextLook, this.#nextLook + ATTEMPTS_PER_LOOK);
    this.#nextLook += turn.length;
    const more = turn.map(({ output }) => output.printNew({ isInteractive: this.#isInteractive }));
    this.hasMore = more.includes(true);
  }

  /** Whether, after all that has happened by now, nothing more will come. */
  async isOver(): Promise<boolean> {
    const { jobs, attempt, queue } = this.#followed;
    if (this.#running.size > 0) return false;
    if (jobs === null) return !await this.#store.backlog.isLeft(queue === null ? [] : [queue], FOR_EVER);
    if (attempt !== null) return true;
    for (const [seq, id] of this.#awaited) {
      const job = await this.#store.job(id);
      if (job === null || isFinal(job)) this.#awaited.delete(seq);
    }
    return this.#awaited.size === 0;
  }

  #say(jobId: string, what: string): void {
    const isOne = this.#followed.jobs?.length === 1;
    this.#printer.endLine();
    this.#context.output.talk(`--- ${isOne ? "" : `${printableLine(jobId)}: `}${what} ---`);
  }
}

/** The attempts that had not ended at a time, oldest first. */
export function ranAfter(attempts: readonly Attempt[], since: number): Attempt[] {
  return attempts.filter((attempt) => attempt.outcome === null || attempt.finishedAt >= since);
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
