/**
 * The way out of a mistake on the command line.
 */

import { badInput, QueueError } from "../core/errors.ts";

/** An error as it is; one about what was typed that names no way out, with the help of the command that was called. */
export function pointingToHelp(error: unknown, command: readonly string[]): unknown {
  if (!(error instanceof QueueError) || error.code !== "bad_input" || error.hint || error.mistyped) {
    return error;
  }
  return badInput(error.message, ["queuectl", ...command, "--help"].join(" "));
}
