/**
 * Commands as a worker's spawner starts them, beside plain ones.
 */

import assert from "node:assert/strict";
import { COOKIE_VARIABLE, cookieOf, workerCookieOf } from "../../src/worker/process_probe.ts";
import type { CommandExit, CommandSpec } from "../../src/worker/running_command.ts";
import { Spawner } from "../../src/worker/spawner.ts";

/** The variables that all commands get. */
export const VARIABLES = { PATH: Deno.env.get("PATH")!, HOME: "/root", LANG: "C.UTF-8", "odd-name": "kept" };

/** Test files run in one process, to which all orphans come: those of another file must not be taken for ours. */
const STORE_UID = crypto.randomUUID().replaceAll("-", "").slice(0, 16);
/** What the cookies of the shells begin with that are kept to run commands in. */
export const WORKER_COOKIE = workerCookieOf(STORE_UID, 1);
/** Those that a job adds. */
export const COOKIE = { [COOKIE_VARIABLE]: cookieOf(STORE_UID, 1) };

/** Lets `work` start commands in a folder of their own, and leaves nothing behind. */
export async function useSpawner(work: (spawner: Spawner, dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  const spawner = new Spawner(VARIABLES, WORKER_COOKIE);
  try {
    await work(spawner, dir);
  } finally {
    await spawner.close();
    await Deno.remove(dir, { recursive: true });
  }
}

/** A command that is to run in `dir`. */
export function specOf(dir: string, command: string, changes: Partial<CommandSpec> = {}): CommandSpec {
  const files = { stdout: `${dir}/out`, stderr: `${dir}/err` };
  return { args: ["/bin/sh", "-c", command], words: [], cwd: dir, env: {}, ...files, ...changes };
}

/** What can be seen of a command from outside. */
export interface Result {
  readonly exit: Pick<CommandExit, "exitCode" | "signal">;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a command does when the spawner starts it. */
export async function bySpec(spawner: Spawner, spec: CommandSpec): Promise<Result> {
  const running = spawner.start(spec);
  assert.ok(running !== null, "the library can't be used");
  const { exitCode, signal } = await running.exited;
  const [stdout, stderr] = [await Deno.readTextFile(spec.stdout), await Deno.readTextFile(spec.stderr)];
  await Deno.remove(spec.stdout);
  await Deno.remove(spec.stderr);
  return { exit: { exitCode, signal }, stdout, stderr };
}

/** What it does when it is started plainly, in a session of its own. */
export async function plainly(spec: CommandSpec): Promise<Result> {
  const { code, signal, stdout, stderr } = await new Deno.Command("setsid", {
    args: [...spec.args],
    cwd: spec.cwd,
    env: { ...VARIABLES, ...spec.env },
    clearEnv: true,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return {
    exit: signal === null ? { exitCode: code, signal: null } : { exitCode: null, signal },
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}
