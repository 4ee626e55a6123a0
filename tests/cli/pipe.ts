/**
 * Calls whose reader stops after the first line, as in `queuectl list | head -n 1`.
 */

import { programCommand } from "../harness/program.ts";
import type { TemporaryHome } from "../harness/temporary_home.ts";

/** The line that was read, and how the call whose output it was ended. */
export async function firstLineOf(
  home: TemporaryHome,
  ...args: string[]
): Promise<{ line: string; code: number; stderr: string }> {
  const script = '{ "$@" 2>stderr; echo $? >code; } | head -n 1';
  const { stdout } = await new Deno.Command("/bin/sh", {
    args: ["-c", script, "sh", ...programCommand(), ...args],
    cwd: home.dir,
    env: { QUEUECTL_HOME: home.dir, QUEUECTL_DB: "", NO_COLOR: "1" },
  }).output();
  return {
    line: new TextDecoder().decode(stdout),
    code: Number(await Deno.readTextFile(`${home.dir}/code`)),
    stderr: await Deno.readTextFile(`${home.dir}/stderr`),
  };
}
