/**
 * `clear` and `dlq clear`: deleting jobs and their output.
 */

import { parseDurationMs } from "../../core/duration.ts";
import { badInput } from "../../core/errors.ts";
import { JOB_STATES, type JobState } from "../../core/job.ts";
import type { JobFilter } from "../../core/store.ts";
import { BulkProgress } from "../bulk_progress.ts";
import type { Context } from "../context.ts";
import { parseStates } from "./list.ts";

/** What the flags say. */
export interface ClearFlags {
  readonly state?: string;
  readonly olderThan?: string;
  readonly yes?: boolean;
}

/** Deletes the jobs that match, exit status 1 if the user says no; all but those that are processing, if nothing restricts it. */
export async function clear(
  context: Context,
  _operands: readonly string[],
  flags: ClearFlags,
): Promise<number> {
  const states = flags.state === undefined ? undefined : parseStates(flags.state);
  const filter: JobFilter = {
    ...(states === undefined ? {} : { states }),
    ...(flags.olderThan === undefined ? {} : { updatedBefore: Date.now() - olderThanMs(flags.olderThan) }),
  };
  const age = flags.olderThan === undefined ? "" : ` not touched for ${flags.olderThan}`;
  const which = `${
    states === undefined ? "all jobs but those that are processing" : `all ${states.join(" and ")} jobs`
  }${age}`;
  return await deleteAsked(context, {
    filter,
    which,
    yes: flags.yes === true,
    mayAssume: states !== undefined,
  });
}

/** `dlq clear`: deletes the dead letter queue. */
export async function dlqClear(
  context: Context,
  _operands: readonly string[],
  flags: { readonly yes?: boolean },
): Promise<number> {
  const states: JobState[] = ["dead"];
  const which = "all jobs of the dead letter queue";
  return await deleteAsked(context, { filter: { states }, which, yes: flags.yes === true, mayAssume: false });
}

async function deleteAsked(
  context: Context,
  asked: { filter: JobFilter; which: string; yes: boolean; mayAssume: boolean },
): Promise<number> {
  const { filter, which, yes, mayAssume } = asked;
  const refusal = () => badInput(`Cannot delete ${which} without being sure`, "the same with --yes");
  if (!context.confirm(`Delete ${which}, with their output?`, { yes, mayAssume, refusal })) {
    context.output.talk("Nothing was deleted");
    return 1;
  }
  const deleted = await deleteAll(context, filter);
  if (context.flags.json) context.output.json({ deleted });
  else context.output.result(`Deleted ${deleted} job(s)`);
  return 0;
}

async function deleteAll(context: Context, filter: JobFilter): Promise<number> {
  const queue = await context.queue();
  const counts = await queue.counts();
  const isCounted = filter.updatedBefore === undefined;
  const states = filter.states ?? JOB_STATES.filter((state) => state !== "processing");
  const total = isCounted ? states.reduce((sum, state) => sum + counts[state], 0) : null;
  const progress = new BulkProgress({ isQuiet: context.flags.quiet === true });
  try {
    return await queue.clear(filter, (done) => {
      progress.at("Deleting", done, total);
      return true;
    });
  } finally {
    progress.end();
  }
}

function olderThanMs(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === null) throw badInput(`Cannot read --older-than "${text}": it is like 12h, 7d or 2w`);
  return ms;
}
