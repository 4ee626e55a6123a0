/**
 * Pids that mean another process now: given to strangers, or from before a restart of the machine.
 */

import { DatabaseSync } from "node:sqlite";
import { isGone, waitFor } from "../../harness/wait_for.ts";
import type { Evidence } from "../evidence.ts";
import { type Ground, recoveryTimes, type Tally } from "../ground.ts";
import { clingingJob, GRACE_SECONDS, type StageReport } from "../pid_reuse_stage.ts";
import { skip } from "../skip.ts";

/** How often it is done. */
export interface ReuseSize {
  readonly rounds: number;
}

/** Once. */
export const SMALL_REUSE: ReuseSize = { rounds: 1 };
/** Several times, for what depends on the moment. */
export const FULL_REUSE: ReuseSize = { rounds: 8 };

/**
 * Strangers get the pids of a dead worker, of its dead command, and of a command that has died while what it
 * had started is still being ended. None of them may get a signal. Needs the right to make a pid namespace.
 */
export async function reusedPids(
  ground: Ground,
): Promise<{ evidence: Evidence; tally: Tally }> {
  if (!canSteerPids()) return await skip(ground, "pids can't be chosen: no right to make a pid namespace");
  await ground.home.run("config", "set", "kill_grace_seconds", String(GRACE_SECONDS));
  const reused = ground.job("reused", { seconds: 2 });
  await ground.enqueue([reused]);
  const { killed, wrongs } = await runStage(ground.home.dir);
  ground.acknowledge([clingingJob(ground.home.dir)], "ok");
  ground.deeds.push({ kind: "kill", ...killed });
  const evidence = await ground.evidence();
  if (wrongs.length > 0) throw new Error(`A wrong process was signalled: ${wrongs.join("; ")}`);
  return { evidence, tally: { jobs: 2, faults: 3, recoveriesMs: [] } };
}

/**
 * All is killed at once and the machine restarts: the store's boot id is an earlier one. Where the worker's
 * row names a pid and a start time that a stranger has now, that is another process all the same.
 */
export async function changedBoot(
  ground: Ground,
  size: ReuseSize,
): Promise<{ evidence: Evidence; tally: Tally }> {
  for (let round = 0; round < size.rounds; round++) {
    const jobs = [0, 1, 2].map((index) => ground.job(`boot-${round}-${index}`, { seconds: 1 }));
    await ground.home.startWorkers(2);
    await ground.enqueue(jobs);
    await ground.home.untilJob(jobs[0]!.id, "processing");
    const workers = await ground.livingWorkers();
    for (const worker of workers) ground.strike(worker, "kill");
    for (const pid of await ground.home.processes()) killIfThere(pid);
    await waitFor("everything to be gone", () => workers.every(({ pid }) => isGone(pid)));
    await withStranger(async (stranger) => {
      pretendRestart(`${ground.home.dir}/queue.db`, stranger);
      await ground.home.run("worker", "stop", "--force");
      await ground.home.startWorkers(1);
      await ground.untilDrained(30_000);
      if (isGone(stranger)) {
        throw new Error("A stranger was killed: its pid was a worker's before the restart");
      }
    });
    await ground.home.run("worker", "stop");
  }
  const evidence = await ground.evidence();
  const tally = { jobs: evidence.jobs.length, faults: size.rounds, recoveriesMs: recoveryTimes(evidence) };
  return { evidence, tally };
}

function canSteerPids(): boolean {
  const script = "echo 100 >/proc/sys/kernel/ns_last_pid; exit $?";
  const args = ["--pid", "--fork", "--kill-child", "--mount-proc", "/bin/sh", "-c", script];
  try {
    return new Deno.Command("unshare", { args, stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

async function runStage(home: string): Promise<StageReport> {
  const stage = new URL("../pid_reuse_stage.ts", import.meta.url).pathname;
  // The shell stays pid 1 and reaps; it would become the stage if that were its last command.
  const script = '"$@"; exit $?';
  const program = [Deno.execPath(), "run", "--no-prompt", "--quiet", "--allow-all", stage, home];
  const { success, stdout, stderr } = await new Deno.Command("unshare", {
    args: ["--pid", "--fork", "--kill-child", "--mount-proc", "/bin/sh", "-c", script, "sh", ...program],
    stdin: "null",
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`The pid namespace ended with: ${decode(stderr).trim()}`);
  return JSON.parse(decode(stdout));
}

/** Gives every worker's row the pid and the start time of a living process, and an earlier boot. */
function pretendRestart(dbPath: string, pid: number): void {
  const { stdout } = new Deno.Command("cat", { args: [`/proc/${pid}/stat`] }).outputSync();
  const stat = new TextDecoder().decode(stdout);
  const startTicks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]!;
  const db = new DatabaseSync(dbPath);
  try {
    db.prepare(
      "UPDATE workers SET boot_id = '00000000-0000-0000-0000-000000000000', pid = ?, start_ticks = ?",
    )
      .run(pid, startTicks);
  } finally {
    db.close();
  }
}

async function withStranger(work: (pid: number) => Promise<void>): Promise<void> {
  const stranger = new Deno.Command("sleep", { args: ["600"] }).spawn();
  try {
    await work(stranger.pid);
  } finally {
    killIfThere(stranger.pid);
    await stranger.status;
  }
}

function killIfThere(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
