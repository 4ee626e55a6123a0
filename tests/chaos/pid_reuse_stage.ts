/**
 * What happens inside a pid namespace of its own, where the next pid can be chosen: strangers get the pids of
 * a dead worker and of dead commands. Argument: the home, with the job `reused` in its store; `clinging`
 * is added.
 *
 * Prints a line of JSON, a `StageReport`. Pid 1 must be a process that reaps orphans.
 */

import { call } from "../harness/program.ts";
import type { ChaosJob } from "./ground.ts";
import { isGone, waitFor } from "../harness/wait_for.ts";

/** What the stage has seen. */
export interface StageReport {
  /** The worker that was killed, and when. */
  readonly killed: { readonly workerId: number; readonly at: number };
  /** What was done to strangers; empty if all is well. */
  readonly wrongs: readonly string[];
}

/** How long the ladder waits for the job `clinging`. */
export const GRACE_SECONDS = 4;

/** Its leader dies of TERM, but what it has started in another session does not. */
const CLINGING_COMMAND =
  `setsid sh -c 'trap "" TERM; : >clinging; sleep 60; sleep 60' & while sleep 60; do :; done`;

/** How often to try to get a pid: others in the namespace start processes, too. */
const MAX_TRIES = 200;
/** Writes down every signal that it gets; it never carries a cookie and leads a session, as commands do. */
const STRANGER_SCRIPT = `
for s in HUP INT QUIT TERM CONT USR1 USR2; do trap "echo SIG$s >>'$1'" $s; done
: >"$1.ready"
while :; do sleep 60 & wait $!; done`;

async function main(home: string): Promise<void> {
  const stage = new Stage(home);
  const killed = await stage.deadWorker();
  await stage.deadCommand();
  const report: StageReport = { killed, wrongs: await stage.judge() };
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(report)}\n`));
}

interface Stranger {
  readonly child: Deno.ChildProcess;
  readonly whose: string;
  readonly log: string;
}

class Stage {
  readonly #home: string;
  readonly #strangers: Stranger[] = [];

  constructor(home: string) {
    this.#home = home;
  }

  /** A worker and its command die; strangers get both pids; then everything is done that could hit them. */
  async deadWorker(): Promise<StageReport["killed"]> {
    const [worker] = await this.#json("worker", "start");
    const leader = await this.#leaderOf("reused");
    const killed = { workerId: worker.id, at: Date.now() };
    Deno.kill(worker.pid, "SIGKILL");
    await waitFor("the worker to be gone", () => isReaped(worker.pid));
    Deno.kill(-leader, "SIGKILL");
    await waitFor("the command to be gone", () => isReaped(leader));
    await this.#place(worker.pid, "a dead worker's");
    await this.#place(leader, "a dead command's");
    await this.#json("worker", "list");
    await this.#json("worker", "stop");
    await this.#json("worker", "stop", "--force");
    await this.#json("worker", "start");
    await this.#until("reused", "completed");
    return killed;
  }

  /** A command's leader dies of TERM; a stranger gets its pid before the rest of the command is killed. */
  async deadCommand(): Promise<void> {
    await this.#json("enqueue", JSON.stringify(clingingJob(this.#home)));
    await this.#until("clinging", "processing");
    const leader = await this.#leaderOf("clinging");
    await waitFor("the leader to die of TERM", () => isReaped(leader));
    await this.#place(leader, "a timed-out command's dead leader's");
    await this.#until("clinging", "dead");
    await this.#json("worker", "stop");
  }

  /** What was done to the strangers; they are ended. */
  async judge(): Promise<string[]> {
    const wrongs: string[] = [];
    for (const { child, whose, log } of this.#strangers) {
      const signals = await Deno.readTextFile(log).catch(() => "");
      if (isGone(child.pid)) wrongs.push(`a stranger that had got ${whose} pid was killed`);
      else child.kill("SIGKILL");
      if (signals !== "") wrongs.push(`a stranger that had got ${whose} pid got ${signals.trim()}`);
      await child.status;
    }
    return wrongs;
  }

  /** Starts a stranger that has the pid `pid`. */
  async #place(pid: number, whose: string): Promise<void> {
    const log = `${this.#home}/stranger-${pid}`;
    const command = new Deno.Command("setsid", {
      args: ["/bin/sh", "-c", STRANGER_SCRIPT, "sh", log],
      stdin: "null",
      stdout: "null",
      stderr: "null",
      clearEnv: true,
      env: { PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin" },
    });
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      Deno.writeTextFileSync("/proc/sys/kernel/ns_last_pid", String(pid - 1));
      const child = command.spawn();
      if (child.pid === pid) {
        await waitFor("the stranger", () => Deno.stat(`${log}.ready`).catch(() => null));
        this.#strangers.push({ child, whose, log });
        return;
      }
      child.kill("SIGKILL");
      await child.status;
    }
    throw new Error(`No process could be given the pid ${pid} in ${MAX_TRIES} tries`);
  }

  /** The leader of the process group in which a job's command runs. */
  #leaderOf(jobId: string): Promise<number> {
    const script = `
      for file in $(grep -lazx "QUEUECTL_JOB_ID=$1" /proc/[0-9]*/environ 2>/dev/null); do
        folder=\${file%/environ}
        read -r pid _ _ _ group _ 2>/dev/null <"$folder/stat" && [ "$group" = "$pid" ] && echo "$pid"
      done | head -n 1`;
    return waitFor(`the command of ${jobId}`, async () => {
      const command = new Deno.Command("/bin/sh", { args: ["-c", script, "sh", jobId], stderr: "null" });
      return Number(new TextDecoder().decode((await command.output()).stdout)) || null;
    });
  }

  async #until(jobId: string, state: string): Promise<void> {
    await waitFor(`${jobId} to be ${state}`, async () => (await this.#json("get", jobId)).state === state);
  }

  // deno-lint-ignore no-explicit-any -- it looks into whatever shape a command prints
  async #json(...args: string[]): Promise<any> {
    const { code, stdout, stderr } = await call(this.#home, [...args, "--json"]);
    if (code !== 0) throw new Error(`queuectl ${args.join(" ")} failed: ${stderr}`);
    return JSON.parse(stdout);
  }
}

/** A job that clings to life when it is timed out. */
export function clingingJob(cwd: string): ChaosJob {
  return { id: "clinging", command: CLINGING_COMMAND, cwd, timeout: 2, max_retries: 1 };
}

/** A zombie still has its pid. */
function isReaped(pid: number): boolean {
  try {
    Deno.statSync(`/proc/${pid}`);
    return false;
  } catch {
    return true;
  }
}

// The class must have been defined.
if (import.meta.main) await main(Deno.args[0]!);
