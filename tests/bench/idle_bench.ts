/**
 * Idle workers: how fast they wake up, and what they cost while there is nothing to do.
 */

import { call } from "../harness/program.ts";
import { waitFor } from "../harness/wait_for.ts";
import { resolveHome } from "../../src/home/home.ts";
import { wakeWorkers } from "../../src/home/wake.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import { absolute, type Figure, figure } from "./report.ts";
import { compileEmpty } from "./start_bench.ts";

const WAKE_UPS = 200;
const IDLE_WORKERS = 4;
const IDLE_MS = 60_000;
/** Workers have just started, and settle. */
const SETTLE_MS = 5000;
const CLOCK_TICKS_PER_SECOND = 100;

/** Latency of a wake-up, CPU and memory of idle workers. */
export async function idleFigures(folder: string): Promise<Figure[]> {
  return [...await wakeUps(folder), ...await costOfIdling(folder)];
}

/** From a job's commit to the first instruction of its command, which tells the time of day. */
async function wakeUps(folder: string): Promise<Figure[]> {
  const dir = `${folder}/wake-ups`;
  await Deno.mkdir(dir);
  await call(dir, ["worker", "start"]);
  const home = resolveHome({ home: dir });
  const store = await SqliteStore.open(home.dbPath, { durability: "full", lockTimeoutMs: 10_000 });
  const latencies: number[] = [];
  try {
    for (let number = 0; number < WAKE_UPS; number++) {
      const path = `${dir}/time-${number}`;
      const committedAt = await enqueueAndWake(`/bin/date +%s.%N >${path}`, {
        id: `job${number}`,
        store,
        home,
      });
      const text = await waitFor("the command", () => textOf(path));
      latencies.push(Number(text) * 1000 - committedAt);
    }
  } finally {
    await store.close();
    await call(dir, ["worker", "stop"]);
  }
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1]!;
  const what = "idle worker: commit of an enqueue → first instruction of the command";
  return [
    absolute(`${what}, p50`, at(0.5), { budget: { atMost: 10 }, unit: "ms" }),
    absolute(`${what}, p99`, at(0.99), { budget: { atMost: 50 }, unit: "ms" }),
  ];
}

async function enqueueAndWake(
  command: string,
  { id, store, home }: { id: string; store: SqliteStore; home: ReturnType<typeof resolveHome> },
): Promise<number> {
  const spec = { id, command, queue: "default", priority: 0, maxRetries: 1, timeoutMs: 0, backoffBase: 2 };
  await store.enqueue([{ ...spec, cwd: "/", env: {}, runAt: 0 }], Date.now());
  const committedAt = performance.timeOrigin + performance.now();
  wakeWorkers(home);
  return committedAt;
}

async function textOf(path: string): Promise<string | null> {
  const text = await Deno.readTextFile(path).catch(() => "");
  return text.endsWith("\n") ? text : null;
}

/** CPU of some idle workers together, and the memory of each ÷ that of a bare idle program. */
async function costOfIdling(folder: string): Promise<Figure[]> {
  const dir = `${folder}/idle`;
  await Deno.mkdir(dir);
  const bare = await startBare(folder);
  try {
    await call(dir, ["worker", "start", "--count", String(IDLE_WORKERS)]);
    const { stdout } = await call(dir, ["worker", "list", "--json"]);
    const pids: number[] = JSON.parse(stdout).map((worker: { pid: number }) => worker.pid);
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const before = await cpuMs(pids);
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    const share = (await cpuMs(pids) - before) / IDLE_MS * 100;
    const theirs = await rssMiB(bare.pid);
    const rounds = await Promise.all(pids.map(async (pid) => ({ ours: await rssMiB(pid), theirs })));
    return [
      absolute(`${IDLE_WORKERS} idle workers together, share of a core`, share, {
        budget: { atMost: 0.2 },
        unit: "%",
      }),
      figure("memory of an idle worker ÷ a bare idle program", rounds, {
        budget: { atMost: 1.4 },
        unit: "MiB",
        names: ["worker", "bare program"],
      }),
    ];
  } finally {
    await call(dir, ["worker", "stop"]);
    await bare.stdin.close();
    await bare.status;
  }
}

/** An idle program that was made like the one under test: compiled, or run from its source. */
async function startBare(folder: string): Promise<Deno.ChildProcess> {
  const isCompiled = Boolean(Deno.env.get("QUEUECTL_TEST_PROGRAM"));
  const empty = isCompiled ? await compileEmpty(folder) : null;
  const source = `${folder}/bare.ts`;
  await Deno.writeTextFile(source, "await Deno.stdin.read(new Uint8Array(1));\n");
  const options = { stdin: "piped", stdout: "null" } as const;
  return empty === null
    ? new Deno.Command(Deno.execPath(), { args: ["run", "--quiet", source], ...options }).spawn()
    : new Deno.Command(empty, { args: ["idle"], ...options }).spawn();
}

/** The CPU time that processes have used, their threads included. */
async function cpuMs(pids: readonly number[]): Promise<number> {
  const stats = await shell(`cat ${pids.map((pid) => `/proc/${pid}/stat`).join(" ")}`);
  return stats.trim().split("\n").reduce((sum, line) => {
    const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
    return sum + (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND * 1000;
  }, 0);
}

async function rssMiB(pid: number): Promise<number> {
  return Number(await shell(`grep VmRSS /proc/${pid}/status | tr -dc 0-9`)) / 1024;
}

async function shell(script: string): Promise<string> {
  const { stdout } = await new Deno.Command("/bin/sh", { args: ["-c", script], stdin: "null" }).output();
  return new TextDecoder().decode(stdout);
}
