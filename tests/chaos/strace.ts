/**
 * Faults put into the program's system calls by `strace`: a SIGKILL or an error at the nth call of a kind.
 *
 * Only the first thread is traced, where Deno runs SQLite, and only calls about the store's own files
 * count, so that neither Deno's caches nor the commands of jobs are met.
 */

import { programCommand } from "../harness/program.ts";

/** Which calls meet which fate. */
export interface Injection {
  readonly calls: readonly string[];
  /** `signal=SIGKILL`: killed before the call happens; `error=EIO`: the call fails. */
  readonly effect: "signal=SIGKILL" | "error=EIO";
  /** The nth call of each kind, from 1; with `+` all from there on. */
  readonly when: string;
  /** The files that count; all files if absent. */
  readonly files?: readonly string[];
}

/** Surroundings of a program that is started by a tool. */
export interface ToolOptions {
  /** What is put before the program's command line. */
  readonly tool: readonly string[];
  readonly stdin?: string;
}

/** How a program ended that was started by a tool. */
export interface ToolResult {
  readonly code: number;
  /** The signal that ended it; null if none did. */
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Why `strace` can't be used here; null if it can. */
export function whyNoStrace(): string | null {
  try {
    const { success } = new Deno.Command("strace", {
      args: ["-D", "-qq", "-o", "/dev/null", "true"],
      stdout: "null",
      stderr: "null",
    }).outputSync();
    return success ? null : "strace may not trace here";
  } catch {
    return "there is no strace";
  }
}

/** Prints why a trial, or a part of it, is not made. */
export function tellSkipped(what: string, why: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`skipped ${what}: ${why}\n`));
}

/** The files of the store in a home. */
export function storeFiles(home: string): string[] {
  return ["queue.db", "queue.db-wal", "queue.db-shm", "queue.db-journal"].map((name) => `${home}/${name}`);
}

/** What is put before a command line to inject a fault into it. */
export function straceArgs({ calls, effect, when, files = [] }: Injection): string[] {
  const names = calls.join(",");
  return [
    // As a grandchild, strace leaves the program our own child, whose status and signals are its own.
    ...["strace", "-D", "-qq", "-o", "/dev/null"],
    ...files.flatMap((file) => ["-P", file]),
    ...["-e", `trace=${names}`, "-e", `inject=${names}:${effect}:when=${when}`],
  ];
}

/** Starts the program in `home` by a tool. */
export function startBy(tool: readonly string[], home: string, args: readonly string[]): Deno.ChildProcess {
  const [command, ...rest] = [...tool, ...programCommand(), ...args];
  return new Deno.Command(command!, {
    args: rest,
    cwd: home,
    env: { NO_COLOR: "1", QUEUECTL_HOME: home, QUEUECTL_DB: "", QUEUECTL_FOREGROUND: "" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Calls the program in `home` by a tool and waits until it ends. */
export async function callBy(
  home: string,
  args: readonly string[],
  { tool, stdin = "" }: ToolOptions,
): Promise<ToolResult> {
  const child = startBy(tool, home, args);
  const writer = child.stdin.getWriter();
  // It may be killed before it has read its input.
  await writer.write(new TextEncoder().encode(stdin)).then(() => writer.close()).catch(() => {});
  return await resultOf(child);
}

/** Waits until a program ends. */
export async function resultOf(child: Deno.ChildProcess): Promise<ToolResult> {
  const { code, signal, stdout, stderr } = await child.output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, signal, stdout: decode(stdout), stderr: decode(stderr) };
}
