/**
 * A home for one test, that leaves nothing behind: no file, no worker and no command.
 */

import assert from "node:assert/strict";
import { call, type CallOptions, type CallResult } from "./program.ts";
import { waitFor } from "./wait_for.ts";

/** A temporary home and the program in it. */
export class TemporaryHome {
  readonly dir: string;

  private constructor(dir: string) {
    this.dir = dir;
  }

  /** Runs `work` with a new home; ends what is left in it and deletes it, whatever happens. */
  static async use(work: (home: TemporaryHome) => Promise<void>): Promise<void> {
    const home = new TemporaryHome(await Deno.makeTempDir({ prefix: "queuectl-test-" }));
    try {
      await work(home);
    } finally {
      await home.#leaveNothing();
    }
  }

  /** Calls the program in this home. */
  call(args: readonly string[], options: CallOptions = {}): Promise<CallResult> {
    return call(this.dir, args, options);
  }

  /** Calls the program and returns its stdout; fails the test if it doesn't exit 0. */
  async run(...args: string[]): Promise<string> {
    const result = await this.call(args);
    assert.equal(result.code, 0, `queuectl ${args.join(" ")} exited with ${result.code}: ${result.stderr}`);
    return result.stdout;
  }

  /** Calls the program with `--json` and returns the parsed result. */
  // deno-lint-ignore no-explicit-any -- tests look into whatever shape a command prints
  async json(...args: string[]): Promise<any> {
    return JSON.parse(await this.run(...args, "--json"));
  }

  /** Enqueues jobs given as objects. */
  async enqueue(...jobs: object[]): Promise<void> {
    const result = await this.call(["enqueue", "-"], { stdin: JSON.stringify(jobs) });
    assert.equal(result.code, 0, result.stderr);
  }

  /** Starts background workers; returns their pids. */
  async startWorkers(count: number, ...flags: string[]): Promise<number[]> {
    const workers = await this.json("worker", "start", "--count", String(count), ...flags);
    return workers.map((worker: { pid: number }) => worker.pid);
  }

  /** Waits until a job is in a state; returns the job as `get --json` shows it. */
  // deno-lint-ignore no-explicit-any -- as in `json`
  async untilJob(id: string, state: string, timeoutMs?: number): Promise<any> {
    return await waitFor(`${id} to be ${state}`, async () => {
      const job = await this.json("get", id);
      return job.state === state ? job : null;
    }, timeoutMs);
  }

  /** Every process that was started for this home has its path in its environment. */
  async processes(): Promise<number[]> {
    const script = `grep -lazF "QUEUECTL_HOME=$1" /proc/[0-9]*/environ 2>/dev/null`;
    const { stdout } = await new Deno.Command("/bin/sh", {
      args: ["-c", script, "sh", this.dir],
      stdin: "null",
    })
      .output();
    return [...new TextDecoder().decode(stdout).matchAll(/\/proc\/(\d+)\//g)].map(([, pid]) => Number(pid));
  }

  /** Kills every process that was started for this home. */
  async endProcesses(): Promise<void> {
    for (let round = 0; round < 100; round++) {
      const pids = await this.processes();
      if (pids.length === 0) return;
      for (const pid of pids) {
        try {
          Deno.kill(pid, "SIGKILL");
        } catch {
          // It has ended meanwhile.
        }
      }
    }
  }

  async #leaveNothing(): Promise<void> {
    await this.endProcesses();
    await Deno.remove(this.dir, { recursive: true });
  }
}
