/**
 * How soon `wait` and `run` return after the end of their job: the end as the store has it, the return as the
 * process that called sees it.
 */

import { call } from "../harness/program.ts";
import { type Figure, figure } from "./report.ts";

const ROUNDS = 25;
const BUDGET_MS = 50;
/** Longer than it takes `wait` to start, so that it is waiting when the job ends. */
const JOB = "sleep 1";

/** The time from the end of a job to the end of the process that waited for it, ÷ 50 ms. */
export async function waitFigures(folder: string): Promise<Figure[]> {
  const home = await Deno.makeTempDir({ dir: folder });
  await call(home, ["worker", "start"]);
  try {
    return [
      await lateness(home, "wait", async (id) => {
        await call(home, ["enqueue", "--id", id, "--", JOB]);
        return ["wait", id];
      }),
      await lateness(home, "run", (id) => Promise.resolve(["run", "--id", id, "--", JOB])),
    ];
  } finally {
    await call(home, ["worker", "stop", "--force"]);
  }
}

async function lateness(
  home: string,
  verb: string,
  argsFor: (id: string) => Promise<string[]>,
): Promise<Figure> {
  const rounds: { ours: number; theirs: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const id = `${verb}${round}`;
    const { code, stderr } = await call(home, await argsFor(id));
    const returnedAt = Date.now();
    if (code !== 0) throw new Error(`${verb} exited with ${code}: ${stderr}`);
    const { finished_at } = JSON.parse((await call(home, ["get", id, "--json"])).stdout);
    rounds.push({ ours: returnedAt - Date.parse(finished_at), theirs: BUDGET_MS });
  }
  return figure(`${verb} returns after the end of its job ÷ ${BUDGET_MS} ms`, rounds, {
    budget: { atMost: 1 },
    unit: "ms",
    names: [verb, "budget"],
  });
}
