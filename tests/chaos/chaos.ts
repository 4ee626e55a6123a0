/**
 * `deno task chaos`: tries every fault, each on a ground of its own, and judges what happened by independent
 * records; then plants faults in copies of the program to prove that the judge is awake.
 *
 * `--small` is the tier of CI; `--seed N` repeats a run; `--only TEXT` tries the faults whose name has it;
 * `--no-mutations` leaves the proof of the judge out. With `--tries 2` a fault that broke something is tried once
 * more, and both results are told: on a machine that others load, too, one broken trial asks for a look, two
 * fail the build. Exit status 1 if an invariant was broken in each try.
 */

import { parseArgs } from "node:util";
import { check } from "./checker.ts";
import { Ground } from "./ground.ts";
import { runMutations } from "./mutations.ts";
import { PLANTED_FAULTS } from "./planted_faults.ts";
import { type Fault, FAULTS, type Tier } from "./programme.ts";
import { reportTable, type Trial } from "./report.ts";

/** Of the planted faults, so many are tried in the small tier: others with another seed. */
const SMALL_MUTATIONS = 4;

const { values: flags } = parseArgs({
  args: Deno.args,
  options: {
    "small": { type: "boolean" },
    "seed": { type: "string" },
    "only": { type: "string" },
    "tries": { type: "string" },
    "no-mutations": { type: "boolean" },
  },
});
const tier: Tier = flags.small ? "small" : "full";
const seed = Number(flags.seed ?? Date.now() % 1_000_000);

async function tryFault(fault: Fault): Promise<Trial | null> {
  const startedAt = performance.now();
  try {
    return await Ground.use(seed, async (ground) => {
      const { evidence, tally } = await fault.bringAbout(ground, tier);
      const violations = check(evidence);
      tell(`${violations.length === 0 ? "held " : "BROKE"} ${fault.name} (${seconds(startedAt)})`);
      for (const { rule, job, what } of violations.slice(0, 10)) tell(`      ${rule}: ${job ?? ""} ${what}`);
      return { name: fault.name, tally, evidence, violations };
    });
  } catch (error) {
    tell(`BROKE ${fault.name} (${seconds(startedAt)}): ${error instanceof Error ? error.message : error}`);
    return null;
  }
}

/** Returns how many planted faults were not noticed, of how many. */
async function proveTheJudge(): Promise<{ missed: number; planted: number }> {
  const count = tier === "full" ? PLANTED_FAULTS.length : SMALL_MUTATIONS;
  const chosen = Array.from(
    { length: count },
    (_, index) => PLANTED_FAULTS[(seed + index) % PLANTED_FAULTS.length]!,
  );
  const results = await runMutations(seed, ({ fault, caughtBy, example }) => {
    tell(
      `${caughtBy === null ? "MISSED" : "caught"} planted: ${fault.name}${
        caughtBy === null ? "" : ` (${caughtBy})`
      }`,
    );
    if (caughtBy !== null) tell(`       ${example.slice(0, 100)}`);
  }, chosen);
  return { missed: results.filter((result) => result.caughtBy === null).length, planted: results.length };
}

function seconds(startedAt: number): string {
  return `${((performance.now() - startedAt) / 1000).toFixed(0)} s`;
}

function tell(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

tell(`chaos: ${tier} tier, --seed ${seed}`);
const chosen = FAULTS.filter((fault) => fault.name.includes(flags.only ?? ""));
const trials: (Trial | null)[] = [];
for (const fault of chosen) {
  let trial = await tryFault(fault);
  for (let left = Number(flags.tries ?? 1) - 1; left > 0 && (trial?.violations.length ?? 1) > 0; left--) {
    trial = await tryFault(fault);
  }
  trials.push(trial);
}
const judge = flags["no-mutations"] || flags.only ? { missed: 0, planted: 0 } : await proveTheJudge();
tell(`\n${reportTable(trials.filter((trial) => trial !== null))}\n`);
const broken = trials.filter((trial) => trial === null || trial.violations.length > 0).length;
tell(
  `seed ${seed}, ${
    new Date().toISOString().slice(0, 10)
  }: ${chosen.length} faults tried, ${broken} broke something`,
);
if (judge.planted > 0) tell(`planted faults noticed: ${judge.planted - judge.missed}/${judge.planted}`);
Deno.exit(broken + judge.missed === 0 ? 0 : 1);
