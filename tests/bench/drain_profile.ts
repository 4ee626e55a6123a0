/**
 * Where the time of a drain goes: CPU a job, of the worker and of the commands. Of the worker's, the store's part and
 * that of starting commands are measured by themselves, when nothing else runs.
 */

import process from "node:process";
import { call } from "../harness/program.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import { inheritedVariables } from "../../src/worker/command.ts";
import { Spawner } from "../../src/worker/spawner.ts";
import { untilDrained } from "./until_drained.ts";

const JOBS = 2000;
const MS_PER_TICK = 10;

/** CPU in ms a job. */
export interface DrainProfile {
  /** The worker process: its store, starting commands, and the rest. */
  readonly store: number;
  readonly starting: number;
  readonly rest: number;
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
    await untilDrained(store, JOBS);
    const after = await cpuOf(pid);
    await store.close();
    const perJob = (key: keyof typeof before) => (after[key] - before[key]) / JOBS;
    const [storeMs, startingMs] = [await storeCost(folder), await startCost(folder, command)];
    return {
      store: storeMs,
      starting: startingMs,
      rest: Math.max(0, perJob("worker") - storeMs - startingMs),
      commands: perJob("commands"),
    };
  } finally {
    await call(home, ["worker", "stop", "--force"]);
  }
}

/** A profile as a line for people. */
export function profileLine(command: string, { store, starting, rest, commands }: DrainProfile): string {
  const parts = {
    "store": store,
    "starting": starting,
    "rest of the worker": rest,
    "the commands": commands,
  };
  const total = Object.values(parts).reduce((sum, ms) => sum + ms, 0);
  const shown = Object.entries(parts).map(([name, ms]) => `${name} ${ms.toFixed(2)}`);
  return `CPU of a job that is ${command}, in ms: ${shown.join(", ")}; together ${total.toFixed(2)}`;
}

/** CPU in ms: of a worker, and of its commands, with the shells that run them. */
async function cpuOf(pid: number): Promise<{ worker: number; commands: number }> {
  const script =
    'cat /proc/"$1"/stat; for child in $(cat /proc/"$1"/task/"$1"/children); do cat /proc/"$child"/stat; done';
  const { stdout } = await new Deno.Command("/bin/sh", { args: ["-c", script, "sh", String(pid)] }).output();
  const [worker, ...shells] = new TextDecoder().decode(stdout).trim().split("\n").map(ticksOf);
  const ofShells = shells.map(({ own, ofEnded }) => own + ofEnded);
  return {
    worker: worker!.own * MS_PER_TICK,
    commands: [worker!.ofEnded, ...ofShells].reduce((sum, ticks) => sum + ticks) * MS_PER_TICK,
  };
}

/** What a line of `/proc/PID/stat` says about a process and its children that have ended. */
function ticksOf(line: string): { own: number; ofEnded: number } {
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ").map(Number);
  return { own: fields[11]! + fields[12]!, ofEnded: fields[13]! + fields[14]! };
}

/** CPU in ms, of the worker alone, of starting a command and hearing of its end. */
async function startCost(folder: string, command: string): Promise<number> {
  const spawner = new Spawner(inheritedVariables(), "0123456789abcdef-w1s");
  const cwd = await Deno.makeTempDir({ dir: folder });
  const before = process.cpuUsage();
  for (let number = 0; number < JOBS; number++) {
    const files = { stdout: `${cwd}/${number}.out`, stderr: `${cwd}/${number}.err` };
    const words = command.includes("/") ? [command] : [];
    const spec = { args: ["/bin/sh", "-c", command], words, cwd, env: {}, ...files };
    await spawner.start(spec)?.exited;
  }
  await spawner.close();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / JOBS;
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
    job = (await store.endAttemptsAndClaim([{ ref, end }], () => options)).next[0]!;
  }
  const { user, system } = process.cpuUsage(before);
  await store.close();
  return (user + system) / 1000 / JOBS;
}
