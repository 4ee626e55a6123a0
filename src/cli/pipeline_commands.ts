/**
 * The part of the command table that scripts and pipelines use.
 */

import type { Command } from "commander";
import type { Context } from "./context.ts";
import { jobOptions } from "./job_options.ts";

// deno-lint-ignore no-explicit-any -- as in `cli.ts`: each command knows its own flags
type Handler = (context: Context, operands: string[], flags: any) => Promise<number | void>;
type Describer = (parent: Command, usage: string, text: string, examples: readonly string[]) => Command;
type Runner = (load: () => Promise<Handler>) => (...given: unknown[]) => Promise<void>;

/** Adds `run`, `wait`, `drain` and `progress`. */
export function describePipelines(program: Command, command: Describer, on: Runner): void {
  jobOptions(command(program, "run [job] [words...]", "Run a command as a job, and exit as it does", [
    "queuectl run -- make test",
    "queuectl run -q builds --max-retries 1 --timeout 10m -- ./build.sh --fast",
    `queuectl run --command "sleep 1 && echo done"`,
    "queuectl run --detach -- ./nightly.sh",
  ]))
    .option("-q, --queue <queue>", "the queue; default if absent")
    .option("--detach", "print the id and don't wait")
    .action(on(async () => (await import("./commands/run.ts")).run));

  command(program, "wait [id...]", "Wait until jobs have ended, and tell by the exit status how", [
    "queuectl wait job1",
    "queuectl wait job1 job2 --any --timeout 10m",
    "queuectl wait --queue builds",
    "queuectl wait --all --json",
  ])
    .option("--all", "until no job waits or runs")
    .option("--queue <queue>", "until none of this queue does; several separated by commas")
    .option("--any", "until one has ended")
    .option("--timeout <time>", "for at most this long, then exit with 124")
    .action(on(async () => (await import("./commands/wait.ts")).wait));

  command(program, "progress <percent> [text...]", "Tell how far a job has come, from its own command", [
    "queuectl progress 40",
    `queuectl progress 40 "Building"`,
  ])
    .action(on(async () => (await import("./commands/progress.ts")).progress));
}
