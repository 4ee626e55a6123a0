/**
 * `progress`: a job's command tells how far it has come.
 */

import { badInput, conflict, notFound } from "../../core/errors.ts";
import { parseProgress } from "../../core/progress.ts";
import type { Context } from "../context.ts";
import { ATTEMPT_VARIABLE, type OwnAttempt, ownAttempt } from "../own_attempt.ts";

/** `progress PERCENT [TEXT…]`, called by a job's command. Prints nothing: the output is the job's own. */
export async function progress(context: Context, operands: readonly string[]): Promise<void> {
  const [percent = "", ...words] = operands;
  const told = parseProgress(percent, words.join(" "));
  const { storeUid, attemptId } = callingAttempt();
  // Nobody was promised that it survives a power failure, and the command shall not wait for the disk.
  const store = await context.store("normal");
  if (store.uid !== storeUid) {
    throw notFound(
      `Cannot tell progress: the attempt that calls is not in the store ${context.home.dbPath}`,
      "without --home and --db: the variables of a job's command name its store",
    );
  }
  if (!await store.setProgress(attemptId, told, Date.now())) {
    throw conflict("Cannot tell progress: the attempt that calls is over", "queuectl history");
  }
  if (context.flags.json) context.output.json({ percent: told.percent, text: told.text });
}

function callingAttempt(): OwnAttempt {
  const own = ownAttempt();
  if (own !== null) return own;
  const isSet = (Deno.env.get(ATTEMPT_VARIABLE) ?? "") !== "";
  throw badInput(
    `Cannot tell progress: ${ATTEMPT_VARIABLE} ${isSet ? "names no attempt" : "is not set"}`,
    "queuectl enqueue --command 'queuectl progress 40 Building': it is for the commands of jobs",
  );
}
