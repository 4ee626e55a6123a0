/**
 * Where the time of a drain goes: CPU a job, of the worker, of what starts its commands, and of the commands.
 */

import process from "node:process";
import { call } from "../harness/program.ts";
import { waitFor } from "../harness/wait_for.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";

const JOBS = 2000;
const MS_PER_TICK = 10;

/** CPU in ms a job. */
export interface DrainProfile {
  /** The worker process: its store, and the rest. */
  readonly store: number;
  readonly worker: number;
  /** The processes that start commands: forking, and opening the files. */
  readonly starter: number;
  /** The commands themselves, shell included. */
  readonly commands: number;
}

/** Drains `JOBS` times `command` by one worker. */
export async function profileDrain(folder: string, command: string): Promise<DrainProfile> {
  const home = await Deno.makeTempDir({ dir: folder });
  await call(home, ["worker", "start", "--queue", "later"]);
  try {
    const [{ pid }] = JSON.parse((await call(home, ["worker", "list", "--json"])).stdout);
    const store = await SqliteStore.open(`${home}/queue.db`, { durability: "normal", lockTimeoutMs: 60_000 });
    const before = await cpuOf(pid);
    const jobs = Array.from({ length: JOBS }, (_, index) => ({ id: `job${index}`, command, queue: "later" }));
    await call(home, ["enqueue", "-"], { stdin: JSON.stringify(jobs) });
    await waitFor("the queue to be drained", async () => (await store.counts()).completed === JOBS, 120_000);
    const after = await cpuOf(pid);
    await store.close();
    const perJob = (key: keyof typeof before) => (after[key] - before[key]) / JOBS;
    const storeMs = await storeCost(folder);
    return {
      store: storeMs,
      worker: Math.max(0, perJob("worker") - storeMs),
      starter: perJob("starter"),
      commands: perJob("commands"),
    };
  } finally {
    await call(home, ["worker", "stop", "--force"]);
  }
}

/** A profile as a line for people. */
export function profileLine(command: string, { store, worker, starter, commands }: DrainProfile): string {
  const parts = {
    "store": store,
    "rest of the worker": worker,
    "starting": starter,
    "the commands": commands,
  };
  const total = Object.values(parts).reduce((sum, ms) => sum + ms, 0);
  const shown = Object.entries(parts).map(([name, ms]) => `${name} ${ms.toFixed(2)}`);
  return `CPU of a job that is ${command}, in ms: ${shown.join(", ")}; together ${total.toFixed(2)}`;
}

/** CPU in ms: of a worker, of its children, and of theirs that have ended. */
async function cpuOf(pid: number): Promise<{ worker: number; starter: number; commands: number }> {
  const script =
    `cat /proc/"$1"/stat; for p in $(cat /proc/"$1"/task/*/children); do cat /proc/$p/stat; done`;
  const { stdout } = await new Deno.Command("/bin/sh", { args: ["-c", script, "sh", String(pid)] }).output();
  const [worker, ...starters] = new TextDecoder().decode(stdout).trim().split("\n").map((line) => {
    const fields = line.slice(line.lastIndexOf(")") + 2).split(" ").map(Number);
    return {
      own: (fields[11]! + fields[12]!) * MS_PER_TICK,
      ended: (fields[13]! + fields[14]!) * MS_PER_TICK,
    };
  });
  const sum = (key: "own" | "ended") => starters.reduce((total, starter) => total + starter[key], 0);
  return { worker: worker!.own, starter: sum("own"), commands: sum("ended") };
}

/** CPU in ms of ending an attempt and taking the next job, as a worker does with a backlog. */
async function storeCost(folder: string): Promise<number> {
  const path = `${await Deno.makeTempDir({ dir: folder })}/queue.db`;
  const store = await SqliteStore.open(path, { durability: "normal", lockTimeoutMs: 10_000 });
  const spec = { command: "true", queue: "q", priority: 0, maxRetries: 3, timeoutMs: 0, backoffBase: 2 };
  const jobs = Array.from(
    { length: JOBS + 1 },
    (_, index) => ({ ...spec, id: `job${index}`, cwd: "/", env: {}, runAt: 0 }),
  );
  await store.enqueue(jobs, Date.now());
  const request = () => ({ workerId: 1, queues: [], mode: "priority" as const, token: crypto.randomUUID() });
  const end = { outcome: "succeeded", exitCode: 0, signal: null, error: null } as const;
  let job = await store.claim(request(), Date.now());
  const before = process.cpuUsage();
  for (let number = 0; number < JOBS; number++) {
    const ref = { jobSeq: job!.seq, attemptId: job!.claim.attemptId, token: job!.claim.token };
    const options = { now: Date.now(), maxBackoffMs: 1000, next: [request()] };
    job = (await store.endAttemptsAndClaim([{ ref, end }], options)).next[0]!;
  }
  const { user, system } = process.cpuUsage(before);
  await store.close();
  return (user + system) / 1000 / JOBS;
}
