/**
 * What the checker judges by: four independent records of one run.
 *
 * - the store: jobs, attempts, events
 * - the acknowledgements: what clients were told about each job
 * - the ledger: what the jobs themselves wrote when they began and ended
 * - the deeds: what chaos did to whom, and when
 */

import { DatabaseSync } from "node:sqlite";
import type { Attempt } from "../../src/core/attempt.ts";
import type { LogEntry } from "../../src/core/event.ts";
import type { Job } from "../../src/core/job.ts";
import type { JobCounts } from "../../src/core/store.ts";
import type { WorkerRecord } from "../../src/core/worker_record.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";

/** What a client knows about a job it asked for: `unknown` if the client died before it was told. */
export interface Acknowledgement {
  readonly id: string;
  readonly result: "ok" | "fail" | "unknown";
  /** Jobs with the same number were enqueued in one call. */
  readonly batch: number;
}

/** A line that a job wrote: S when it began, E when it ended. */
export interface LedgerLine {
  readonly kind: "S" | "E";
  readonly jobId: string;
  readonly attempt: number;
  /** The last part of the attempt's cookie. */
  readonly attemptId: number;
  /** Ms since boot, in steps of 10. */
  readonly bootMs: number;
}

/** What chaos did. `kill`: SIGKILL to a worker; `freeze`: SIGSTOP; `force`: it was told to stop at once. */
export interface Deed {
  readonly kind: "kill" | "freeze" | "force";
  readonly workerId: number;
  readonly at: number;
}

/** The four records, and what is needed to compare them. */
export interface Evidence {
  readonly storeUid: string;
  readonly jobs: readonly Job[];
  readonly attempts: ReadonlyMap<number, readonly Attempt[]>;
  readonly events: readonly LogEntry[];
  readonly workers: readonly WorkerRecord[];
  readonly counts: JobCounts;
  readonly acknowledgements: readonly Acknowledgement[];
  readonly ledger: readonly LedgerLine[];
  readonly deeds: readonly Deed[];
  /** Ms since the epoch at boot; null if the clock was set during the run. */
  readonly bootAt: number | null;
  /** What SQLite's own checks say; empty if all is well. */
  readonly integrityFaults: readonly string[];
  /** What an attempt that succeeded must have printed, by job id; jobs that aren't in it are not checked. */
  readonly expectedOutput: ReadonlyMap<string, string>;
  readonly home: string;
}

/** Reads the records of the store in `home` and joins them with the others. */
export async function gather(
  home: string,
  rest: Pick<Evidence, "acknowledgements" | "deeds" | "bootAt" | "expectedOutput">,
): Promise<Evidence> {
  const store = await SqliteStore.open(`${home}/queue.db`, { durability: "normal", lockTimeoutMs: 10_000 });
  try {
    const jobs = await store.jobs({});
    const attempts = new Map<number, Attempt[]>();
    for (const job of jobs) attempts.set(job.seq, await store.attempts(job.seq));
    const [workers, counts] = [await store.workers(), await store.counts()];
    const events = await store.events(0, Number.MAX_SAFE_INTEGER);
    const ledger = readLedger(`${home}/ledger`);
    return {
      ...rest,
      storeUid: store.uid,
      jobs,
      attempts,
      events,
      workers,
      counts,
      ledger,
      home,
      integrityFaults: integrity(home),
    };
  } finally {
    await store.close();
  }
}

/** The ledger's lines in the order in which they were written. Throws on a line that is torn. */
export function readLedger(path: string): LedgerLine[] {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  return text.split("\n").filter((line) => line !== "").map((line) => {
    const match = /^([SE]) (\S+) (\d+) \w+-(\d+) ([\d.]+)$/.exec(line);
    if (match === null) throw new Error(`The ledger has a torn line: ${line}`);
    const [, kind, jobId, attempt, attemptId, seconds] = match;
    return {
      kind: kind as "S" | "E",
      jobId: jobId!,
      attempt: Number(attempt),
      attemptId: Number(attemptId),
      bootMs: Math.round(Number(seconds) * 1000),
    };
  });
}

/** Ms since the epoch at which this machine was booted, by its clocks as they are now. */
export function bootTime(): number {
  const { stdout } = new Deno.Command("cat", { args: ["/proc/uptime"] }).outputSync();
  return Date.now() - Math.round(Number(new TextDecoder().decode(stdout).split(" ")[0]) * 1000);
}

function integrity(home: string): string[] {
  const db = new DatabaseSync(`${home}/queue.db`);
  try {
    const faults = db.prepare("PRAGMA integrity_check").all().map((row) => String(row.integrity_check));
    const orphans = db.prepare("PRAGMA foreign_key_check").all().map((row) => `foreign key of ${row.table}`);
    return [...faults.filter((fault) => fault !== "ok"), ...orphans];
  } finally {
    db.close();
  }
}
