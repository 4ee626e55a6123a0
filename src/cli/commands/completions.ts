/**
 * `completions SHELL`: what makes a shell complete the commands, flags and ids of this program.
 */

import { SCRIPTS, type Shell, SHELLS } from "../completion/scripts.ts";
import { unknownWord } from "../../core/errors.ts";
import type { Context } from "../context.ts";

/** Prints the script for the shell's configuration. */
export function completions(context: Context, operands: readonly string[]): Promise<void> {
  const typed = operands[0]!.toLowerCase();
  const shell = typed === "pwsh" ? "powershell" : typed as Shell;
  if (!SHELLS.includes(shell)) {
    throw unknownWord("bad_input", `There is no completion for the shell "${operands[0]}"`, {
      typed,
      known: SHELLS,
      usage: (word) => `queuectl completions ${word}`,
    });
  }
  if (context.flags.json) context.output.json({ shell, script: SCRIPTS[shell] });
  else context.output.bytes(new TextEncoder().encode(SCRIPTS[shell]));
  return Promise.resolve();
}
