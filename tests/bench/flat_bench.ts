/**
 * Whether a claim, an enqueue and `status` cost at a million jobs what they cost at a thousand.
 */

import type { NewJob } from "../../src/core/job.ts";
import type { Store } from "../../src/core/store.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import { call } from "../harness/program.ts";
import { type Figure, figure, median } from "./report.ts";
import { fillStore } from "./sized_store.ts";
import { endAttempt } from "../conformance/samples.ts";

const SMALL = 1000;
const LARGE = 1_000_000;
const ROUNDS = 7;
/** Operations a round, of which the median counts. */
const OPERATIONS = 200;
const PROCESS_CALLS = 5;

type Operation = (store: Store, number: number) => Promise<number>;

/** The figures of the flat costs, in a temporary folder. */
export async function flatFigures(folder: string): Promise<Figure[]> {
  const homes = { small: `${folder}/small`, large: `${folder}/large` };
  for (const home of Object.values(homes)) await Deno.mkdir(home, { recursive: true });
  await fillStore(`${homes.small}/queue.db`, SMALL);
  await fillStore(`${homes.large}/queue.db`, LARGE);
  const open = (home: string) =>
    SqliteStore.open(`${home}/queue.db`, { durability: "normal", lockTimeoutMs: 10_000 });
  const stores = { small: await open(homes.small), large: await open(homes.large) };
  const figures: Figure[] = [];
  for (const [what, operation] of Object.entries(OPERATION_BY_NAME)) {
    figures.push(
      await compare(what, async (size, round) => {
        const times: number[] = [];
        for (let number = 0; number < OPERATIONS; number++) {
          times.push(await operation(stores[size], round * OPERATIONS + number));
        }
        return median(times);
      }, "ms"),
    );
  }
  await stores.small.close();
  await stores.large.close();
  for (const args of [["enqueue", "--command", "true"], ["status"], ["list", "--limit", "50"]]) {
    figures.push(await compare(`whole process: ${args[0]}`, (size) => processTime(homes[size], args), "ms"));
  }
  return figures;
}

const OPERATION_BY_NAME: Record<string, Operation> = {
  "claim and end": async (store, number) => {
    await store.enqueue([newJob(`claim-${number}`)], Date.now());
    const token = String(number);
    const startedAt = performance.now();
    const job = (await store.claim({ workerId: 1, queues: [], mode: "priority", token }, Date.now()))!;
    await endAttempt(
      store,
      { jobSeq: job.seq, attemptId: job.claim.attemptId, token },
      { outcome: "succeeded", exitCode: 0, signal: null, error: null },
      { now: Date.now(), maxBackoffMs: 1000 },
    );
    return performance.now() - startedAt;
  },
  "enqueue": async (store, number) => {
    const startedAt = performance.now();
    await store.enqueue([{ ...newJob(`enqueue-${number}`), runAt: Date.now() + 86_400_000 }], Date.now());
    return performance.now() - startedAt;
  },
  "counts of status": async (store) => {
    const startedAt = performance.now();
    await store.counts();
    return performance.now() - startedAt;
  },
};

async function compare(
  what: string,
  measure: (size: "small" | "large", round: number) => Promise<number>,
  unit: string,
): Promise<Figure> {
  const rounds: { ours: number; theirs: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const theirs = await measure("small", round);
    const ours = await measure("large", round);
    rounds.push({ ours, theirs });
  }
  return figure(`${what}, 1,000,000 jobs ÷ 1,000`, rounds, {
    budget: { atMost: 1.5 },
    unit,
    names: ["at 1,000,000", "at 1,000"],
  });
}

async function processTime(home: string, args: readonly string[]): Promise<number> {
  const times: number[] = [];
  for (let number = 0; number < PROCESS_CALLS; number++) {
    const startedAt = performance.now();
    const { code, stderr } = await call(home, args);
    if (code !== 0) throw new Error(`${args.join(" ")} exited with ${code}: ${stderr}`);
    times.push(performance.now() - startedAt);
  }
  return median(times);
}

function newJob(id: string): NewJob {
  const spec = {
    id,
    command: "true",
    queue: "default",
    priority: 0,
    maxRetries: 3,
    timeoutMs: 0,
    backoffBase: 2,
  };
  return { ...spec, cwd: "/", env: {}, runAt: 0 };
}
