/**
 * `progress`: a job's command tells how far it has come.
 */

import { badInput, conflict, notFound } from "../../core/errors.ts";
import { parseProgress } from "../../core/progress.ts";
import type { Context } from "../context.ts";

/** The variable by which a command knows its attempt: the store's uid, a dash, the attempt's id. */
const ATTEMPT_VARIABLE = "QUEUECTL_ATTEMPT_ID";

/** `progress PERCENT [TEXT…]`, called by a job's command. Prints nothing: the output is the job's own. */
export async function progress(context: Context, operands: readonly string[]): Promise<void> {
  const [percent = "", ...words] = operands;
  const told = parseProgress(percent, words.join(" "));
  const { storeUid, attemptId } = ownAttempt();
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

function ownAttempt(): { storeUid: string; attemptId: number } {
  const cookie = Deno.env.get(ATTEMPT_VARIABLE) ?? "";
  const [, storeUid, id] = /^(\w+)-(\d{1,15})$/.exec(cookie) ?? [];
  if (storeUid === undefined) {
    throw badInput(
      `Cannot tell progress: ${ATTEMPT_VARIABLE} ${cookie === "" ? "is not set" : "names no attempt"}`,
      "queuectl enqueue --command 'queuectl progress 40 Building': it is for the commands of jobs",
    );
  }
  return { storeUid, attemptId: Number(id) };
}
