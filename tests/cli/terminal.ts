/**
 * Calls on a real pseudo-terminal, which `script` of util-linux provides.
 */

import { programCommand } from "../harness/program.ts";
import type { TemporaryHome } from "../harness/temporary_home.ts";

/** How a call on a terminal ended, and every byte that reached the terminal, stderr included. */
export interface TerminalResult {
  readonly code: number;
  readonly screen: string;
}

/** Calls the program on a terminal, where `typed` is what the person types. Colours are allowed. */
export async function callOnTerminal(
  home: TemporaryHome,
  args: readonly string[],
  options: { typed?: string; columns?: number; env?: Record<string, string> } = {},
): Promise<TerminalResult> {
  const line = [...programCommand(), ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  // Without `onlcr` the terminal passes newlines on as they are; without `echo` it doesn't repeat the typing.
  const script = `stty cols ${options.columns ?? 120} rows 40 -onlcr -echo; exec ${line}`;
  const child = new Deno.Command("script", {
    args: ["--quiet", "--return", "--command", script, "/dev/null"],
    cwd: home.dir,
    env: {
      ...{ SHELL: "/bin/sh", TERM: "xterm-256color", NO_COLOR: "", FORCE_COLOR: "" },
      ...{ QUEUECTL_HOME: home.dir, QUEUECTL_DB: "", ...options.env },
    },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(options.typed ?? ""));
  const { code, stdout } = await child.output().finally(() => writer.close().catch(() => {}));
  return { code, screen: new TextDecoder().decode(stdout) };
}
