/**
 * A disk that is full, read-only or fails, and a limit on the size of files, while clients enqueue and
 * workers work: nothing is acknowledged without being stored, every refusal is clear, and all goes on
 * afterwards.
 */

import { waitFor } from "../../harness/wait_for.ts";
import type { Evidence } from "../evidence.ts";
import type { ChaosJob, Ground, Tally } from "../ground.ts";
import { SmallDisk, whyNoMount } from "../small_disk.ts";
import { whyUnclear } from "../store_look.ts";
import {
  callBy,
  resultOf,
  startBy,
  storeFiles,
  straceArgs,
  tellSkipped,
  type ToolResult,
  whyNoStrace,
} from "../strace.ts";

/** How much is tried. */
export interface DiskSize {
  /** Times that the disk fills up. */
  readonly fillings: number;
  /** Calls of clients before, during and after each. */
  readonly calls: number;
  /** Clients with a limit on the size of files, each with another one. */
  readonly limits: number;
  /** Clients whose syncs fail, in each of the ways. */
  readonly syncFailures: number;
}

/** The sizes for CI and for a full run. */
export const DISK_SIZES: { readonly small: DiskSize; readonly full: DiskSize } = {
  small: { fillings: 1, calls: 4, limits: 3, syncFailures: 1 },
  full: { fillings: 5, calls: 12, limits: 20, syncFailures: 8 },
};

/** Enough for a job whose output can't be written to outlast a full disk, a second an attempt. */
const MAX_RETRIES = 60;
/** A disk may have room for a few more jobs when it is nearly full. */
const MAX_CALLS_UNTIL_FULL = 40;

interface Trial {
  readonly ground: Ground;
  readonly size: DiskSize;
  /** Everything that went wrong, told at the end: one fault must not hide another. */
  readonly wrong: string[];
  jobs: number;
  faults: number;
}

/** Makes the disk bad in every way; throws, naming all, if the program answers badly. */
export async function badDisk(
  ground: Ground,
  size: DiskSize,
): Promise<{ evidence: Evidence; tally: Tally }> {
  const trial: Trial = { ground, size, wrong: [], jobs: 0, faults: 0 };
  const noMount = whyNoMount();
  if (noMount !== null) tellSkipped("the full and the read-only disk", noMount);
  else {
    await SmallDisk.use(ground.home.dir, async (disk) => {
      await fillUp(trial, disk);
      await protect(trial, disk);
    });
  }
  await limitClients(trial);
  await limitWorker(trial);
  const noStrace = whyNoStrace();
  if (noStrace !== null) tellSkipped("the failing syncs", noStrace);
  else await failSyncs(trial);
  await ground.home.startWorkers(1);
  await ground.untilDrained(120_000);
  await ground.home.run("worker", "stop");
  if (trial.wrong.length > 0) throw new Error(`A bad disk was answered badly:\n${trial.wrong.join("\n")}`);
  const evidence = await ground.evidence();
  return { evidence, tally: { jobs: evidence.jobs.length, faults: trial.faults, recoveriesMs: [] } };
}

/** Some new jobs. */
function someJobs(trial: Trial, count: number): ChaosJob[] {
  return Array.from(
    { length: count },
    () => trial.ground.job(`disk-${trial.jobs++}`, { max_retries: MAX_RETRIES }),
  );
}

/** Enqueues jobs by a tool; true if that was acknowledged. A refusal must be clear and match `says`. */
async function enqueueBy(
  trial: Trial,
  tool: readonly string[],
  options: { count: number; where: string; says: RegExp },
): Promise<boolean> {
  const jobs = someJobs(trial, options.count);
  const { dir } = trial.ground.home;
  const result = await callBy(dir, ["enqueue", "-"], { tool, stdin: JSON.stringify(jobs) });
  return wasAcknowledged(trial, { jobs, result, ...options });
}

function wasAcknowledged(
  { ground, wrong }: Trial,
  call: { jobs: readonly ChaosJob[]; result: ToolResult; where: string; says: RegExp },
): boolean {
  const { jobs, result, where, says } = call;
  const isOk = result.signal === null && result.code === 0;
  // Who was killed, or told that it is unknown, must look for himself.
  const isUnknown = result.signal !== null || /may (have been|be) stored/.test(result.stderr);
  ground.acknowledge(jobs, isOk ? "ok" : isUnknown ? "unknown" : "fail");
  const why = isOk ? null : whyUnclear(result, says);
  if (why !== null) wrong.push(`${where}: enqueue ${why}`);
  return isOk;
}

/** Runs a command that may be refused, but only clearly. */
async function mayRefuse({ ground, wrong }: Trial, args: readonly string[], where: string): Promise<void> {
  const result = await ground.home.call(args);
  const why = result.code === 0 ? null : whyUnclear(result);
  if (why !== null) wrong.push(`${where}: ${args.join(" ")} ${why}`);
}

/** Clients must be served again when the cause is gone. */
function untilServed(trial: Trial, where: string): Promise<boolean> {
  return waitFor(
    `${where}: clients to be served again`,
    () => enqueueBy(trial, ["env"], { count: 1, where, says: /./ }),
    10_000,
  );
}

/** Fills the disk under clients and workers, again and again; the same workers go on when there is space. */
async function fillUp(trial: Trial, disk: SmallDisk): Promise<void> {
  const { ground, size, wrong } = trial;
  const script = `${ground.home.dir}/job.sh`;
  const lenient = await Deno.readTextFile(script);
  // A job that doesn't mind that its output is lost would pass for one whose output the queue has lost.
  const strict = lenient.replace('$4 $i";', '$4 $i" || exit 74;');
  if (strict === lenient) throw new Error("job.sh is not what this trial knows");
  await Deno.writeTextFile(script, strict);
  const pids = await ground.home.startWorkers(2);
  const where = "full disk";
  const enqueueSome = () => enqueueBy(trial, ["env"], { count: ground.between(1, 12), where, says: /full/ });
  for (let filling = 0; filling < size.fillings; filling++) {
    trial.faults++;
    for (let call = 0; call < size.calls; call++) await enqueueSome();
    await disk.fill();
    let refused = 0;
    for (let call = 0; refused < size.calls && call < MAX_CALLS_UNTIL_FULL; call++) {
      if (!await enqueueSome()) refused++;
    }
    if (refused === 0) wrong.push(`${where}: ${MAX_CALLS_UNTIL_FULL} calls fitted on it, so it was not full`);
    await mayRefuse(trial, ["list"], where);
    await mayRefuse(trial, ["status"], where);
    await disk.free();
    await untilServed(trial, where);
  }
  await ground.untilDrained(180_000);
  const living = (await ground.livingWorkers()).map((worker) => worker.pid);
  if (pids.some((pid) => !living.includes(pid))) wrong.push(`${where}: a worker did not survive it`);
  await ground.home.run("worker", "stop");
  await Deno.writeTextFile(script, lenient);
}

/** Makes the disk read-only between two calls. */
async function protect(trial: Trial, disk: SmallDisk): Promise<void> {
  const where = "read-only disk";
  trial.faults++;
  await disk.remount("ro");
  try {
    if (await enqueueBy(trial, ["env"], { count: 1, where, says: /read-only/ })) {
      trial.wrong.push(`${where}: enqueue was acknowledged`);
    }
    for (const args of [["list"], ["status"], ["init-db"], ["worker", "start"]]) {
      await mayRefuse(trial, args, where);
    }
  } finally {
    await disk.remount("rw");
  }
  await untilServed(trial, where);
}

/**
 * Limits how large clients' files may grow, below what a bulk needs. A client is limited once it asks for its
 * input, because Deno writes caches of its own before it runs the program, and dies of their size.
 */
async function limitClients(trial: Trial): Promise<void> {
  const { ground, size } = trial;
  const { dir } = ground.home;
  const fifo = `${dir}/jobs.fifo`;
  await new Deno.Command("mkfifo", { args: [fifo] }).output();
  // Opening the pipe waits for the client to open it, too.
  const script = 'exec 3>"$1" && prlimit --pid "$2" --fsize="$3": && cat >&3';
  for (let number = 0; number < size.limits; number++) {
    trial.faults++;
    const bytes = ground.between(1, 120_000);
    const where = `files of at most ${bytes} bytes`;
    const jobs = someJobs(trial, 150);
    const client = startBy(["env"], dir, ["enqueue", "--file", fifo]);
    await client.stdin.close();
    const feeder = new Deno.Command("timeout", {
      args: ["60", "/bin/sh", "-c", script, "sh", fifo, String(client.pid), String(bytes)],
      stdin: "piped",
    }).spawn();
    const input = feeder.stdin.getWriter();
    await input.write(new TextEncoder().encode(JSON.stringify(jobs)));
    await input.close();
    const result = await resultOf(client);
    if (!(await feeder.status).success) throw new Error(`${where}: the client did not read its input`);
    wasAcknowledged(trial, { jobs, result, where, says: /./ });
    await untilServed(trial, where);
  }
  await Deno.remove(fifo);
}

/** Limits a worker, so that it can claim or finish no more, and lifts the limit. */
async function limitWorker(trial: Trial): Promise<void> {
  const { ground, wrong } = trial;
  const { dir } = ground.home;
  const where = "a worker whose files may not grow";
  trial.faults++;
  const child = startBy(["env"], dir, ["worker", "start", "--foreground"]);
  await child.stdin.close();
  const printed = new Response(child.stdout).text();
  let said = "";
  let hasEnded = false;
  const reading = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) said += text;
    hasEnded = true;
  })();
  const limit = async (fsize: string) => {
    await new Deno.Command("prlimit", { args: ["--pid", String(child.pid), `--fsize=${fsize}:`] }).output();
  };
  const untilSaid = (what: RegExp) =>
    waitFor(`${where}: to say ${what}`, () => what.test(said) || hasEnded, 60_000);
  await untilSaid(/ started/);
  // The store's file fits and so does the ledger, but not a log of 60 jobs.
  await limit(String((await Deno.stat(`${dir}/queue.db`)).size + 50_000));
  await ground.enqueue(someJobs(trial, 60));
  await untilSaid(/can't (claim|store|look|tell)/);
  await limit("unlimited");
  if (!hasEnded) {
    await ground.untilDrained(120_000);
    child.kill("SIGTERM");
  }
  const { code, signal } = await child.status;
  await reading;
  await printed;
  if (code !== 0) wrong.push(`${where}: ended with ${signal ?? code}: ${said}`);
}

/**
 * Lets syncs of clients fail: once and for good, with the log of the store empty or left by one who was
 * killed.
 */
async function failSyncs(trial: Trial): Promise<void> {
  const { ground, size } = trial;
  const files = storeFiles(ground.home.dir);
  const calls = ["fsync", "fdatasync"];
  for (let round = 0; round < size.syncFailures; round++) {
    for (const when of ["1", "2", "3", "1+", "2+"]) {
      for (const log of ["no log", "a log"]) {
        trial.faults++;
        const where = `sync ${when} fails, ${log} is left`;
        if (log === "a log") {
          const kill = straceArgs({ calls: ["unlink"], effect: "signal=SIGKILL", when: "1", files });
          const jobs = someJobs(trial, 1);
          await callBy(ground.home.dir, ["enqueue", JSON.stringify(jobs[0])], { tool: kill });
          ground.acknowledge(jobs, "unknown");
        }
        const tool = straceArgs({ calls, effect: "error=EIO", when, files });
        await enqueueBy(trial, tool, {
          count: ground.between(1, 3),
          where,
          says: /reading or writing|may have been stored/,
        });
        await untilServed(trial, where);
      }
    }
  }
}
