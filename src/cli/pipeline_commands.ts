/**
 * The part of the command table that scripts and pipelines use.
 */

import type { Description } from "./description.ts";
import { jobOptions } from "./job_options.ts";

/** `run`, `wait`, `drain` and `progress`. */
export const PIPELINE_COMMANDS: Readonly<Record<string, Description>> = {
  "run": (program) =>
    jobOptions(program.command("run [job] [words...]", "Run a command as a job, and exit as it does", [
      "queuectl run -- make test",
      "queuectl run -q builds --max-retries 1 --timeout 10m -- ./build.sh --fast",
      `queuectl run --command "sleep 1 && echo done"`,
      "queuectl run --detach -- ./nightly.sh",
    ]))
      .option("-q, --queue <queue>", "the queue; default if absent")
      .option("--detach", "print the id and don't wait; it then runs in the background")
      .note(
        "\nIt exits with the command's own status, 128 and the number of a signal that" +
          "\nended it, 124 if it took longer than its timeout, or 130 after Ctrl-C, which" +
          "\ncancels the job. The command has no standard input.",
      )
      .runs(async () => (await import("./commands/run.ts")).run),

  "wait": (program) =>
    program.command("wait [id...]", "Wait until jobs have ended, and tell by the exit status how", [
      "queuectl wait job1",
      "queuectl wait job1 job2 --any --timeout 10m",
      "queuectl wait --queue builds",
      "queuectl wait --all --json",
    ])
      .option("--all", "until no job waits or runs")
      .option("-q, --queue <queue>", "until none of this queue does; several separated by commas")
      .option("--any", "until one has ended")
      .option("--timeout <time>", "for at most this long, then exit with 124")
      .runs(async () => (await import("./commands/wait.ts")).wait),

  "drain": (program) =>
    program.command("drain", "Run what is there until nothing is left, and fail if a job did", [
      "queuectl drain",
      "queuectl drain --count 4 --fail-fast",
      "queuectl drain --queue builds --horizon 1h --junit reports/jobs.xml",
      "queuectl drain --summary md --summary-file summary.md",
    ])
      .option("-c, --count <n>", "how many worker processes; 1 if absent")
      .option("--concurrency <n>", "how many jobs each runs at once; 1 if absent")
      .option("-q, --queue <queue...>", "only the jobs of these queues")
      .option("--horizon <time>", "wait for jobs that are scheduled within this time; 10m if absent")
      .option("--fail-fast", "stop when a job dies; the others stay as they were")
      .option("--junit <file>", "write a report in JUnit's XML")
      .option("--summary <form>", "sum up as json or md, instead of in a sentence")
      .option("--summary-file <file>", "write the summary there; Markdown is added to what is in it")
      .note("\nCtrl-C waits for the jobs that run, and a second one ends them.")
      .runs(async () => (await import("./commands/drain.ts")).drain),

  "progress": (program) =>
    program.command("progress <percent> [text...]", "Tell how far a job has come, from its own command", [
      "queuectl progress 40",
      `queuectl progress 40 "Building"`,
    ])
      .runs(async () => (await import("./commands/progress.ts")).progress),
};
