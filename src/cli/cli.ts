/**
 * The command line: finds the command that is called, and runs it.
 */

import { Context, type Wiring } from "./context.ts";
import type { Call } from "./description.ts";
import { readPlainLine } from "./plain_line.ts";
import { pointingToHelp } from "./help_hint.ts";

/** Runs the command line `args`; returns the exit status. Throws `QueueError` for what a user can mend. */
export async function runCli(args: readonly string[], wiring: Wiring): Promise<number> {
  const perform = async ({ flags, ownFlags, operands, load }: Call, typed: readonly string[]) => {
    const context = new Context(flags, wiring, typed);
    try {
      return await (await load())(context, operands, ownFlags) ?? 0;
    } finally {
      await context.close();
    }
  };
  const plain = readPlainLine(args);
  if (plain === null) return await (await import("./commander_line.ts")).runLine(args, { wiring, perform });
  try {
    return await perform(plain, args);
  } catch (error) {
    throw pointingToHelp(error, plain.command);
  }
}
