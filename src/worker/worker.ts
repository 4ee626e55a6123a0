/**
 * A worker: claim → run → finish, in as many slots as it has, until it is told to stop.
 *
 * Between jobs it sleeps until it is woken or a job becomes due, with a look of its own now and then. What it does
 * beside that, such as looking after the other workers, is in `upkeep.ts`.
 */

import type { AttemptEnd } from "../core/attempt.ts";
import { type Config, readConfig } from "../core/config.ts";
import { QueueError } from "../core/errors.ts";
import type { Job, ProcessingJob } from "../core/job.ts";
import type { ClaimRequest, Store } from "../core/store.ts";
import type { WorkerRecord } from "../core/worker_record.ts";
import type { Home } from "../home/home.ts";
import { wakeWorkers, watchWakes } from "../home/wake.ts";
import { homeVariables, inheritedVariables } from "./command.ts";
import { type Goal, isReached, SERVE } from "./goal.ts";
import { type HeldLock, takeLock } from "./lock_file.ts";
import { COOKIE_VARIABLE, identify, missingTool, workerCookieOf } from "./process_probe.ts";
import { ProgressWatch } from "./progress_watch.ts";
import { type AttemptPlace, RunningAttempt } from "./running_attempt.ts";
import { SignalFlag } from "../home/signal_flag.ts";
import { Spawner } from "./spawner.ts";
import { type Ending, type Settled, Turnover } from "./turnover.ts";
import { Upkeep } from "./upkeep.ts";
import { WorkerLog } from "./worker_log.ts";

/** What a worker needs to start. */
export interface WorkerOptions {
  readonly store: Store;
  readonly home: Home;
  readonly slots: number;
  /** The queues it serves; empty means all. */
  readonly queues: readonly string[];
  /** Whether its log goes to stderr as well. */
  readonly isEchoed: boolean;
  /** The name of the lock to hold, used by nobody else. */
  readonly lockName: string;
  /** When it ends by itself; never if absent. */
  readonly goal?: Goal;
}

/** The longer nothing happens, the less often an idle worker looks by itself; this often at last. */
const MAX_LOOK_PAUSE_MS = 5000;
/** How long to wait before trying again when the store can't be used. */
const TROUBLE_PAUSE_MS = 1000;

/** How many jobs a worker takes in one transaction at most: others want to write, too. */
const MAX_CLAIMS_AT_ONCE = 32;

const NOT_STARTED: AttemptEnd = {
  outcome: "released",
  exitCode: null,
  signal: null,
  error: "its worker was told to stop before it was started",
};

/** A worker of this process. */
export class Worker {
  readonly record: WorkerRecord;
  readonly #options: WorkerOptions;
  readonly #lock: HeldLock;
  readonly #log: WorkerLog;
  readonly #upkeep: Upkeep;
  readonly #place: AttemptPlace;
  readonly #progress: ProgressWatch;
  readonly #turnover = new Turnover((endings) => this.#storeEndings(endings), () => this.#running.size > 1);
  readonly #wake = new SignalFlag();
  readonly #running = new Map<number, RunningAttempt>();
  readonly #tasks = new Set<Promise<void>>();
  #config: Config;
  #isStopping = false;
  /** Whether it can't be woken, so that its own looks are all it has. */
  #isDeaf = false;
  #looksInVain = 0;

  private constructor(
    record: WorkerRecord,
    lock: HeldLock,
    rest: { options: WorkerOptions; config: Config },
  ) {
    this.record = record;
    this.#lock = lock;
    this.#options = rest.options;
    this.#config = rest.config;
    const { store, home, isEchoed } = rest.options;
    this.#progress = new ProgressWatch(store, { home, storeUid: store.uid });
    this.#log = new WorkerLog({ home, storeUid: store.uid }, { workerId: record.id, isEchoed });
    const variables = { ...inheritedVariables(), ...homeVariables(home) };
    const spawner = new Spawner(variables, workerCookieOf(store.uid, record.id));
    this.#place = { home, storeUid: store.uid, spawner, config: () => this.#config };
    this.#upkeep = new Upkeep({
      ...{ store, home, workerId: record.id },
      log: (line) => this.#log.write(line),
      config: () => this.#config,
      isBusy: () => this.#running.size > 0,
      onRound: () => this.#onRound(),
      onTakenForDead: () => this.forceStop(),
    });
  }

  /** Registers a worker. From then on others see it, and `run` must follow. */
  static async start(options: WorkerOptions): Promise<Worker> {
    // A worker that a job has started is not a part of that job.
    Deno.env.delete(COOKIE_VARIABLE);
    const missing = await missingTool();
    if (missing !== null) {
      throw new QueueError("failed", `Cannot start a worker: this system has no ${missing}`, {
        hint: "installing it",
      });
    }
    const identity = await identify(Deno.pid);
    if (identity === null) throw new Error("This process is not in /proc");
    const config = readConfig(await options.store.settings());
    const { slots, queues, store, lockName, goal } = options;
    const only = goal?.kind === "one_job" ? { onlyJobSeq: goal.jobSeq } : {};
    const record = await store.registerWorker({ identity, lockName, slots, queues, ...only }, Date.now());
    // The lock comes second, so that whoever dies in between leaves no lock that nobody knows of.
    return new Worker(record, takeLock(options.home, lockName), { options, config });
  }

  /** Works until it is told to stop and its last command has ended. */
  async run(): Promise<void> {
    const { home, queues } = this.#options;
    const served = queues.length === 0 ? "all queues" : `queues ${queues.join(", ")}`;
    this.#log.write(
      `worker ${this.record.id} (pid ${Deno.pid}) started, ${this.record.slots} slot(s), ${served}`,
    );
    const unwatch = watchWakes(
      home,
      () => this.#onWake(),
      (why) => {
        this.#isDeaf = true;
        this.#log.write(`can't watch for wake-ups: ${why}`);
      },
    );
    this.#upkeep.start();
    while (!this.#isStopping) {
      const version = await this.#storeVersion();
      if (this.#running.size < this.record.slots && await this.#claimAndStart()) continue;
      if (this.#running.size === 0 && await this.#hasReachedGoal()) break;
      await this.#idleSince(version);
    }
    await this.#tell(() => this.#options.store.markStopping(this.record.id, Date.now()));
    while (this.#tasks.size > 0) await Promise.race(this.#tasks);
    await this.#upkeep.stop();
    await this.#place.spawner.close();
    unwatch();
    await this.#tell(() => this.#options.store.unregisterWorker(this.record.id, Date.now()));
    this.#lock.release();
    this.#log.write(`worker ${this.record.id} stopped`);
  }

  /** Claims nothing more; `run` returns when what runs has ended. */
  stop(): void {
    if (this.#isStopping) return;
    this.#log.write(`told to stop: finishing ${this.#running.size} job(s)`);
    this.#isStopping = true;
    this.#wake.raise();
  }

  /** Stops, and ends what runs by the ladder; its jobs go back to `pending`. */
  forceStop(): void {
    this.stop();
    for (const attempt of this.#running.values()) attempt.end("released");
  }

  /** Takes jobs for the free slots and starts them; false if there is none, or the store can't be used for now. */
  async #claimAndStart(): Promise<boolean> {
    const { store } = this.#options;
    try {
      this.#config = readConfig(await store.settings());
      const job = await store.claim(this.#request(), Date.now());
      if (job === null) return false;
      this.#looksInVain = 0;
      this.#upkeep.becameBusy();
      this.#start(job);
      const next = this.#requests(Math.min(this.record.slots - this.#running.size, MAX_CLAIMS_AT_ONCE));
      if (next.length === 0) return true;
      const more = await store.endAttemptsAndClaim([], () => ({ now: Date.now(), maxBackoffMs: 0, next }));
      for (const one of more.next) this.#start(one);
      return true;
    } catch (error) {
      await this.#trouble("claim a job", error);
      return false;
    }
  }

  #start(job: ProcessingJob): void {
    const task: Promise<void> = this.#work(job).finally(() => {
      this.#tasks.delete(task);
      this.#wake.raise();
    });
    this.#tasks.add(task);
  }

  #requests(count: number): ClaimRequest[] {
    return Array.from({ length: count }, () => this.#request());
  }

  #request(): ClaimRequest {
    return {
      workerId: this.record.id,
      queues: this.#options.queues,
      mode: this.#config.scheduling_mode,
      token: crypto.randomUUID(),
      ...(this.#goal.kind === "one_job" ? { jobSeq: this.#goal.jobSeq } : {}),
    };
  }

  /** Runs a job, and then those that are taken with the end of the one before, as long as there is a backlog. */
  async #work(first: ProcessingJob): Promise<void> {
    let tellLast = () => {};
    for (let job: ProcessingJob | null = first; job !== null;) {
      const attempt = new RunningAttempt(job, this.#place);
      this.#running.set(job.claim.attemptId, attempt);
      const running = this.#run(attempt);
      // Now that the next command is on its way, there is time to speak of the last.
      tellLast();
      const end = await running;
      await this.#lookAfter(attempt);
      const { ended, next } = await this.#finish(job, end);
      const last = job;
      tellLast = () => this.#tellEnd(last, end, ended);
      if (next === null) tellLast();
      // It couldn't be started because of us: trying again at once would meet the same.
      if (end.outcome === "released" && !this.#isStopping) {
        await this.#trouble(`start job ${job.id}`, end.error);
      }
      this.#running.delete(job.claim.attemptId);
      job = next;
    }
  }

  /** Starts the command of an attempt at once, and waits until it and all it started are gone. */
  #run(attempt: RunningAttempt): Promise<AttemptEnd> {
    // The order to stop came while the claim was being made: the job is given back without being started.
    if (this.#isStopping) return Promise.resolve(NOT_STARTED);
    return attempt.run().catch((error) => {
      return { outcome: "failed", exitCode: null, signal: null, error: `queuectl failed: ${error}` };
    });
  }

  /** Sees to what a command has left behind: processes, and a last word on how far it has come. */
  async #lookAfter({ job, leftovers, outputBytes }: RunningAttempt): Promise<void> {
    if (leftovers === null) this.#upkeep.attemptEnded(job.claim.attemptId);
    else if (leftovers > 0) {
      this.#log.write(`killed ${leftovers} process(es) that job ${job.id} had left running`);
    }
    if (outputBytes === 0) this.#progress.forget(job);
    else await this.#progress.finish(job, this.#config.max_output_bytes);
  }

  /** Stores how an attempt ended, however long the store can't be used, and takes the next job with it. */
  async #finish(job: ProcessingJob, end: AttemptEnd): Promise<Settled> {
    while (true) {
      try {
        // Whoever has trouble, or nothing to go on with, takes no job before that is over.
        const takesNext = end.outcome !== "released" && !this.#isStopping;
        return await this.#turnover.settle({ job, end, takesNext });
      } catch (error) {
        await this.#trouble(`store the end of job ${job.id}`, error);
      }
    }
  }

  async #storeEndings(endings: readonly Ending[]): Promise<Settled[]> {
    const ends = endings.map(({ job, end }) => ({
      ref: { jobSeq: job.seq, attemptId: job.claim.attemptId, token: job.claim.token },
      end,
    }));
    const count = endings.filter(({ takesNext }) => takesNext).length;
    const { ended, next } = await this.#options.store.endAttemptsAndClaim(ends, (settings) => {
      this.#config = readConfig(settings);
      const maxBackoffMs = this.#config.max_backoff_seconds * 1000;
      return { now: Date.now(), maxBackoffMs, next: this.#requests(count) };
    });
    const taken = next.values();
    return endings.map(({ takesNext }, index) => ({
      ended: ended[index]!,
      next: takesNext ? taken.next().value ?? null : null,
    }));
  }

  #tellEnd(job: ProcessingJob, end: AttemptEnd, after: Job | null): void {
    const why = end.error === null ? "" : ` (${end.error})`;
    const result = after === null ? ", but the claim was lost: nothing stored" : `: ${after.state}`;
    this.#log.write(`job ${job.id} attempt ${job.attempts} ${end.outcome}${why}${result}`);
    // Idle workers must learn when it is due again, or that it is back already.
    if (after?.state === "failed" || after?.state === "pending") wakeWorkers(this.#options.home);
  }

  get #goal(): Goal {
    return this.#options.goal ?? SERVE;
  }

  /** Whether nothing is left for this worker to do: then it stops, and others that may wait for the same look, too. */
  async #hasReachedGoal(): Promise<boolean> {
    const { store, home, queues } = this.#options;
    try {
      if (!await isReached(this.#goal, store, queues)) return false;
    } catch (error) {
      await this.#trouble("see whether anything is left", error);
      return false;
    }
    this.#log.write("nothing is left to do");
    this.stop();
    wakeWorkers(home);
    return true;
  }

  /**
   * Sleeps until there may be something to claim. Wake-ups tell; in case one is lost, a look now and then whether
   * the store is still as it was at the last claim, which costs next to nothing. The time of day is asked anew each
   * time: it may have been set, and the machine may have slept.
   */
  async #idleSince(version: string | null): Promise<void> {
    const dueAt = await this.#dueAt();
    while (!this.#isStopping) {
      if (await this.#wake.wait(Math.min(this.#lookPauseMs, dueAt - Date.now()))) {
        this.#looksInVain = 0;
        return;
      }
      this.#upkeep.noticeClock();
      if (Date.now() >= dueAt || version === null) return;
      this.#looksInVain++;
      if (await this.#storeVersion() !== version) return;
    }
  }

  get #lookPauseMs(): number {
    const { poll_interval_ms: firstMs } = this.#config;
    if (this.#isDeaf) return firstMs;
    return Math.min(firstMs * 2 ** this.#looksInVain, Math.max(firstMs, MAX_LOOK_PAUSE_MS));
  }

  /** The time at which the next job is due, as far as is known; never if all slots are taken. */
  async #dueAt(): Promise<number> {
    if (this.#running.size >= this.record.slots) return Infinity;
    try {
      return await this.#options.store.nextRunAt(this.#options.queues) ?? Infinity;
    } catch {
      return Infinity; // the next claim meets the same trouble and tells it
    }
  }

  /** Null if the store can't be used: the next claim meets the same trouble and tells it. */
  async #storeVersion(): Promise<string | null> {
    return await this.#options.store.version().catch(() => null);
  }

  #onWake(): void {
    this.#wake.raise();
    if (this.#running.size > 0) this.#upkeep.hurry(); // it may be a cancel
  }

  async #onRound(): Promise<void> {
    const { store } = this.#options;
    if (this.#running.size > 0) {
      for (const claim of await store.cancelRequests(this.record.id)) {
        this.#running.get(claim.attemptId)?.end("cancelled");
      }
    }
    this.#config = readConfig(await store.settings());
    for (const attempt of this.#running.values()) {
      await this.#progress.look(attempt.job, this.#config.max_output_bytes);
      attempt.limitOutput();
    }
  }

  async #tell(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      await this.#trouble("tell the store", error);
    }
  }

  async #trouble(what: string, error: unknown): Promise<void> {
    this.#log.write(`can't ${what}: ${error instanceof Error ? error.message : error}`);
    await new Promise((resolve) => setTimeout(resolve, TROUBLE_PAUSE_MS));
  }
}
