/**
 * The flags that describe a job, which several commands take.
 */

import type { Describing } from "./description.ts";

/** Adds the flags that describe a job, but for its queue. */
export function jobOptions(described: Describing): Describing {
  return described
    .option("--id <id>", "the job's id; made up if absent")
    .option("--command <command>", "the command, for shells that mangle JSON")
    .option("-p, --priority <priority>", "0 to 10, higher first; or low, medium, high")
    .option("--run-at <time>", "not before this time, in ISO 8601")
    .option("--delay <time>", "not before this much time has passed, such as 10m")
    .option("--timeout <time>", "end an attempt that takes longer, in seconds or such as 10m; 0: never")
    .hiddenOption("--timeout-seconds <time>")
    .option("--max-retries <n>", "attempts that the job gets")
    .option("--backoff-base <n>", "the delay after the nth failed attempt is base ^ n seconds")
    .option("--cwd <dir>", "where the command starts; here if absent")
    .option("--env <name=value>", "a variable for the command; may be repeated", collect);
}

/** Gathers the values of a flag that may be repeated. */
export function collect(value: string, before: string[] | undefined): string[] {
  return [...before ?? [], value];
}
