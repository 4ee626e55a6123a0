/**
 * `history`: attempts, of one job or the newest of all.
 */

import type { Attempt } from "../../core/attempt.ts";
import { formatDuration } from "../../core/duration.ts";
import { attemptJson } from "../../core/json_view.ts";
import type { Context } from "../context.ts";
import { localTime } from "../local_time.ts";
import { printListing } from "../pager.ts";
import { renderTable } from "../table.ts";
import { parseLimit } from "./list.ts";

const DEFAULT_LIMIT = 100;

/** With an id: all attempts of that job. Without: the newest ones. */
export async function history(
  context: Context,
  operands: readonly string[],
  flags: { readonly limit?: string },
): Promise<void> {
  const limit = flags.limit === undefined ? null : parseLimit(flags.limit);
  const queue = await context.queue();
  const [id] = operands;
  const attempts = id === undefined
    ? await queue.recentAttempts(limit ?? DEFAULT_LIMIT)
    : (await queue.attempts(await queue.meantJob(id, "history"))).slice(-(limit ?? Infinity));
  if (context.flags.json) return context.output.json(attempts.map(attemptJson));
  if (attempts.length === 0) return context.output.talk("No attempts yet");
  await printListing(context, attemptsTable(attempts, { withJob: true }));
}

/** A table of attempts. */
export function attemptsTable(attempts: readonly Attempt[], options: { withJob: boolean }): string {
  const job = options.withJob ? ["JOB"] : [];
  const head = [...job, "ATTEMPT", "WORKER", "STARTED", "TOOK", "OUTCOME", "EXIT", "ERROR"];
  const rows = attempts.map((attempt) => [
    ...(options.withJob ? [attempt.jobId] : []),
    String(attempt.number),
    String(attempt.workerId),
    localTime(attempt.startedAt),
    attempt.outcome === null ? "" : formatDuration(Math.max(0, attempt.finishedAt - attempt.startedAt)),
    attempt.outcome ?? "running",
    attempt.outcome === null ? "" : String(attempt.exitCode ?? attempt.signal ?? ""),
    attempt.outcome === null ? "" : attempt.error ?? "",
  ]);
  return renderTable(head, rows, head.length - 1);
}
