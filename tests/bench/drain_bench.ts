/**
 * How fast two workers drain a queue of the shortest jobs, side by side with `xargs`.
 */

import { call } from "../harness/program.ts";
import { waitFor } from "../harness/wait_for.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import { type Figure, figure } from "./report.ts";

const JOBS = 2000;
const ROUNDS = 3;
const WORKERS = 2;

/** Jobs a second, ours ÷ `xargs -P2 sh -c`. */
export async function drainFigures(folder: string): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const command of ["true", "/bin/true"]) {
    const rounds: { ours: number; theirs: number }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const theirs = await xargsRate(command);
      rounds.push({ ours: await drainRate(await Deno.makeTempDir({ dir: folder }), command), theirs });
    }
    figures.push(figure(`drain of ${JOBS} × ${command}, 2 workers ÷ xargs -P2`, rounds, {
      budget: { atLeast: 0.8 },
      unit: "jobs/s",
      names: ["queuectl", "xargs"],
    }));
  }
  return figures;
}

/** From the first claim to the last end, as the store has them. */
async function drainRate(home: string, command: string): Promise<number> {
  const input = JSON.stringify(
    Array.from({ length: JOBS }, (_, index) => ({ id: `job${index}`, command, queue: "later" })),
  );
  await call(home, ["worker", "start", "--count", String(WORKERS), "--queue", "later"]);
  try {
    await call(home, ["enqueue", "-"], { stdin: input });
    const store = await SqliteStore.open(`${home}/queue.db`, { durability: "normal", lockTimeoutMs: 60_000 });
    await waitFor("the queue to be drained", async () => (await store.counts()).completed === JOBS, 120_000);
    const attempts = await store.recentAttempts(JOBS);
    const ends = attempts.map((attempt) => attempt.outcome === null ? NaN : attempt.finishedAt);
    await store.close();
    return JOBS / (Math.max(...ends) - attempts[0]!.startedAt) * 1000;
  } finally {
    await call(home, ["worker", "stop", "--force"]);
  }
}

async function xargsRate(command: string): Promise<number> {
  const startedAt = performance.now();
  const script = 'seq "$1" | xargs -P2 -n1 sh -c "$2"';
  const options = { args: ["-c", script, "sh", String(JOBS), command], stdin: "null" } as const;
  const { code } = await new Deno.Command("/bin/sh", { ...options, args: [...options.args] }).output();
  if (code !== 0) throw new Error(`xargs exited with ${code}`);
  return JOBS / (performance.now() - startedAt) * 1000;
}
