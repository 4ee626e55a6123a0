/**
 * A store that nobody has opened before is opened by many processes at the same moment, and by some while
 * another is killed in the middle of creating it.
 */

import { DatabaseSync } from "node:sqlite";
import { start } from "../../harness/program.ts";
import type { Evidence } from "../evidence.ts";
import type { ChaosJob, Ground, Tally } from "../ground.ts";
import { mustBeSound, withStore } from "../store_look.ts";
import {
  callBy,
  resultOf,
  storeFiles,
  straceArgs,
  tellSkipped,
  type ToolResult,
  whyNoStrace,
} from "../strace.ts";

/** How many open, and how often one is killed. */
export interface MigrationSize {
  readonly processes: number;
  /** Races, each for a new store; the first is for that of the ground. */
  readonly races: number;
  /** At one of so many writes of a migration a process is killed; 1: at each. */
  readonly killStride: number;
}

/** The sizes for CI and for a full run. */
export const MIGRATION_SIZES: { readonly small: MigrationSize; readonly full: MigrationSize } = {
  small: { processes: 64, races: 1, killStride: 24 },
  full: { processes: 64, races: 6, killStride: 1 },
};

/** How many others open a store while one is killed that creates it. */
const OTHERS = 4;
/** A migration has fewer writes. */
const MAX_WRITES = 2000;
/** How long all may take to get to the door. */
const GATHERING_MS = 40_000;

/** Runs the races and the kills, and returns the records of the ground's store. */
export async function migrations(
  ground: Ground,
  size: MigrationSize,
): Promise<{ evidence: Evidence; tally: Tally }> {
  const { dir } = ground.home;
  for (const file of storeFiles(dir)) await Deno.remove(file).catch(() => {});
  for (let number = 0; number < size.races; number++) {
    const home = number === 0 ? dir : `${dir}/race-${number}`;
    const jobs = Array.from(
      { length: Math.floor(size.processes / 2) },
      (_, index) => ground.job(`race-${number}-${index}`),
    );
    await race(home, { jobs, openers: size.processes - jobs.length, isGated: number % 2 === 0 });
    if (number === 0) ground.acknowledge(jobs, "ok");
  }
  const why = whyNoStrace();
  let kills = 0;
  if (why !== null) tellSkipped("kills in the middle of a migration", why);
  else kills = await killMigrators(ground, size);
  await ground.home.startWorkers(1);
  await ground.untilDrained(120_000);
  await ground.home.run("worker", "stop");
  const evidence = await ground.evidence();
  return { evidence, tally: { jobs: evidence.jobs.length, faults: size.races + kills, recoveriesMs: [] } };
}

/**
 * Opens a new store by all processes at once. Behind a gate, an empty file that is locked, all wait until the
 * last has come; without one, they come as fast as they start. Throws unless all succeed on one store.
 */
async function race(
  home: string,
  { jobs, openers, isGated }: { jobs: readonly ChaosJob[]; openers: number; isGated: boolean },
): Promise<void> {
  await Deno.mkdir(home, { recursive: true, mode: 0o700 });
  const db = `${home}/queue.db`;
  const gate = isGated ? new Gate(db) : null;
  const calls = [...jobs.map((job) => ["enqueue", JSON.stringify(job)]), ...Array(openers).fill(["init-db"])];
  const children = calls.map((args) => start(home, args));
  const results = Promise.all(children.map(endOf));
  try {
    await gate?.untilAllHaveCome(children.map((child) => child.pid));
  } finally {
    gate?.open();
  }
  (await results).forEach(({ code, stderr }, index) => {
    if (code !== 0) throw new Error(`migration race: ${calls[index]![0]} exited with ${code}: ${stderr}`);
  });
  await mustHold(db, jobs.map((job) => job.id), "migration race");
}

/** An empty store's file that nobody can read until the gate is opened. */
class Gate {
  readonly #path: string;
  readonly #db: DatabaseSync;

  constructor(path: string) {
    this.#path = path;
    Deno.openSync(path, { createNew: true, write: true, mode: 0o600 }).close();
    this.#db = new DatabaseSync(path);
    this.#db.exec("BEGIN EXCLUSIVE");
  }

  /** Returns when every process has the file open. */
  async untilAllHaveCome(pids: readonly number[]): Promise<void> {
    const script =
      'db=$1; shift; find "$@" -maxdepth 1 -lname "$db" 2>/dev/null | cut -d/ -f3 | sort -u | wc -l';
    const folders = pids.map((pid) => `/proc/${pid}/fd`);
    const deadline = performance.now() + GATHERING_MS;
    while (performance.now() < deadline) {
      const { stdout } = await new Deno.Command("/bin/sh", {
        args: ["-c", script, "sh", this.#path, ...folders],
      })
        .output();
      if (Number(new TextDecoder().decode(stdout)) >= pids.length) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`migration race: not all processes had opened the store after ${GATHERING_MS} ms`);
  }

  open(): void {
    this.#db.exec("ROLLBACK");
    this.#db.close();
  }
}

async function endOf(child: Deno.ChildProcess): Promise<ToolResult> {
  await child.stdin.close();
  return await resultOf(child);
}

/** Kills a process at one write of its migration after the other, among others and before others. */
async function killMigrators(ground: Ground, { killStride }: MigrationSize): Promise<number> {
  let kills = 0;
  let isAlone = false;
  for (let when = ground.between(1, killStride);; when += killStride) {
    if (when > MAX_WRITES) throw new Error(`migration: no end after ${MAX_WRITES} writes`);
    const home = `${ground.home.dir}/killed-${when}`;
    await Deno.mkdir(home, { mode: 0o700 });
    const files = storeFiles(home);
    const tool = straceArgs({ calls: ["pwrite64"], effect: "signal=SIGKILL", when: String(when), files });
    const victim = callBy(home, ["init-db"], { tool });
    // By turns the others come when it is dead and at the same time.
    isAlone = !isAlone;
    if (isAlone) await victim;
    const ids = Array.from({ length: OTHERS }, (_, index) => `other-${index}`);
    const others = await Promise.all(
      ids.map((id) => endOf(start(home, ["enqueue", "--id", id, "--command", "true"]))),
    );
    const where = `migration, one killed at write ${when}`;
    for (const { code, stderr } of others) {
      if (code !== 0) throw new Error(`${where}: another exited with ${code}: ${stderr}`);
    }
    const { signal, code, stderr } = await victim;
    if (signal === null && code !== 0) throw new Error(`${where}: it exited with ${code}: ${stderr}`);
    await mustHold(`${home}/queue.db`, ids, where);
    await Deno.remove(home, { recursive: true });
    if (signal !== null) kills++;
    // Beside others it may have found the store made already, which takes fewer writes.
    else if (isAlone) break;
  }
  if (kills === 0) throw new Error("migration: nobody was killed, so strace meets other calls than its own");
  return kills;
}

/** Throws unless the store is sound and has these jobs and no others. */
async function mustHold(db: string, ids: readonly string[], where: string): Promise<void> {
  const stored = await withStore(db, (store) => store.jobs({}));
  mustBeSound(db, where);
  const found = stored.map((job) => job.id).sort().join(" ");
  if (found !== [...ids].sort().join(" ")) throw new Error(`${where}: the store holds ${found || "nothing"}`);
}
