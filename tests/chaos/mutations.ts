/**
 * The proof that the checker can fail: each planted fault is put into a copy of the program, the copy is put
 * through a small trial, and something must be noticed.
 */

import { fileURLToPath } from "node:url";
import { check } from "./checker.ts";
import { lifeAndDeath } from "./faults/life_and_death.ts";
import { POWER_SIZES, powerLoss } from "./faults/power_loss.ts";
import { Ground } from "./ground.ts";
import { PLANTED_FAULTS, type PlantedFault } from "./planted_faults.ts";

/** What became of one planted fault. `caughtBy` is the rule that noticed it; null if none did. */
export interface MutationResult {
  readonly fault: PlantedFault;
  readonly caughtBy: string | null;
  readonly example: string;
}

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Plants the faults, one after the other, and tells what noticed each. */
export async function runMutations(
  seed: number,
  onResult: (result: MutationResult) => void,
  faults: readonly PlantedFault[] = PLANTED_FAULTS,
): Promise<MutationResult[]> {
  const results: MutationResult[] = [];
  for (const fault of faults) {
    const tree = await Deno.makeTempDir({ prefix: "queuectl-mutant-" });
    try {
      await plant(tree, fault);
      const result = { fault, ...await trial(tree, fault, seed) };
      results.push(result);
      onResult(result);
    } finally {
      await Deno.remove(tree, { recursive: true });
    }
  }
  return results;
}

/** Copies the program to `tree` with the fault in it. Throws if the text to change isn't there exactly once. */
async function plant(tree: string, fault: PlantedFault): Promise<void> {
  const copy = ["main.ts", "deno.json", "deno.lock", "src", "tests"].map((name) => ROOT + name);
  await new Deno.Command("cp", { args: ["-r", ...copy, tree] }).output();
  const path = `${tree}/${fault.file}`;
  const text = await Deno.readTextFile(path);
  const places = text.split(fault.from).length - 1;
  if (places !== 1) throw new Error(`"${fault.from}" stands ${places} times in ${fault.file}, not once`);
  await Deno.writeTextFile(path, text.replace(fault.from, () => fault.to));
  const program = `#!/bin/sh\nexec ${Deno.execPath()} run --quiet --no-check -A ${tree}/main.ts "$@"\n`;
  await Deno.writeTextFile(`${tree}/program`, program, { mode: 0o700 });
}

/** A fault may bring the program to a standstill; then the trial is ended by ending its processes. */
const TRIAL_TIMEOUT_MS = 45_000;

async function trial(
  tree: string,
  fault: PlantedFault,
  seed: number,
): Promise<Pick<MutationResult, "caughtBy" | "example">> {
  Deno.env.set("QUEUECTL_TEST_PROGRAM", `${tree}/program`);
  Deno.env.set("QUEUECTL_TEST_TREE", tree);
  try {
    return await Ground.use(seed, async (ground) => {
      const timer = setTimeout(() => ground.home.endProcesses(), TRIAL_TIMEOUT_MS);
      const tried = fault.trial === "power loss"
        ? powerLoss(ground, POWER_SIZES.small)
        : lifeAndDeath(ground, { rounds: 1 });
      const { evidence } = await tried.finally(() => clearTimeout(timer));
      const [first] = check(evidence);
      return {
        caughtBy: first?.rule ?? null,
        example: first === undefined ? "" : `${first.job ?? "store"} ${first.what}`,
      };
    });
  } catch (error) {
    // A fault that brings the trial to a standstill, or an error to a user, has been noticed as well.
    const [example = ""] = (error as Error).message.split("\n");
    return { caughtBy: "the trial comes to its end", example };
  } finally {
    Deno.env.delete("QUEUECTL_TEST_PROGRAM");
    Deno.env.delete("QUEUECTL_TEST_TREE");
  }
}
