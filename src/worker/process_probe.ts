/**
 * What the kernel says about other processes.
 *
 * Deno reads `/proc` only for a program that was granted everything, so a small shell reads it for us.
 */

import process from "node:process";
import { noteAwaited } from "./awaited_children.ts";
import type { Life, ProcessIdentity } from "../core/worker_record.ts";

/** Prints the boot id and the pid namespace, then for each pid its line of `/proc/PID/stat`, or an empty one. */
const STAT_SCRIPT = `
read -r boot </proc/sys/kernel/random/boot_id && echo "$boot" && readlink /proc/self/ns/pid || exit 1
for pid; do
  line=; read -r line 2>/dev/null </proc/"$pid"/stat; echo "$line"
done; true`;

/**
 * Prints `/proc/PID/environ:NAME=VALUE`, a line each, of the processes that carry a cookie of the store $1.
 * Processes that end meanwhile make grep exit with 2; anything above means that it was cut short.
 */
const COOKIE_SCRIPT = `
{ grep -azoHxE "QUEUECTL_ATTEMPT_ID=$1-(w[0-9]+s)?[0-9]+" /proc/[0-9]*/environ 2>/dev/null; echo "grep:$?"; } | tr '\\0' '\\n'`;

/** Prints a line if a process of the group $1 is alive; a zombie is not. */
const GROUP_SCRIPT = `
grep -lsE "^[0-9]+ \\(.*\\) [^ZXx] [0-9]+ $1 " /proc/[0-9]*/stat; [ $? -le 2 ]`;

/** Prints what is missing of the tools that we rely on. */
const TOOLS_SCRIPT = `
[ "$(printf 'a\\0b\\0' | grep -azoxE '[b]' | tr -d '\\0')" = b ] || echo "GNU grep"
command -v setsid >/dev/null || echo "setsid, from util-linux"; true`;

/** The variable that every process of an attempt inherits. */
export const COOKIE_VARIABLE = "QUEUECTL_ATTEMPT_ID";

/** The value of the cookie: unique on the machine, and no secret. */
export function cookieOf(storeUid: string, attemptId: number): string {
  return `${storeUid}-${attemptId}`;
}

/** What the cookies of the shells begin with that a worker keeps to run commands in; a number follows. */
export function workerCookieOf(storeUid: string, workerId: number): string {
  return `${storeUid}-w${workerId}s`;
}

/** The identity of a living process; null if there is none with this pid. A zombie is dead. */
export async function identify(pid: number): Promise<ProcessIdentity | null> {
  const { bootId, pidNamespace, stats } = await readStats([pid]);
  const stat = stats[0] ?? null;
  return stat === null ? null : { pid, startTicks: stat.startTicks, bootId, pidNamespace };
}

/** For each identity, what can be said about that very process: same boot, same pid, same start, no zombie. */
export async function livesOf(identities: readonly ProcessIdentity[]): Promise<Life[]> {
  if (identities.length === 0) return [];
  const { bootId, pidNamespace, stats } = await readStats(identities.map((identity) => identity.pid));
  return identities.map((identity, index) => {
    if (identity.bootId !== bootId) return "dead";
    if (identity.pidNamespace !== pidNamespace) return "elsewhere";
    return stats[index]?.startTicks === identity.startTicks ? "alive" : "dead";
  });
}

/** What workers need and this system doesn't have; null if nothing is missing. */
export async function missingTool(): Promise<string | null> {
  return (await runScript(TOOLS_SCRIPT, [])).join(", ") || null;
}

/** A process that carries a cookie: it belongs to an attempt, or is a shell in which a worker runs commands. */
export interface CookieCarrier {
  readonly pid: number;
  /** One of the two is null. */
  readonly attemptId: number | null;
  readonly workerId: number | null;
}

/** The processes that carry a cookie of this store. */
export async function findCookies(storeUid: string): Promise<CookieCarrier[]> {
  const lines = await runScript(COOKIE_SCRIPT, [storeUid]);
  const status = /^grep:([012])$/.exec(lines.at(-1) ?? "");
  if (status === null) throw new Error("Cannot look for processes in /proc: grep was cut short");
  return [...lines.join("\n").matchAll(/^\/proc\/(\d+)\/environ:\w+=\w+-(?:w(\d+)s)?(\d+)$/gm)].map(
    ([, pid, workerId, number]) => ({
      pid: Number(pid),
      attemptId: workerId === undefined ? Number(number) : null,
      workerId: workerId === undefined ? null : Number(workerId),
    }),
  );
}

/** Whether a process group has a living member. */
export async function groupIsAlive(pgid: number): Promise<boolean> {
  // The cheap question first: it is certain when the answer is no, but zombies answer yes.
  if (!processExists(-pgid)) return false;
  return (await runScript(GROUP_SCRIPT, [String(pgid)])).length > 0;
}

/** Whether there is a process with this pid, be it a zombie. */
export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}

/** Which of the processes `pids` are stopped (by SIGSTOP, say) while they hold a lock on a file. */
export async function stoppedHolders(inode: number, pids: readonly number[]): Promise<number[]> {
  const locks = await runScript("cat /proc/locks", []);
  const holders = new Set(
    locks.filter((line) => new RegExp(`:${inode} `).test(line) && / WRITE /.test(line))
      .map((line) => Number(line.trim().split(/\s+/)[4])),
  );
  const { stats } = await readStats(pids);
  return pids.filter((pid, index) => holders.has(pid) && /^[Tt]$/.test(stats[index]?.state ?? ""));
}

/** Sends a signal to all of a process group; false if there is none. */
export function signalGroup(pgid: number, signal: Deno.Signal): boolean {
  return signalProcess(-pgid, signal);
}

/** Sends a signal to a process; false if there is none that we may signal. */
export function signalProcess(pid: number, signal: Deno.Signal): boolean {
  try {
    Deno.kill(pid, signal);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return false;
    // Deno reports ESRCH for a group as a TypeError or a plain Error, depending on its version.
    if (error instanceof Error && /ESRCH|no such process/i.test(error.message)) return false;
    throw error;
  }
}

interface Stat {
  /** A letter, as in `ps`. */
  readonly state: string;
  readonly startTicks: string;
}

async function readStats(pids: readonly number[]) {
  const [bootId, pidNamespace, ...lines] = await runScript(STAT_SCRIPT, pids.map(String));
  if (!bootId || !pidNamespace || lines.length !== pids.length) throw new Error("Cannot read /proc");
  return { bootId, pidNamespace, stats: lines.map(parseStat) };
}

/** The name, in parentheses, may hold anything, so fields count from the last `)`. */
function parseStat(line: string): Stat | null {
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  const [state, startTicks] = [fields[0], fields[19]];
  return startTicks === undefined || /^[ZXx]$/.test(state!) ? null : { state: state!, startTicks };
}

/** The tools are found even if the environment has no path to them. */
const TOOL_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";
const END = "end of script";

/**
 * The lines that a script prints. Throws if it didn't come to its end: without an answer nobody may be taken for
 * dead. Signals that are meant for the terminal's foreground processes don't reach it.
 */
async function runScript(script: string, args: readonly string[]): Promise<string[]> {
  const command = new Deno.Command("/bin/sh", {
    args: ["-c", `trap '' HUP INT QUIT TERM\n${script.trim()} && echo "${END}"`, "sh", ...args],
    cwd: "/",
    env: { PATH: `${Deno.env.get("PATH") ?? ""}:${TOOL_PATH}` },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  });
  const child = command.spawn();
  noteAwaited(child.pid, child.status);
  const { stdout } = await child.output();
  const lines = new TextDecoder().decode(stdout).split("\n");
  if (lines.at(-2) !== END) throw new Error("Cannot look into /proc: the look was cut short");
  return lines.slice(0, -2);
}
