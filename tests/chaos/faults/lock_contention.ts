/**
 * The store's only write lock is held by another process for long, or wanted by very many at once.
 */

import { DatabaseSync } from "node:sqlite";
import { call, type CallResult } from "../../harness/program.ts";
import { CommitClient } from "../commit_client.ts";
import type { Evidence } from "../evidence.ts";
import type { ChaosJob, Ground, Tally } from "../ground.ts";

/** How long the lock is held. */
export interface HoldSize {
  readonly holdMs: number;
  /** Clients that enqueue meanwhile, one job each. */
  readonly clients: number;
}

/** A few seconds, and still several leases. */
export const SMALL_HOLD: HoldSize = { holdMs: 4000, clients: 3 };
/** What a backup or a stuck tool may do. */
export const FULL_HOLD: HoldSize = { holdMs: 30_000, clients: 12 };

/** How many clients commit at once, and how often each. */
export interface RushSize {
  readonly clients: number;
  readonly commits: number;
}

/** A few seconds. */
export const SMALL_RUSH: RushSize = { clients: 16, commits: 20 };
/** The figures. */
export const FULL_RUSH: RushSize = { clients: 64, commits: 50 };

const WORKERS = 3;

/**
 * Another process holds the lock while clients enqueue and workers run jobs. The lease is one second, much
 * shorter than the hold. No client may see an error, nobody be taken for dead, and all be drained afterwards.
 * A client that has begun during the hold must have ended after it, not in it: the lock is really held.
 */
export async function heldLock(
  ground: Ground,
  size: HoldSize,
): Promise<{ evidence: Evidence; tally: Tally }> {
  await ground.home.run("config", "set", "lock_lease_seconds", "1");
  await ground.home.startWorkers(WORKERS);
  await ground.enqueue(
    Array.from({ length: WORKERS * 4 }, (_, index) => {
      return ground.job(`before-${index}`, { seconds: ground.between(1, 20) / 10, failures: index % 2 });
    }),
  );
  const jobs = Array.from({ length: size.clients }, (_, index) => ground.job(`during-${index}`));
  const { begun, releasedAtMs } = await holdingTheLock(ground, size.holdMs, () => {
    return jobs.map((job) => timedEnqueue(ground, job));
  });
  for (const [index, { result, atMs }] of (await Promise.all(begun)).entries()) {
    ground.acknowledge([jobs[index]!], result.code === 0 ? "ok" : "fail");
    if (result.code !== 0) {
      throw new Error(`A client saw an error while the store was locked: ${result.stderr}`);
    }
    if (atMs < releasedAtMs) throw new Error("A client was acknowledged while another process held the lock");
  }
  await ground.untilDrained(120_000);
  await ground.home.run("worker", "stop");
  const evidence = await ground.evidence();
  refuseRescues(evidence);
  return { evidence, tally: { jobs: evidence.jobs.length, faults: 1, recoveriesMs: [] } };
}

/**
 * Many client processes commit single jobs as fast as they can, all beginning together; workers run the jobs
 * later.
 * No commit may fail. How long they took is reported, not judged: it is the machine's as much as ours.
 */
export async function commitRush(
  ground: Ground,
  size: RushSize,
): Promise<{ evidence: Evidence; tally: Tally }> {
  const jobs = Array.from(
    { length: size.clients },
    (_, client) => Array.from({ length: size.commits }, (_, index) => ground.job(`rush-${client}-${index}`)),
  );
  const options = { count: size.clients, dbPath: `${ground.home.dir}/queue.db` };
  const reports = await CommitClient.use(
    options,
    (clients) => Promise.all(clients.map((client, index) => client.commit(jobs[index]!))),
  );
  for (const [index, report] of reports.entries()) {
    const stored = report.latenciesMs.length;
    ground.acknowledge(jobs[index]!.slice(0, stored), "ok");
    ground.acknowledge(jobs[index]!.slice(stored), "unknown");
  }
  const errors = reports.map((report) => report.error).filter((error) => error !== null);
  if (errors.length > 0) throw new Error(`${errors.length} clients saw an error: ${errors[0]}`);
  await ground.home.startWorkers(WORKERS);
  await ground.untilDrained(600_000);
  await ground.home.run("worker", "stop");
  const evidence = await ground.evidence();
  const commitsMs = reports.flatMap((report) => report.latenciesMs);
  return {
    evidence,
    tally: { jobs: evidence.jobs.length, faults: size.clients, recoveriesMs: [], commitsMs },
  };
}

/** Begins `work` once the lock is held, holds it so long; returns what was begun and when it was let go. */
async function holdingTheLock<T>(
  ground: Ground,
  holdMs: number,
  work: () => T,
): Promise<{ begun: T; releasedAtMs: number }> {
  // To the program this process is another one; its transaction keeps the lock between turns of the loop.
  const db = new DatabaseSync(`${ground.home.dir}/queue.db`, { timeout: 10_000 });
  try {
    db.exec("BEGIN EXCLUSIVE");
    const begun = work();
    await new Promise((resolve) => setTimeout(resolve, holdMs));
    const releasedAtMs = performance.now();
    db.exec("COMMIT");
    return { begun, releasedAtMs };
  } finally {
    db.close();
  }
}

async function timedEnqueue(ground: Ground, job: ChaosJob): Promise<{ result: CallResult; atMs: number }> {
  const result = await call(ground.home.dir, ["enqueue", JSON.stringify(job)]);
  return { result, atMs: performance.now() };
}

function refuseRescues({ events }: Evidence): void {
  const lost = events.filter(({ event }) => event.type === "worker_lost").length;
  if (lost > 0) {
    throw new Error(`False rescue: ${lost} workers were taken for dead while the store was locked`);
  }
}
