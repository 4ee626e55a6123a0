/**
 * The program is killed at every write that it makes to its store, one run for each, until a run survives.
 *
 * SQLite in Deno changes its files by `pwrite64` and `ftruncate` and removes them by `unlink`; `fsync`
 * changes nothing that a kill could show, but a kill there falls between two writes that belong together.
 */

import type { Evidence } from "../evidence.ts";
import type { ChaosJob, Ground, Tally } from "../ground.ts";
import { integrityFaults, mustBeSound, storeDeadJobs, withStore } from "../store_look.ts";
import {
  callBy,
  startBy,
  storeFiles,
  straceArgs,
  tellSkipped,
  type ToolResult,
  whyNoStrace,
} from "../strace.ts";

/** How thorough the sweep is. */
export interface SweepSize {
  /** One write of so many is met; 1: each. */
  readonly stride: number;
  /** How many jobs the bulk enqueue has. */
  readonly bulk: number;
}

/** The sizes for CI and for a full run. */
export const SWEEP_SIZES: { readonly small: SweepSize; readonly full: SweepSize } = {
  small: { stride: 32, bulk: 20 },
  full: { stride: 1, bulk: 40 },
};

/** One run of an operation, ready to be made. */
interface Trial {
  readonly args: readonly string[];
  readonly stdin?: string;
  /** Jobs that this run enqueues. */
  readonly enqueued?: readonly ChaosJob[];
  /** The file of the store that the run is about. */
  readonly db: string;
  /** How much of it has happened: a number of `total` things. */
  readonly done: () => Promise<number>;
  readonly total: number;
}

interface Operation {
  readonly name: string;
  /** Fewer kills than this mean that the sweep met something else than the store's writes. */
  readonly minWrites: number;
  readonly prepare: (label: string) => Promise<Trial>;
}

/** A sweep that goes on for longer than this has lost its way. */
const MAX_WRITES = 5000;
/** `unlink` is met wherever it happens: the output of cleared jobs is removed after the commit. */
const CALLS = ["pwrite64", "ftruncate", "fsync", "unlink"] as const;

/** Sweeps all operations and returns the records of them. */
export async function writeSweep(
  ground: Ground,
  size: SweepSize,
): Promise<{ evidence: Evidence; tally: Tally }> {
  const why = whyNoStrace();
  let faults = 0;
  if (why !== null) tellSkipped("the sweep over all writes", why);
  else {
    for (const operation of operationsOn(ground, size)) faults += await sweep(ground, operation, size);
    faults += await sweepWorker(ground, size);
  }
  await ground.home.startWorkers(1);
  await ground.untilDrained(120_000);
  await ground.home.run("worker", "stop");
  const evidence = await ground.evidence();
  // No worker was there to see the deaths, so how long recovery took says nothing.
  return { evidence, tally: { jobs: evidence.jobs.length, faults, recoveriesMs: [] } };
}

function operationsOn(ground: Ground, { bulk }: SweepSize): Operation[] {
  const { dir } = ground.home;
  const db = `${dir}/queue.db`;
  const count = (ids: readonly string[], counts: (state: string | null) => boolean) => () =>
    withStore(db, async (store) => {
      const jobs = await Promise.all(ids.map((id) => store.job(id)));
      return jobs.filter((job) => counts(job?.state ?? null)).length;
    });
  const stored = (jobs: readonly ChaosJob[]) => count(jobs.map((job) => job.id), (state) => state !== null);
  const deadJobs = async (label: string) => {
    const jobs = Array.from({ length: 3 }, (_, index) => ground.job(`${label}-${index}`));
    await storeDeadJobs(dir, jobs);
    return jobs.map((job) => job.id);
  };
  return [
    {
      name: "opening",
      minWrites: 40,
      async prepare(label) {
        const home = `${dir}/${label}`;
        await Deno.mkdir(home, { mode: 0o700 });
        // A look at the file migrates it, so what has happened can't be told; that it can be looked at, can.
        const done = () => withStore(`${home}/queue.db`, () => Promise.resolve(1));
        return { args: ["--home", home, "init-db"], db: `${home}/queue.db`, done, total: 1 };
      },
    },
    {
      name: "enqueue",
      minWrites: 20,
      prepare(label) {
        const enqueued = [ground.job(label)];
        const args = ["enqueue", JSON.stringify(enqueued[0])];
        return Promise.resolve({ args, enqueued, db, done: stored(enqueued), total: 1 });
      },
    },
    {
      name: "bulk",
      minWrites: 20,
      prepare(label) {
        const enqueued = Array.from({ length: bulk }, (_, index) => ground.job(`${label}-${index}`));
        const stdin = JSON.stringify(enqueued);
        return Promise.resolve({
          args: ["enqueue", "-"],
          stdin,
          enqueued,
          db,
          done: stored(enqueued),
          total: bulk,
        });
      },
    },
    {
      name: "retry",
      minWrites: 20,
      async prepare(label) {
        const ids = await deadJobs(label);
        return {
          args: ["retry", ...ids],
          db,
          done: count(ids, (state) => state !== "dead"),
          total: ids.length,
        };
      },
    },
    {
      name: "dlq-retry",
      minWrites: 20,
      async prepare(label) {
        const ids = await deadJobs(label);
        const done = count(ids, (state) => state !== "dead");
        return { args: ["dlq", "retry", "--all"], db, done, total: ids.length };
      },
    },
    {
      name: "clear",
      minWrites: 20,
      async prepare(label) {
        const ids = await deadJobs(label);
        const done = count(ids, (state) => state === null);
        return { args: ["clear", "--state", "dead", "--yes"], db, done, total: ids.length };
      },
    },
    {
      name: "config",
      minWrites: 10,
      async prepare() {
        const key = "retention_days";
        const value = () => withStore(db, async (store) => (await store.settings()).get(key));
        const next = String(1 + Number(await value() ?? 1000));
        const done = async () => Number(await value() === next);
        return { args: ["config", "set", key, next], db, done, total: 1 };
      },
    },
  ];
}

/** Kills an operation at each of its writes; returns how often it was killed. */
async function sweep(ground: Ground, operation: Operation, { stride }: SweepSize): Promise<number> {
  let kills = 0;
  for (const call of CALLS) {
    const step = call === "pwrite64" ? stride : Math.ceil(stride / 7);
    let when = ground.between(1, step);
    for (;; when += step) {
      if (when > MAX_WRITES) throw new Error(`${operation.name}: no end after ${MAX_WRITES} ${call}`);
      const where = `${operation.name}, killed at ${call} ${when}`;
      const trial = await operation.prepare(`${operation.name}-${call}-${when}`);
      const files = call === "unlink" ? [] : storeFiles(trial.db.replace(/\/[^/]+$/, ""));
      const tool = straceArgs({ calls: [call], effect: "signal=SIGKILL", when: String(when), files });
      const result = await callBy(ground.home.dir, trial.args, { tool, stdin: trial.stdin ?? "" });
      await judge(ground, { trial, result, where });
      if (result.signal === null) break;
      kills++;
    }
    if (call === "pwrite64" && when < operation.minWrites) {
      throw new Error(
        `${operation.name}: survived ${call} ${when}, so that strace meets other calls than its own`,
      );
    }
  }
  return kills;
}

/** Throws unless a run happened wholly or not at all, and the queue goes on after it. */
async function judge(
  ground: Ground,
  { trial, result, where }: { trial: Trial; result: ToolResult; where: string },
): Promise<void> {
  const { enqueued, db, done, total } = trial;
  if (result.signal !== "SIGKILL" && result.code !== 0) {
    throw new Error(`${where}: exited with ${result.code}: ${result.stderr}`);
  }
  if (enqueued !== undefined) ground.acknowledge(enqueued, result.signal === null ? "ok" : "unknown");
  const count = await done();
  if (count !== 0 && count !== total) throw new Error(`${where}: ${count} of ${total} things happened`);
  if (result.code === 0 && count === 0) throw new Error(`${where}: was acknowledged and did not happen`);
  mustBeSound(db, where);
  const home = db.replace(/\/[^/]+$/, "");
  if (home === ground.home.dir) await ground.enqueue([ground.job(`after-${where.replace(/\W+/g, "-")}`)]);
  else await ground.home.run("--home", home, "enqueue", "--command", "true");
  // Homes of their own are many, and nobody else looks at them.
  if (home !== ground.home.dir) await Deno.remove(home, { recursive: true });
}

/**
 * Kills a worker at each of its writes around the claim and the end of a job; another one goes on each
 * time.
 */
async function sweepWorker(ground: Ground, { stride }: SweepSize): Promise<number> {
  const { dir } = ground.home;
  let kills = 0;
  await ground.home.startWorkers(1); // drains what the other sweeps have left
  await ground.untilDrained(120_000);
  await ground.home.run("worker", "stop");
  for (let when = ground.between(1, stride);; when += stride) {
    if (when > MAX_WRITES) throw new Error(`worker: no end after ${MAX_WRITES} writes`);
    const where = `worker, killed at pwrite64 ${when}`;
    const job = ground.job(`worker-${when}`);
    await ground.enqueue([job]);
    const files = storeFiles(dir);
    const tool = straceArgs({ calls: ["pwrite64"], effect: "signal=SIGKILL", when: String(when), files });
    const wasKilled = await workOnce(ground, { tool, job, where });
    const faults = integrityFaults(`${dir}/queue.db`);
    if (faults.length > 0) throw new Error(`${where}: the file is not sound: ${faults.join("; ")}`);
    if (!wasKilled) {
      if (when < 20) throw new Error(`${where}: survived, so that strace meets other calls than its own`);
      return kills;
    }
    kills++;
    if (await workOnce(ground, { tool: ["env"], job, where: `${where}, the next worker` })) {
      throw new Error(`${where}: the next worker was killed, too`);
    }
  }
}

/**
 * Runs a worker in the foreground until it has ended `job` or was killed; true if it was. A worker that finds
 * the job ended already is stopped as soon as it is idle.
 */
async function workOnce(
  ground: Ground,
  { tool, job, where }: { tool: readonly string[]; job: ChaosJob; where: string },
): Promise<boolean> {
  const db = `${ground.home.dir}/queue.db`;
  const child = startBy(tool, ground.home.dir, ["worker", "start", "--foreground"]);
  await child.stdin.close();
  const printed = new Response(child.stdout).text();
  const isDone = withStore(db, async (store) => (await store.job(job.id))?.state === "completed");
  let isStopped = false;
  let said = "";
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    said += text;
    const isIdle = said.includes(`job ${job.id} attempt`) || (await isDone && said.includes("started"));
    if (!isStopped && isIdle) {
      isStopped = true;
      try {
        child.kill("SIGTERM");
      } catch {
        // It was killed meanwhile.
      }
    }
  }
  const { signal, code } = await child.status;
  await printed;
  if (signal === null && code !== 0) throw new Error(`${where}: the worker exited with ${code}: ${said}`);
  if (signal === null) {
    const state = await withStore(db, async (store) => (await store.job(job.id))?.state);
    if (state !== "completed") throw new Error(`${where}: the worker has stopped and ${job.id} is ${state}`);
    return false;
  }
  const workers = await withStore(db, (store) => store.workers());
  const victim = workers.find((worker) => worker.identity.pid === child.pid);
  if (victim !== undefined) ground.deeds.push({ kind: "kill", workerId: victim.id, at: Date.now() });
  return true;
}
