/**
 * Workers that are frozen (SIGSTOP) and go on later (SIGCONT): for longer than the lease, for less, and all
 * of them at once, as when the machine sleeps.
 */

import { isGone, waitFor } from "../../harness/wait_for.ts";
import type { Evidence } from "../evidence.ts";
import { type ChaosJob, type Ground, recoveryTimes, type Tally } from "../ground.ts";

/** How much is frozen. */
export interface SilenceSize {
  /** Busy workers that are frozen for three leases, one after the other. */
  readonly silences: number;
  /** Freezes that are shorter than the lease. */
  readonly pauses: number;
  /** Times that all workers are frozen together for two leases. */
  readonly sleeps: number;
}

/** A few seconds. */
export const SMALL_SILENCE: SilenceSize = { silences: 1, pauses: 6, sleeps: 1 };
/** Some minutes. */
export const FULL_SILENCE: SilenceSize = { silences: 12, pauses: 120, sleeps: 20 };

interface LivingWorker {
  readonly id: number;
  readonly pid: number;
  readonly jobs: readonly { readonly id: string }[];
}

const WORKERS = 3;
/** Of the short freezes, in leases: most of them nearly as long as a lease, which is where errors are. */
const SHORTEST_PAUSE = 0.5;
const LONGEST_PAUSE = 0.95;

/**
 * A busy worker is frozen for three leases and then told to go on. Its job must be run by another one, and
 * whatever is left of it may store nothing more. The lease is one second.
 */
export async function frozenWorkers(
  ground: Ground,
  size: SilenceSize,
): Promise<{ evidence: Evidence; tally: Tally }> {
  const leaseMs = 1000;
  await setLease(ground, leaseMs);
  await ground.home.startWorkers(WORKERS);
  for (let round = 0; round < size.silences; round++) {
    await ground.enqueue(batch(ground, `silent-${round}`, { count: WORKERS * 3, seconds: [8, 15] }));
    const frozen = await aBusyWorker(ground);
    ground.strike(frozen, "freeze");
    await pause(3 * leaseMs);
    const job = frozen.jobs[0]!.id;
    await waitFor(`${job} to be given back by the frozen worker ${frozen.id}`, async () => {
      const { worker, state } = await ground.home.json("get", job);
      return state !== "processing" || worker !== frozen.id;
    });
    const before = await resultsOf(ground, frozen.id);
    if (!isGone(frozen.pid)) Deno.kill(frozen.pid, "SIGCONT");
    await waitFor(`the frozen worker ${frozen.id} to end`, () => isGone(frozen.pid));
    const after = await resultsOf(ground, frozen.id);
    if (before !== after) {
      throw new Error(`Worker ${frozen.id} stored something after it was taken for dead: ${after}`);
    }
    await ground.home.startWorkers(1);
  }
  return await finish(ground, { deeds: size.silences, mustRecover: size.silences });
}

/**
 * Workers are frozen again and again, each time for less than the lease of two seconds. None of them may be
 * taken for dead: they keep their jobs.
 */
export async function shortFreezes(
  ground: Ground,
  size: SilenceSize,
): Promise<{ evidence: Evidence; tally: Tally }> {
  const leaseMs = 2000;
  await setLease(ground, leaseMs);
  const pids = await ground.home.startWorkers(WORKERS);
  const jobs = batch(ground, "paused", { count: Math.max(9, size.pauses), seconds: [3, 20] });
  await ground.enqueue(jobs);
  // Each worker has its own row of freezes, so that several are frozen at a time and at any phase of a beat.
  const rows = pids.map(async (pid) => {
    for (let freeze = 0; freeze < Math.ceil(size.pauses / WORKERS); freeze++) {
      await pause(ground.between(50, leaseMs / 2));
      await frozen([pid], ground.between(leaseMs * SHORTEST_PAUSE, leaseMs * LONGEST_PAUSE));
    }
  });
  await Promise.all(rows);
  const killed = pids.filter(isGone);
  if (killed.length > 0) {
    throw new Error(
      `False rescue: ${killed.length} of ${WORKERS} workers were killed though none was frozen for more ` +
        `than ${LONGEST_PAUSE} of the lease`,
    );
  }
  return await finish(ground, { deeds: size.pauses, mustRecover: 0 });
}

/** All are frozen for two leases and go on together, as if the machine slept: nobody is to blame. */
export async function sleepingMachine(
  ground: Ground,
  size: SilenceSize,
): Promise<{ evidence: Evidence; tally: Tally }> {
  const leaseMs = 1000;
  await setLease(ground, leaseMs);
  const pids = await ground.home.startWorkers(WORKERS);
  await ground.enqueue(batch(ground, "asleep", { count: 6 + size.sleeps * 6, seconds: [5, 15] }));
  for (let sleep = 0; sleep < size.sleeps; sleep++) {
    await pause(ground.between(leaseMs, leaseMs * 1.3));
    await frozen(pids, 2 * leaseMs);
  }
  await pause(2 * leaseMs); // whoever would be taken for dead is by now
  const killed = pids.filter(isGone);
  if (killed.length > 0) {
    throw new Error(`False rescue: ${killed.length} of ${WORKERS} workers were killed after a common sleep`);
  }
  return await finish(ground, { deeds: size.sleeps, mustRecover: 0 });
}

async function setLease(ground: Ground, leaseMs: number): Promise<void> {
  await ground.home.run("config", "set", "lock_lease_seconds", String(leaseMs / 1000));
}

/** Jobs that take between so many tenths of a second. */
function batch(
  ground: Ground,
  name: string,
  options: { count: number; seconds: readonly [number, number] },
): ChaosJob[] {
  const [min, max] = options.seconds;
  return Array.from(
    { length: options.count },
    (_, index) => ground.job(`${name}-${index}`, { seconds: ground.between(min, max) / 10 }),
  );
}

function aBusyWorker(ground: Ground): Promise<LivingWorker> {
  return waitFor("a busy worker", async () => {
    const busy = (await ground.livingWorkers()).filter((worker) => worker.jobs.length > 0);
    return busy[ground.between(0, Math.max(0, busy.length - 1))] ?? null;
  });
}

/** Freezes processes for a while. They go on whatever happens, or nothing could end them in good order. */
async function frozen(pids: readonly number[], ms: number): Promise<void> {
  const stopped = pids.filter((pid) => signal(pid, "SIGSTOP"));
  await pause(ms);
  for (const pid of stopped) signal(pid, "SIGCONT");
}

/** False if there is no such process any more, which the caller finds out by itself. */
function signal(pid: number, name: "SIGSTOP" | "SIGCONT"): boolean {
  if (isGone(pid)) return false;
  Deno.kill(pid, name);
  return true;
}

/** What a worker has achieved, as text: its attempts with their ends. */
async function resultsOf(ground: Ground, workerId: number): Promise<string> {
  const { attempts } = await ground.evidence();
  return JSON.stringify([...attempts.values()].flat().filter((attempt) => attempt.workerId === workerId));
}

/** Drains, stops and judges whether as many workers were taken for dead as had to be. */
async function finish(
  ground: Ground,
  counts: { deeds: number; mustRecover: number },
): Promise<{ evidence: Evidence; tally: Tally }> {
  await ground.untilDrained(300_000);
  await ground.home.run("worker", "stop");
  const evidence = await ground.evidence();
  const lost = evidence.events.filter(({ event }) => event.type === "worker_lost").length;
  if (lost !== counts.mustRecover) {
    throw new Error(
      `${lost} workers were taken for dead; ${counts.mustRecover} had been silent for a lease. Their logs:\n` +
        (await ground.workerLogs()).filter((line) => / job .* attempt /.test(line) === false).join("\n"),
    );
  }
  const tally = { jobs: evidence.jobs.length, faults: counts.deeds, recoveriesMs: recoveryTimes(evidence) };
  return { evidence, tally };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
