/**
 * The ground on which a fault is tried: a home, a seed, and records of what is done.
 */

import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import type { ClaimRef } from "../../src/core/store.ts";
import { call, start } from "../harness/program.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { waitFor } from "../harness/wait_for.ts";
import { type Acknowledgement, bootTime, type Deed, type Evidence, gather } from "./evidence.ts";

/** A job as it is enqueued. */
export interface ChaosJob {
  readonly id: string;
  readonly command: string;
  readonly [key: string]: unknown;
}

/** What a fault's trial reports besides violations. */
export interface Tally {
  readonly jobs: number;
  readonly faults: number;
  /** Ms from a worker's death to its jobs being given back. */
  readonly recoveriesMs: readonly number[];
  /** Ms from asking for a commit to having it, where clients measured that. */
  readonly commitsMs?: readonly number[];
}

/**
 * A job's script: S in the ledger, its work, what it must print, E in the ledger, its exit. `$1` is the
 * directory of the ledger, `$2` how long it takes in seconds, `$3` the attempts that fail, `$4` a word to print.
 */
const JOB_SCRIPT = `#!/bin/sh
read -r up _ </proc/uptime
echo "S $QUEUECTL_JOB_ID $QUEUECTL_ATTEMPT $QUEUECTL_ATTEMPT_ID $up" >>"$1/ledger"
[ "$2" = 0 ] || sleep "$2"
i=0
while [ $i -lt 20 ]; do echo "$QUEUECTL_JOB_ID $4 $i"; i=$((i + 1)); done
read -r up _ </proc/uptime
echo "E $QUEUECTL_JOB_ID $QUEUECTL_ATTEMPT $QUEUECTL_ATTEMPT_ID $up" >>"$1/ledger"
[ "$QUEUECTL_ATTEMPT" -gt "$3" ]
`;

/** A trial in progress. */
export class Ground {
  readonly home: TemporaryHome;
  readonly random: () => number;
  readonly acknowledgements: Acknowledgement[] = [];
  readonly deeds: Deed[] = [];
  readonly #expectedOutput = new Map<string, string>();
  readonly #bootAt = bootTime();
  #batches = 0;

  private constructor(home: TemporaryHome, seed: number) {
    this.home = home;
    this.random = randomFrom(seed);
  }

  /** Runs a trial in a new home, which is deleted afterwards. Backoff delays are one second. */
  static async use<T>(seed: number, trial: (ground: Ground) => Promise<T>): Promise<T> {
    let result: { value: T } | null = null;
    await TemporaryHome.use(async (home) => {
      const ground = new Ground(home, seed);
      await Deno.writeTextFile(`${home.dir}/job.sh`, JOB_SCRIPT, { mode: 0o700 });
      await home.run("config", "set", "backoff_base", "1");
      result = { value: await trial(ground) };
    });
    return result!.value;
  }

  /** A whole number from `min` to `max`. */
  between(min: number, max: number): number {
    return min + Math.floor(this.random() * (max - min + 1));
  }

  /** A job that writes the ledger. It takes `seconds` and fails at its first `failures` attempts. */
  job(id: string, options: { seconds?: number; failures?: number; [key: string]: unknown } = {}): ChaosJob {
    const { seconds = 0, failures = 0, ...rest } = options;
    const word = `word-${this.between(0, 999_999)}`;
    this.#expectedOutput.set(id, Array.from({ length: 20 }, (_, line) => `${id} ${word} ${line}\n`).join(""));
    return { id, command: `exec ./job.sh . ${seconds} ${failures} ${word}`, cwd: this.home.dir, ...rest };
  }

  /** Enqueues jobs in one call and records what was acknowledged. */
  async enqueue(jobs: readonly ChaosJob[]): Promise<void> {
    const { code } = await call(this.home.dir, ["enqueue", "-"], { stdin: JSON.stringify(jobs) });
    this.acknowledge(jobs, code === 0 ? "ok" : "fail");
  }

  /** The same, but the client is killed after `delayMs`, unless it has ended before. */
  async enqueueAndKill(jobs: readonly ChaosJob[], delayMs: number): Promise<void> {
    const client = start(this.home.dir, ["enqueue", "-"]);
    const timer = setTimeout(() => killIfAlive(client), delayMs);
    const writer = client.stdin.getWriter();
    await writer.write(new TextEncoder().encode(JSON.stringify(jobs))).then(() => writer.close()).catch(
      () => {},
    );
    const { code, signal } = await client.output();
    clearTimeout(timer);
    this.acknowledge(jobs, signal !== null ? "unknown" : code === 0 ? "ok" : "fail");
  }

  /** Records what a client was told. */
  acknowledge(jobs: readonly ChaosJob[], result: Acknowledgement["result"]): void {
    const batch = this.#batches++;
    for (const { id } of jobs) this.acknowledgements.push({ id, result, batch });
  }

  /** Sends a signal to a worker's process and records the deed first: its effect may come at once. */
  strike(worker: { id: number; pid: number }, kind: Deed["kind"]): void {
    this.deeds.push({ kind, workerId: worker.id, at: Date.now() });
    Deno.kill(worker.pid, ({ kill: "SIGKILL", freeze: "SIGSTOP", force: "SIGQUIT" } as const)[kind]);
  }

  /** The workers that are not dead, as `worker list` shows them. */
  async livingWorkers(): Promise<{ id: number; pid: number; state: string; jobs: { id: string }[] }[]> {
    const workers = await this.home.json("worker", "list");
    return workers.filter((worker: { state: string }) => worker.state !== "dead");
  }

  /** The claims that workers hold, with their tokens: what a worker that comes back from the dead would have. */
  claims(): ClaimRef[] {
    const db = new DatabaseSync(`${this.home.dir}/queue.db`, { readOnly: true });
    try {
      const rows = db.prepare("SELECT seq, attempt_id, claim_token FROM jobs WHERE state = 'processing'")
        .all();
      return rows.map((row) => ({
        jobSeq: Number(row.seq),
        attemptId: Number(row.attempt_id),
        token: String(row.claim_token),
      }));
    } finally {
      db.close();
    }
  }

  /** Lets the holder of old claims try to end them, by the code under test: that must change nothing. */
  async haunt(claims: readonly ClaimRef[]): Promise<void> {
    const ghost = Deno.env.get("QUEUECTL_TEST_TREE") ?? fileURLToPath(new URL("../..", import.meta.url));
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-A", `${ghost}/tests/chaos/ghost.ts`, `${this.home.dir}/queue.db`],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(JSON.stringify(claims)));
    await writer.close();
    await child.output();
  }

  /** The lines of all workers' logs, in order of time, each with its worker. */
  async workerLogs(): Promise<string[]> {
    const lines: string[] = [];
    const logs = `${this.home.dir}/logs`;
    for await (const store of Deno.readDir(logs)) {
      for await (const { name } of Deno.readDir(`${logs}/${store.name}`)) {
        if (!name.startsWith("worker-")) continue;
        const text = await Deno.readTextFile(`${logs}/${store.name}/${name}`);
        lines.push(...text.trimEnd().split("\n").map((line) => `${line} [${name}]`));
      }
    }
    return lines.sort();
  }

  /** Waits until no job can move any more. */
  async untilDrained(timeoutMs: number): Promise<void> {
    await waitFor("the queue to be drained", async () => {
      const { jobs } = await this.home.json("status");
      return jobs.pending + jobs.processing + jobs.failed === 0;
    }, timeoutMs);
  }

  /** The four records. `clockWasSet`: times since boot can't be compared with times of day. */
  evidence(options: { clockWasSet?: boolean } = {}): Promise<Evidence> {
    return gather(this.home.dir, {
      acknowledgements: this.acknowledgements,
      deeds: this.deeds,
      bootAt: options.clockWasSet ? null : this.#bootAt,
      expectedOutput: this.#expectedOutput,
    });
  }
}

function killIfAlive(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It was faster.
  }
}

/** How long each lost attempt waited between the deed that caused it and its recovery, in ms. */
export function recoveryTimes({ attempts, deeds }: Evidence): number[] {
  const struckAt = new Map(deeds.map((deed) => [deed.workerId, deed.at]));
  return [...attempts.values()].flat().flatMap((attempt) => {
    const at = struckAt.get(attempt.workerId);
    return attempt.outcome === "lost" && at !== undefined ? [Math.max(0, attempt.finishedAt - at)] : [];
  });
}

/** Numbers in [0, 1) that are the same for the same seed: the generator is xorshift32 by G. Marsaglia (2003). */
export function randomFrom(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}
