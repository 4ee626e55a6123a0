/**
 * How fast workers drain a queue of the shortest jobs, side by side with `xargs` and with the peers that are
 * installed: GNU `parallel`, `nq`, `task-spooler`. And whether many workers get in each other's way.
 */

import { call } from "../harness/program.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import { type Figure, figure, tellSkipped } from "./report.ts";
import { untilDrained } from "./until_drained.ts";

const JOBS = 2000;
/** Peers take a process a job to enqueue: fewer will do. */
const PEER_JOBS = 400;
/** With fewer the eight would be compared while each is still compiling its program, for a quarter of their jobs. */
const CROWD_JOBS = 8000;
const ROUNDS = 5;

/** Workers and what each of them runs at a time. */
interface Crew {
  readonly workers: number;
  readonly slots: number;
}

/** Jobs a second, ours ÷ others'. */
export async function drainFigures(folder: string): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const crew of [{ workers: 2, slots: 1 }, { workers: 2, slots: 4 }]) {
    for (const command of ["true", "/bin/true"]) figures.push(await againstXargs(folder, crew, command));
  }
  for (const peer of PEERS) figures.push(...await againstPeer(folder, peer));
  figures.push(await manyWorkers(folder));
  return figures;
}

async function againstXargs(folder: string, crew: Crew, command: string): Promise<Figure> {
  const rounds: { ours: number; theirs: number }[] = [];
  const parallel = crew.workers * crew.slots;
  for (let round = 0; round < ROUNDS; round++) {
    const theirs = await scriptRate('seq "$1" | xargs -P"$2" -n1 sh -c "$3"', {
      args: [JOBS, parallel, command],
      jobs: JOBS,
    });
    rounds.push({ ours: await drainRate(folder, crew, command), theirs });
  }
  const slots = crew.slots === 1 ? "" : ` × ${crew.slots} slots`;
  return figure(
    `drain of ${JOBS} × ${command}, ${crew.workers} workers${slots} ÷ xargs -P${parallel}`,
    rounds,
    {
      budget: { atLeast: 0.8 },
      unit: "jobs/s",
      names: ["queuectl", "xargs"],
    },
  );
}

interface Peer {
  readonly name: string;
  readonly program: string;
  /** Runs `$1` times `true`, two at a time where it can, enqueuing included. */
  readonly script: string;
}

const PEERS: readonly Peer[] = [
  { name: "GNU parallel -j2", program: "parallel", script: 'seq "$1" | parallel -j2 "true #"' },
  {
    name: "nq",
    program: "nq",
    script: 'i=0; while [ $i -lt "$1" ]; do nq -q true; i=$((i + 1)); done; nq -w >/dev/null 2>&1',
  },
  {
    name: "tsp, 2 slots",
    program: "tsp",
    script: 'tsp -S 2; i=0; while [ $i -lt "$1" ]; do tsp -n true >/dev/null; i=$((i + 1)); done; ' +
      "while tsp | grep -qE ' (queued|running) '; do :; done; tsp -K",
  },
];

async function againstPeer(folder: string, { name, program, script }: Peer): Promise<Figure[]> {
  const found = await new Deno.Command("/bin/sh", { args: ["-c", `command -v ${program}`] }).output();
  if (!found.success) {
    tellSkipped(name, "it isn't installed");
    return [];
  }
  const rounds: { ours: number; theirs: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const theirs = await scriptRate(script, {
      args: [PEER_JOBS],
      jobs: PEER_JOBS,
      folder: await Deno.makeTempDir({ dir: folder }),
    });
    rounds.push({ ours: await drainRate(folder, { workers: 2, slots: 1 }, "true"), theirs });
  }
  return [figure(`drain of true, 2 workers ÷ ${name}, enqueuing included there`, rounds, {
    budget: { atLeast: 3 },
    unit: "jobs/s",
    names: ["queuectl", program],
  })];
}

async function manyWorkers(folder: string): Promise<Figure> {
  const rounds: { ours: number; theirs: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const theirs = await drainRate(folder, { workers: 1, slots: 1 }, "true", CROWD_JOBS);
    const ours = await drainRate(folder, { workers: 8, slots: 1 }, "true", CROWD_JOBS);
    rounds.push({ ours, theirs });
  }
  return figure(`drain of ${CROWD_JOBS} × true, 8 workers ÷ 1 worker`, rounds, {
    budget: { atLeast: 1 },
    unit: "jobs/s",
    names: ["8 workers", "1 worker"],
  });
}

/**
 * From the first claim to the last end, as the store has them. The home is kept: a file system that has just
 * deleted thousands of files creates new ones many times slower.
 */
async function drainRate(
  folder: string,
  { workers, slots }: Crew,
  command: string,
  jobs = JOBS,
): Promise<number> {
  const home = await Deno.makeTempDir({ dir: folder });
  const input = JSON.stringify(
    Array.from({ length: jobs }, (_, index) => ({ id: `job${index}`, command, queue: "later" })),
  );
  const crew = ["--count", String(workers), "--concurrency", String(slots)];
  await call(home, ["worker", "start", ...crew, "--queue", "later"]);
  try {
    await call(home, ["enqueue", "-"], { stdin: input });
    const store = await SqliteStore.open(`${home}/queue.db`, { durability: "normal", lockTimeoutMs: 60_000 });
    await untilDrained(store, jobs);
    const attempts = await store.recentAttempts(jobs);
    const ends = attempts.map((attempt) => attempt.outcome === null ? NaN : attempt.finishedAt);
    await store.close();
    return jobs / (Math.max(...ends) - attempts[0]!.startedAt) * 1000;
  } finally {
    await call(home, ["worker", "stop", "--force"]);
  }
}

/** Jobs a second of a shell script that runs `jobs` of them. */
async function scriptRate(
  script: string,
  { args, jobs, folder = "/" }: { args: readonly (string | number)[]; jobs: number; folder?: string },
): Promise<number> {
  const startedAt = performance.now();
  const { code, stderr } = await new Deno.Command("/bin/sh", {
    args: ["-c", script, "sh", ...args.map(String)],
    cwd: folder,
    env: { NQDIR: folder, TS_SOCKET: `${folder}/tsp`, TMPDIR: folder, PARALLEL_HOME: folder },
    stdin: "null",
  }).output();
  if (code !== 0) throw new Error(`${script} exited with ${code}: ${new TextDecoder().decode(stderr)}`);
  return jobs / (performance.now() - startedAt) * 1000;
}
