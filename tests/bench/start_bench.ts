/**
 * What a call of the executable costs beside an empty program that was compiled the same way.
 *
 * Needs `dist/queuectl`. `DENO_COMPILE` names another Deno to compile the empty program with.
 */

import { fileURLToPath } from "node:url";
import { type Figure, figure, median, tellSkipped } from "./report.ts";

const ROUNDS = 15;
const CALLS = 4;
const EXECUTABLE = fileURLToPath(new URL("../../dist/queuectl", import.meta.url));

/** `enqueue` and `--version` as whole processes, and the size, ÷ the empty program. */
export async function startFigures(folder: string): Promise<Figure[]> {
  const empty = await compileEmpty(folder);
  if (empty === null) return [];
  // How a file lies in memory depends on how it got there: both have just been written when they are called.
  const ours = `${folder}/queuectl`;
  await Deno.copyFile(EXECUTABLE, ours);
  const home = `${folder}/start`;
  await Deno.mkdir(home);
  const calls: [string, string[], number][] = [
    ["enqueue of one job, whole process", ["enqueue", "--command", "true", "--quiet"], 1.5],
    ["start: --version", ["--version"], 1.25],
  ];
  const figures: Figure[] = [];
  for (const [what, args, atMost] of calls) {
    const rounds: { ours: number; theirs: number }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const theirs = await callTime(empty, [], home);
      rounds.push({ ours: await callTime(ours, args, home), theirs });
    }
    const names = ["queuectl", "empty program"] as const;
    figures.push(
      figure(`${what} ÷ an empty compiled program`, rounds, { budget: { atMost }, unit: "ms", names }),
    );
  }
  const sizes = {
    ours: Deno.statSync(EXECUTABLE).size / 2 ** 20,
    theirs: Deno.statSync(empty).size / 2 ** 20,
  };
  figures.push(figure("size of the executable ÷ an empty compiled program", [sizes], {
    budget: { atMost: 1.1 },
    unit: "MiB",
    names: ["queuectl", "empty program"],
  }));
  return figures;
}

/** An empty program as an executable; null, saying why, if it can't be had. */
export async function compileEmpty(folder: string): Promise<string | null> {
  try {
    Deno.statSync(EXECUTABLE);
  } catch {
    tellSkipped("the executable", "there is no dist/queuectl; deno task compile makes it");
    return null;
  }
  // It waits for the end of its input if it is told to, so that it can be looked at while it idles.
  const source = `${folder}/empty.ts`;
  await Deno.writeTextFile(
    source,
    'if (Deno.args[0] === "idle") await Deno.stdin.read(new Uint8Array(1));\n',
  );
  const output = `${folder}/empty`;
  const compiler = Deno.env.get("DENO_COMPILE") ?? Deno.execPath();
  const { success, stderr } = await new Deno.Command(compiler, {
    args: ["compile", "--quiet", "--output", output, source],
    stdin: "null",
  }).output();
  if (success) return output;
  tellSkipped(
    "the executable",
    `an empty program can't be compiled: ${new TextDecoder().decode(stderr).trim()}`,
  );
  return null;
}

async function callTime(program: string, args: readonly string[], home: string): Promise<number> {
  const times: number[] = [];
  for (let number = 0; number < CALLS; number++) {
    const startedAt = performance.now();
    const { code, stderr } = await new Deno.Command(program, {
      args: [...args],
      env: { QUEUECTL_HOME: home, QUEUECTL_DB: "" },
      stdin: "null",
    }).output();
    if (code !== 0) throw new Error(`${program} exited with ${code}: ${new TextDecoder().decode(stderr)}`);
    times.push(performance.now() - startedAt);
  }
  return median(times);
}
