/**
 * The power fails while clients enqueue: what a disk may then hold is rebuilt from a record of their
 * writes and syncs, many times and differently, and opened again.
 */

import { fileURLToPath } from "node:url";
import { programCommand } from "../../harness/program.ts";
import {
  afterPowerLoss,
  type DiskRecord,
  recordDisk,
  UNSYNCED_FATES,
  type UnsyncedFate,
} from "../disk_record.ts";
import type { Evidence } from "../evidence.ts";
import type { Ground, Tally } from "../ground.ts";
import { integrityFaults, withStore } from "../store_look.ts";
import { tellSkipped, whyNoStrace } from "../strace.ts";

/** How often the power fails, and during how much work. */
export interface PowerSize {
  /** Power failures in each of the records. */
  readonly failures: number;
  /** Calls of the program. */
  readonly calls: number;
  /** Commits of each client that stays; about 100 make SQLite empty its log on the way. */
  readonly commits: number;
}

/** The sizes for CI and for a full run. */
export const POWER_SIZES: { readonly small: PowerSize; readonly full: PowerSize } = {
  small: { failures: 40, calls: 8, commits: 30 },
  full: { failures: 400, calls: 40, commits: 150 },
};

/** How many clients enqueue at the same time. */
const CLIENTS = 3;

/** Lets the power fail and returns the records of the store that the program has written. */
export async function powerLoss(
  ground: Ground,
  size: PowerSize,
): Promise<{ evidence: Evidence; tally: Tally }> {
  const why = whyNoStrace();
  let faults = 0;
  if (why !== null) tellSkipped("the power failures", why);
  else {
    faults += await failAll(ground, await recordProgram(ground, size), { size, what: "the program" });
    faults += await failAll(ground, await recordClients(ground, size, "full"), { size, what: "clients" });
    await compareNormal(ground, size);
  }
  await ground.home.startWorkers(1);
  await ground.untilDrained(120_000);
  await ground.home.run("worker", "stop");
  const evidence = await ground.evidence();
  return { evidence, tally: { jobs: evidence.jobs.length, faults, recoveriesMs: [] } };
}

/** Calls of the program, some at a time, each opening and closing the store of the ground. */
async function recordProgram(ground: Ground, { calls }: PowerSize): Promise<DiskRecord> {
  const { dir } = ground.home;
  const jobs = Array.from({ length: calls }, (_, index) => ground.job(`power-${index}`));
  await Deno.mkdir(`${dir}/calls`);
  await Promise.all(jobs.map((job) => Deno.writeTextFile(`${dir}/calls/${job.id}`, JSON.stringify(job))));
  const script =
    'cd "$1" && shift && printf "%s\\n" calls/* | xargs -P "$0" -I FILE "$@" enqueue --file FILE';
  const record = await recordDisk(dir, script.replace('"$0"', String(CLIENTS)), {
    args: [dir, ...programCommand()],
    env: { NO_COLOR: "1", QUEUECTL_HOME: dir, QUEUECTL_DB: "" },
  });
  ground.acknowledge(jobs, "ok");
  return record;
}

/** Clients that keep a new store open and commit again and again. */
async function recordClients(
  ground: Ground,
  { commits }: PowerSize,
  durability: "full" | "normal",
): Promise<DiskRecord> {
  const folder = `${ground.home.dir}/${durability}`;
  await Deno.mkdir(folder);
  const client = fileURLToPath(new URL("../enqueuing_client.ts", import.meta.url));
  const permissions = ["--allow-read", "--allow-write", "--allow-env"];
  const script = `for n in $(seq ${CLIENTS}); do "$@" "$n" ${commits} & all="$all $!"; done
    for pid in $all; do wait "$pid" || exit 1; done`;
  const command = [Deno.execPath(), "run", "--no-prompt", "--quiet", ...permissions, client];
  return await recordDisk(folder, script, {
    args: [...command, `${folder}/queue.db`, durability],
    env: { NO_COLOR: "1" },
  });
}

interface Failure {
  /** How many had been told that their job is stored. */
  readonly told: number;
  /** Jobs that were told stored and are not. */
  readonly lost: readonly string[];
  readonly integrityFaults: readonly string[];
}

/** Lets the power fail; throws if anything acknowledged is lost or the file is not sound. */
async function failAll(
  ground: Ground,
  record: DiskRecord,
  { size, what }: { size: PowerSize; what: string },
): Promise<number> {
  const told = record.steps.filter((step) => step.kind === "told").length;
  const syncs = record.steps.filter((step) => step.kind === "sync").length;
  if (told === 0 || syncs < told) {
    throw new Error(`power loss, ${what}: the record has ${told} acknowledgements and ${syncs} syncs`);
  }
  for (let failure = 0; failure < size.failures; failure++) {
    const { count, fate } = moment(ground, record, failure);
    const { lost, integrityFaults: faults } = await fail(ground, record, { count, fate });
    const where = `power loss, ${what}, after step ${count} of ${record.steps.length}, unsynced ${fate}`;
    if (faults.length > 0) throw new Error(`${where}: the file is not sound: ${faults.join("; ")}`);
    if (lost.length > 0) throw new Error(`${where}: acknowledged and lost: ${lost.join(", ")}`);
  }
  return size.failures;
}

/** Prints how often and how much is lost where commits are not synced, as those of a worker aren't. */
async function compareNormal(ground: Ground, size: PowerSize): Promise<void> {
  const record = await recordClients(ground, size, "normal");
  let [failures, told, lost] = [0, 0, 0];
  for (let failure = 0; failure < size.failures; failure++) {
    const result = await fail(ground, record, moment(ground, record, failure));
    if (result.integrityFaults.length > 0) {
      throw new Error(`power loss, normal: the file is not sound: ${result.integrityFaults.join("; ")}`);
    }
    told += result.told;
    lost += result.lost.length;
    if (result.lost.length > 0) failures++;
  }
  const text = `for comparison, synchronous=NORMAL: ${lost} of ${told} acknowledged commits lost, ` +
    `in ${failures} of ${size.failures} power failures; FULL: none\n`;
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

/** Every other failure comes right after an acknowledgement, where a promise is youngest. */
function moment(
  ground: Ground,
  { steps }: DiskRecord,
  failure: number,
): { count: number; fate: UnsyncedFate } {
  const told = steps.flatMap((step, index) => step.kind === "told" ? [index + 1] : []);
  return {
    count: failure % 2 === 0 ? told[ground.between(0, told.length - 1)]! : ground.between(0, steps.length),
    fate: UNSYNCED_FATES[ground.between(0, UNSYNCED_FATES.length - 1)]!,
  };
}

async function fail(
  ground: Ground,
  record: DiskRecord,
  { count, fate }: { count: number; fate: UnsyncedFate },
): Promise<Failure> {
  const folder = await Deno.makeTempDir({ dir: ground.home.dir, prefix: "after-" });
  try {
    for (const [name, bytes] of afterPowerLoss(record, { count, fate, random: ground.random })) {
      await Deno.writeFile(`${folder}/${name}`, bytes);
    }
    const told = record.steps.slice(0, count).flatMap((step) => step.kind === "told" ? [step.id] : []);
    const stored = await withStore(`${folder}/queue.db`, (store) => store.jobs({}));
    const ids = new Set(stored.map((job) => job.id));
    const lost = told.filter((id) => !ids.has(id));
    return { told: told.length, lost, integrityFaults: integrityFaults(`${folder}/queue.db`) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
