/**
 * What a worker does beside running jobs: signs of life, and rounds in which it looks after the other workers
 * (`peers.ts`), the clock, what ended attempts have left behind, and what may be deleted.
 *
 * The signs of life have a loop of their own: a round may have to kill what a dead worker has left running, and
 * whoever does that for longer than a lease must not be taken for dead meanwhile.
 */

import type { Config } from "../core/config.ts";
import { FINAL_STATES } from "../core/job.ts";
import { deleteNotedOutput } from "../core/queue.ts";
import type { Store } from "../core/store.ts";
import type { Home } from "../home/home.ts";
import { deleteOutput } from "../home/output_files.ts";
import { wakeWorkers } from "../home/wake.ts";
import { CERTAIN_LOOKS, killStrays } from "./ladder.ts";
import { Peers } from "./peers.ts";
import { SignalFlag } from "../home/signal_flag.ts";

/** What upkeep works on, and whom it asks and tells. */
export interface UpkeepPlace {
  readonly store: Store;
  readonly home: Home;
  readonly workerId: number;
  readonly log: (line: string) => void;
  /** The configuration as it is when asked. */
  readonly config: () => Config;
  /** Whether commands are running, which have to be looked after in every round. */
  readonly isBusy: () => boolean;
  /** The worker's own part of a round. */
  readonly onRound: () => Promise<void>;
  /** Somebody has taken this worker for dead and given its jobs away. */
  readonly onTakenForDead: () => void;
}

/** How often a round is made while commands run; more often if the lease is short. */
const ROUND_MS = 1000;
/** How often while there is nothing to do: deaths, changes and wake-ups are told without a round. */
const IDLE_ROUND_MS = 5000;
/** The longest time between two signs of life. */
const MAX_BEAT_INTERVAL_MS = 30_000;
/** How long to wait before trying again when the store can't be used. */
const TROUBLE_PAUSE_MS = 1000;
/** A smaller step of the clock is a correction, and harms nothing. */
const CLOCK_STEP_MS = 1000;
const RETENTION_INTERVAL_MS = 60_000;
const RETENTION_BATCH = 500;
const DAY_MS = 86_400_000;

/** The upkeep of one worker, from `start` to `stop`. */
export class Upkeep {
  readonly #place: UpkeepPlace;
  readonly #peers: Peers;
  readonly #roundFlag = new SignalFlag();
  readonly #beatFlag = new SignalFlag();
  /** Attempts that have ended lately, and how many more looks for what they left running each gets. */
  readonly #endedAttempts = new Map<number, number>();
  #isDone = false;
  #waitsIdly = false;
  /** Whether the wait for an idle worker's round is to become that for a busy one's. */
  #isDeferred = false;
  #loops: Promise<unknown> = Promise.resolve();
  #beatAtMs = performance.now();
  #roundAtMs = -Infinity;
  #roundVersion = "";
  #retainedAtMs = -Infinity;
  #retainedDays = 0;
  /** What the time of day was ahead of the monotonic clock; at the start unknown, so that any step counts. */
  #clockOffsetMs = Infinity;

  constructor(place: UpkeepPlace) {
    const { workerId, store, home, log } = place;
    this.#place = place;
    this.#peers = new Peers(workerId, { store, home, now: Date.now, log });
  }

  /** Begins with the rounds and the signs of life. */
  start(): void {
    this.#loops = Promise.all([this.#keepBeating(), this.#keepRounds()]);
  }

  /** Makes the next round at once. */
  hurry(): void {
    this.#isDeferred = false;
    this.#roundFlag.raise();
  }

  /** The worker has something to do again: from now on rounds come more often. */
  becameBusy(): void {
    if (!this.#waitsIdly) return;
    this.#isDeferred = true;
    this.#roundFlag.raise();
  }

  /** Makes the next round at once if the clock was set back: whoever waits for a time of day waits too long. */
  noticeClock(): void {
    if (this.#clockStepMs() < -CLOCK_STEP_MS) this.hurry();
  }

  /** What an attempt may have left running outside its process group is looked for in the next rounds. */
  attemptEnded(attemptId: number): void {
    this.#endedAttempts.set(attemptId, CERTAIN_LOOKS);
  }

  /** Ends when the present round and the looks for what attempts have left running are over. */
  async stop(): Promise<void> {
    this.#isDone = true;
    this.#roundFlag.raise();
    this.#beatFlag.raise();
    await this.#loops;
    while (this.#endedAttempts.size > 0) await this.#sweepStrays();
  }

  get #leaseMs(): number {
    return this.#place.config().lock_lease_seconds * 1000;
  }

  get #beatIntervalMs(): number {
    return Math.min(this.#leaseMs / 4, MAX_BEAT_INTERVAL_MS);
  }

  async #keepRounds(): Promise<void> {
    while (!this.#isDone) {
      await this.#orTrouble("look after things", () => this.#round());
      this.#waitsIdly = !this.#place.isBusy() && this.#endedAttempts.size === 0;
      await this.#roundFlag.wait(Math.min(this.#waitsIdly ? IDLE_ROUND_MS : ROUND_MS, this.#leaseMs / 4));
      this.#waitsIdly = false;
      if (this.#isDeferred && !this.#isDone) {
        await this.#roundFlag.wait(Math.min(ROUND_MS, this.#leaseMs / 4));
      }
      this.#isDeferred = false;
    }
  }

  async #keepBeating(): Promise<void> {
    while (!this.#isDone) {
      await this.#beatFlag.wait(this.#beatAtMs + this.#beatIntervalMs - performance.now());
      if (!this.#isDone && performance.now() >= this.#beatAtMs + this.#beatIntervalMs) {
        await this.#orTrouble("give a sign of life", () => this.#beat());
      }
    }
  }

  async #orTrouble(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#place.log(`can't ${what}: ${error instanceof Error ? error.message : error}`);
      await new Promise((resolve) => setTimeout(resolve, TROUBLE_PAUSE_MS));
    }
  }

  async #round(): Promise<void> {
    await this.#followClock();
    if (await this.#isQuiet()) return;
    await this.#place.onRound();
    this.#beatFlag.raise(); // the lease may be another one now
    this.#forgetSilenceUnlessWriting();
    await this.#peers.look(this.#leaseMs);
    await this.#sweepStrays();
    await this.#place.store.tidy();
    await this.#retain();
  }

  /** Whether a round would find all as the last one did: nobody has stored anything, and silence can't have grown. */
  async #isQuiet(): Promise<boolean> {
    const version = await this.#place.store.version();
    const sinceMs = performance.now() - this.#roundAtMs;
    const isQuiet = version === this.#roundVersion && !this.#place.isBusy() &&
      this.#endedAttempts.size === 0 &&
      sinceMs < this.#beatIntervalMs;
    if (isQuiet) return true;
    this.#roundVersion = version;
    this.#roundAtMs = performance.now();
    return false;
  }

  /** Gives the sign of life. Somebody who takes us for dead has our jobs: then we end. */
  async #beat(): Promise<void> {
    const isKnown = await this.#beatUnlessBlocked();
    this.#forgetSilenceUnlessWriting();
    this.#beatAtMs = performance.now();
    if (isKnown) return;
    this.#place.log("this worker was taken for dead and its jobs were given back: ending");
    this.#place.onTakenForDead();
  }

  /**
   * Whoever can't give its own sign of life in time has no say in the silence of others: what keeps it from
   * writing, a worker that froze inside a transaction, say, keeps them, too.
   */
  #forgetSilenceUnlessWriting(): void {
    if (performance.now() - this.#beatAtMs > this.#leaseMs * 0.75) this.#peers.forgetSilence();
  }

  async #beatUnlessBlocked(): Promise<boolean> {
    const onBlocked = () => {
      this.#peers.killStoppedWriter().catch((error) =>
        this.#place.log(`can't look at the store's lock: ${error}`)
      );
    };
    const timer = setInterval(onBlocked, this.#leaseMs * 1.5);
    try {
      return await this.#place.store.beat(this.#place.workerId, Date.now());
    } finally {
      clearInterval(timer);
    }
  }

  /** By how much the time of day has moved on more than the monotonic clock since the last round. */
  #clockStepMs(): number {
    return Date.now() - performance.now() - this.#clockOffsetMs;
  }

  /** Notices at the start, and whenever it happens, that the clock has been set back. */
  async #followClock(): Promise<void> {
    const stepMs = this.#clockStepMs();
    this.#clockOffsetMs = Date.now() - performance.now();
    if (stepMs > -CLOCK_STEP_MS) return;
    const shifted = await this.#place.store.shiftDelays(Date.now());
    if (shifted === 0) return;
    this.#place.log(`the clock was set back: the delays of ${shifted} job(s) begin again`);
    wakeWorkers(this.#place.home);
  }

  /** Kills what ended attempts have left running outside their process group; looks several times. */
  async #sweepStrays(): Promise<void> {
    if (this.#endedAttempts.size === 0) return;
    const killed = await killStrays(
      this.#place.store.uid,
      ({ attemptId }) => attemptId !== null && this.#endedAttempts.has(attemptId),
      1,
    );
    for (const [attemptId, looks] of this.#endedAttempts) {
      if (looks > 1) this.#endedAttempts.set(attemptId, looks - 1);
      else this.#endedAttempts.delete(attemptId);
    }
    if (killed > 0) this.#place.log(`killed ${killed} process(es) that ended attempts had left running`);
  }

  /** Deletes final jobs that are older than `retention_days`, and output that an earlier deletion has left. */
  async #retain(): Promise<void> {
    const days = this.#place.config().retention_days;
    if (days === this.#retainedDays && performance.now() - this.#retainedAtMs < RETENTION_INTERVAL_MS) return;
    this.#retainedAtMs = performance.now();
    this.#retainedDays = days;
    const { store, home } = this.#place;
    await deleteNotedOutput(store, (outputs) => deleteOutput({ home, storeUid: store.uid }, outputs));
    if (days === 0) return;
    const filter = { states: FINAL_STATES, updatedBefore: Date.now() - days * DAY_MS };
    const { length: deleted } = await store.delete(filter, { now: Date.now(), limit: RETENTION_BATCH });
    await deleteNotedOutput(store, (outputs) => deleteOutput({ home, storeUid: store.uid }, outputs));
    if (deleted > 0) this.#place.log(`deleted ${deleted} job(s) older than ${days} day(s)`);
    // Many are deleted a batch a round: nothing else may have to wait for them.
    if (deleted === RETENTION_BATCH) this.#retainedAtMs = -Infinity;
  }
}
