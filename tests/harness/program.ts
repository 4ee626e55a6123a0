/**
 * Runs the program as its users do: through `deno run main.ts`, or, where `QUEUECTL_TEST_PROGRAM` names one,
 * as the executable.
 */

import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** How one call of the program ended. */
export interface CallResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a call may be given besides its arguments. */
export interface CallOptions {
  readonly stdin?: string;
  readonly env?: Record<string, string>;
  readonly cwd?: string;
}

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The command line that starts the program, without its arguments. */
export function programCommand(): string[] {
  const executable = Deno.env.get("QUEUECTL_TEST_PROGRAM");
  if (executable) return [resolve(ROOT, executable)];
  const permissions = [
    ...["--allow-read", "--allow-write", "--allow-env", "--allow-run", "--allow-ffi", "--allow-net"],
    "--allow-sys=uid,hostname,networkInterfaces",
  ];
  return [Deno.execPath(), "run", "--no-prompt", "--quiet", ...permissions, `${ROOT}main.ts`];
}

/** Where Deno keeps what it has downloaded: a program with another HOME must not download it again. */
export function denoDir(): string {
  return Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;
}

/** Calls the program in a home and waits until it ends. */
export async function call(
  home: string,
  args: readonly string[],
  options: CallOptions = {},
): Promise<CallResult> {
  const child = start(home, args, options);
  const writer = child.stdin.getWriter();
  // A program that ends without reading its input is no fault of the test.
  await writer.write(new TextEncoder().encode(options.stdin ?? "")).then(() => writer.close()).catch(
    () => {},
  );
  const { code, stdout, stderr } = await child.output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
}

/** Starts the program without waiting for it; stdin, stdout and stderr are pipes. */
export function start(home: string, args: readonly string[], options: CallOptions = {}): Deno.ChildProcess {
  const [command, ...rest] = programCommand();
  return new Deno.Command(command!, {
    args: [...rest, ...args],
    cwd: options.cwd ?? home,
    env: { NO_COLOR: "1", QUEUECTL_HOME: home, QUEUECTL_DB: "", QUEUECTL_FOREGROUND: "", ...options.env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}
