/**
 * `deno task bench`: the figures of DESIGN's budgets, each a ratio between two things measured in turns in this
 * run. Arguments choose parts: `drain`, `start`, `idle`, `wait`, `rush`, `bulk`, `flat`, `web`; all without. `--json`
 * prints the figures for machines. A file system that has lately deleted thousands of files, as the tests do, creates
 * new ones many times slower for some minutes: the drain shows that.
 */

import { bulkFigures } from "./bulk_bench.ts";
import { drainFigures } from "./drain_bench.ts";
import { profileDrain, profileLine } from "./drain_profile.ts";
import { flatFigures } from "./flat_bench.ts";
import { idleFigures } from "./idle_bench.ts";
import { type Figure, isKept, reportTable } from "./report.ts";
import { rushFigures } from "./rush_bench.ts";
import { startFigures } from "./start_bench.ts";
import { waitFigures } from "./wait_bench.ts";
import { webFigures } from "./web_bench.ts";

/** In this order: what writes gigabytes comes last, as the disk is busy with that for a while. */
const PARTS: Record<string, (folder: string) => Promise<Figure[]>> = {
  drain: drainFigures,
  start: startFigures,
  idle: idleFigures,
  wait: waitFigures,
  rush: rushFigures,
  bulk: bulkFigures,
  flat: flatFigures,
  web: webFigures,
};

// What users have is measured, where it has been made.
if (!Deno.env.has("QUEUECTL_TEST_PROGRAM") && isFile("dist/queuectl")) {
  Deno.env.set("QUEUECTL_TEST_PROGRAM", "dist/queuectl");
}
const wanted = Deno.args.filter((arg) => !arg.startsWith("--"));
const unknown = wanted.filter((part) => !Object.hasOwn(PARTS, part));
if (unknown.length > 0) {
  throw new Error(`There is no part ${unknown.join(", ")}: ${Object.keys(PARTS).join(", ")}`);
}
const folder = await Deno.makeTempDir({ prefix: "queuectl-bench-" });
const figures: Figure[] = [];
const profiles: string[] = [];
try {
  for (const [name, measure] of Object.entries(PARTS)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    say(Deno.stderr, `Measuring: ${name}…`);
    figures.push(...await measure(folder));
  }
  for (const command of wanted.length === 0 || wanted.includes("drain") ? ["true", "/bin/true"] : []) {
    profiles.push(profileLine(command, await profileDrain(folder, command)));
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
if (Deno.args.includes("--json")) {
  say(Deno.stdout, JSON.stringify(figures.map((one) => ({ ...one, kept: isKept(one) })), null, 2));
} else {
  say(
    Deno.stdout,
    `${navigator.hardwareConcurrency} cores, ${
      Deno.env.get("QUEUECTL_TEST_PROGRAM") ?? "deno run"
    }, Deno ${Deno.version.deno}, ${new Date().toISOString().slice(0, 10)}\n`,
  );
  say(Deno.stdout, [reportTable(figures), "", ...profiles].join("\n"));
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(new URL(`../../${path}`, import.meta.url)).isFile;
  } catch {
    return false;
  }
}

function say(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(`${text}\n`);
  for (let written = 0; written < bytes.length;) written += stream.writeSync(bytes.subarray(written));
}
