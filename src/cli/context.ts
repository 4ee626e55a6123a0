/**
 * What every command has at hand.
 */

import type { Attempt } from "../core/attempt.ts";
import type { QueueError } from "../core/errors.ts";
import type { Job } from "../core/job.ts";
import type { Queue } from "../core/queue.ts";
import type { Store } from "../core/store.ts";
import type { WorkerRecord, WorkerView } from "../core/worker_record.ts";
import { createHome, type Home, resolveHome } from "../home/home.ts";
import { deleteOutput, type OutputPaths, outputPaths } from "../home/output_files.ts";
import { wakeWorkers } from "../home/wake.ts";
import { type Output, processOutput } from "./output.ts";

/** The flags that every command takes. */
export interface GlobalFlags {
  readonly home?: string;
  readonly db?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** How a store is opened. */
export interface OpenOptions {
  /** `full`: what is acknowledged is on the disk. `normal`: a power failure may undo a worker's last writes. */
  readonly durability: "full" | "normal";
  /** Called when the store has been locked for a while. */
  readonly onWait: () => void;
}

/** The parts of the program that the command line may not know: `main.ts` joins them. */
export interface Wiring {
  /** Opens the store of a home that exists. */
  openStore(home: Home, options: OpenOptions): Promise<Store>;
  /** The control of workers, loaded when it is needed. */
  workers(): Promise<WorkerControl>;
  /** The dashboard, loaded when it is needed. */
  web(): Promise<Dashboard>;
  /** The version of the database engine. */
  engineVersion(): Promise<string>;
}

/** Serving the dashboard; see `src/web/server.ts`. */
export interface Dashboard {
  startWeb(options: DashboardOptions): Promise<DashboardServer>;
}

interface DashboardOptions {
  readonly store: Store;
  readonly queue: Queue;
  readonly home: Home;
  readonly workers: () => Promise<WorkerView[]>;
  readonly now: () => number;
  readonly version: string;
  readonly cwd: string;
  readonly hostname: string;
  readonly port: number;
  readonly allowedHosts: readonly string[];
  readonly tokenFile: string | null;
  readonly isReadOnly: boolean;
  readonly onFault: (error: unknown) => void;
}

/** A dashboard that is being served. */
export interface DashboardServer {
  readonly url: string;
  readonly loginUrl: string;
  readonly port: number;
  readonly isLocal: boolean;
  close(): Promise<void>;
}

/** Starting, stopping and looking at workers; see `src/worker/launch.ts` and `stop.ts`. */
export interface WorkerControl {
  startBackground(options: LaunchRequest): Promise<WorkerRecord[]>;
  runForeground(options: LaunchRequest, onReady: (workers: WorkerRecord[]) => void): Promise<boolean>;
  stopWorkers(options: StopRequest): Promise<WorkerRecord[]>;
  viewWorkers(store: Store): Promise<WorkerView[]>;
  startFleet(options: LaunchRequest): Promise<OwnWorkers>;
  killAttempt(storeUid: string, attemptId: number): Promise<void>;
}

/** Workers that end with this command; see `src/worker/fleet.ts`. */
export interface OwnWorkers {
  readonly workers: readonly WorkerRecord[];
  stop(): void;
  forceStop(): void;
  /** Settles when all have ended: whether all did so in good order. */
  readonly ended: Promise<boolean>;
}

/** When workers end by themselves; see `src/worker/goal.ts`. */
export type WorkerGoal =
  | { readonly kind: "drain"; readonly until: number }
  | { readonly kind: "one_job"; readonly jobId: string; readonly jobSeq: number };

interface LaunchRequest {
  readonly store: Store;
  readonly home: Home;
  readonly count: number;
  readonly concurrency: number;
  readonly queues: readonly string[];
  readonly goal?: WorkerGoal;
}

interface StopRequest {
  readonly store: Store;
  readonly home: Home;
  readonly ids: readonly number[];
  readonly force: boolean;
  readonly timeoutMs: number | null;
  readonly graceMs: number;
  readonly now: () => number;
  readonly onWaiting: (views: readonly WorkerView[]) => void;
}

/** The surroundings of one command. */
export class Context {
  readonly flags: GlobalFlags;
  readonly wiring: Wiring;
  readonly output: Output;
  /** The command line as it was typed. */
  readonly typed: readonly string[];
  #store: Store | null = null;
  #home: Home | null = null;

  constructor(flags: GlobalFlags, wiring: Wiring, typed: readonly string[]) {
    this.flags = flags;
    this.wiring = wiring;
    this.typed = typed;
    this.output = processOutput({ isQuiet: flags.quiet === true });
  }

  /** Where everything is. */
  get home(): Home {
    this.#home ??= resolveHome(this.flags);
    return this.#home;
  }

  /** The store, which is created with its home if there is none yet. */
  async store(durability: OpenOptions["durability"] = "full"): Promise<Store> {
    if (this.#store === null) {
      createHome(this.home);
      const onWait = () => this.output.talk("Waiting: another process keeps the store locked…");
      this.#store = await this.wiring.openStore(this.home, { durability, onWait });
    }
    return this.#store;
  }

  /** Whether there is a store already; asking creates nothing. */
  hasStore(): boolean {
    try {
      return Deno.statSync(this.home.dbPath).isFile;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      return true; // what is wrong with it is told when it is opened
    }
  }

  /** The use cases over the store. */
  async queue(): Promise<Queue> {
    // Loaded with what it needs only now, as a call that touches no job starts faster without.
    const { Queue } = await import("../core/queue.ts");
    const store = await this.store();
    return new Queue({
      store,
      now: Date.now,
      newId: randomId,
      wake: () => wakeWorkers(this.home),
      deleteOutput: (outputs) => deleteOutput({ home: this.home, storeUid: store.uid }, outputs),
    });
  }

  /** Where an attempt's output is. */
  async outputPaths(job: Pick<Job, "seq">, attempt: Attempt): Promise<OutputPaths> {
    return outputPaths({ home: this.home, storeUid: (await this.store()).uid }, job.seq, attempt.id);
  }

  /** The registered workers. */
  async workers(): Promise<WorkerView[]> {
    const [control, store] = [await this.wiring.workers(), await this.store()];
    return await control.viewWorkers(store);
  }

  /** Releases what was opened. */
  async close(): Promise<void> {
    await this.#store?.close();
    this.#store = null;
  }

  /**
   * Asks before something is deleted. On a terminal a person must say yes; elsewhere `--yes` must have been
   * given, or `mayAssume` be true. Throws `refusal` if neither; false if the person says no.
   */
  confirm(
    question: string,
    options: { yes: boolean; mayAssume: boolean; refusal: () => QueueError },
  ): boolean {
    if (options.yes) return true;
    if (!Deno.stdin.isTerminal()) {
      if (options.mayAssume) return true;
      throw options.refusal();
    }
    Deno.stderr.writeSync(new TextEncoder().encode(`${question} [y/N] `));
    const buffer = new Uint8Array(1024);
    const answer = new TextDecoder().decode(buffer.subarray(0, Deno.stdin.readSync(buffer) ?? 0));
    return /^y(es)?$/i.test(answer.trim());
  }
}

const ID_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const ID_LENGTH = 12;

/** An id for a job that was given none: 60 random bits in letters that are hard to confuse. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(ID_LENGTH));
  return Array.from(bytes, (byte) => ID_ALPHABET[byte % ID_ALPHABET.length]).join("");
}
