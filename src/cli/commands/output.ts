/**
 * `output get`: what a job's last attempt printed, with how it ended.
 */

import { printableLine, printableOutput } from "../../core/printable.ts";
import type { Context } from "../context.ts";
import { localTime } from "../local_time.ts";
import { textOf } from "../logs/growing_file.ts";

/** `output get ID`. */
export async function outputGet(context: Context, operands: readonly string[]): Promise<void> {
  const queue = await context.queue();
  const job = await queue.meantJob(operands[0]!, "output get");
  const attempt = (await queue.attempts(job)).at(-1) ?? null;
  const paths = attempt === null ? null : await context.outputPaths(job, attempt);
  const [stdout, stderr] = [
    paths === null ? "" : textOf(paths.stdout, null),
    paths === null ? "" : textOf(paths.stderr, null),
  ];
  const ended = attempt === null || attempt.outcome === null ? null : attempt;
  const { output } = context;
  if (context.flags.json) {
    return output.json({
      ...{ id: job.id, state: job.state, attempt: attempt?.number ?? null, stdout, stderr },
      exit_code: ended?.exitCode ?? null,
      finished_at: ended === null ? null : new Date(ended.finishedAt).toISOString(),
    });
  }
  const printable = Deno.stdout.isTerminal() ? printableOutput : (text: string) => text;
  output.result(`Job: ${printableLine(job.id)}`);
  output.result(`State: ${job.state}`);
  output.result(`Exit code: ${ended?.exitCode ?? ended?.signal ?? "none yet"}`);
  output.result(`Finished: ${ended === null ? "not yet" : localTime(ended.finishedAt)}`);
  output.result(
    `--- stdout ---\n${printable(stdout)}${stdout === "" || stdout.endsWith("\n") ? "" : "\n"}--- stderr ---`,
  );
  if (stderr !== "") output.result(printable(stderr).replace(/\n$/, ""));
}
