/**
 * `list`: jobs, oldest first.
 */

import { badInput, unknownWord } from "../../core/errors.ts";
import { type Job, JOB_STATES, type JobState } from "../../core/job.ts";
import { jobJson } from "../../core/json_view.ts";
import type { JobFilter } from "../../core/store.ts";
import type { Context } from "../context.ts";
import { jsonText } from "../output.ts";
import { ago } from "../local_time.ts";
import { printListing } from "../pager.ts";
import { renderTable } from "../table.ts";

/** What the flags say. */
export interface ListFlags {
  readonly state?: string;
  readonly queue?: string;
  readonly limit?: string;
  readonly search?: string;
}

/** How many rows a table has unless `--limit` says otherwise; JSON has all. */
const TABLE_LIMIT = 1000;

/** Prints the jobs that match. */
export async function list(context: Context, _operands: readonly string[], flags: ListFlags): Promise<void> {
  const filter: JobFilter = {
    ...(flags.state === undefined ? {} : { states: parseStates(flags.state) }),
    ...(flags.queue === undefined ? {} : { queue: flags.queue }),
    ...(flags.search === undefined ? {} : { search: flags.search }),
  };
  const limit = flags.limit === undefined ? null : parseLimit(flags.limit);
  await printJobs(context, { filter, limit, columns: JOB_COLUMNS, none: "No jobs" });
}

/** A column of a table of jobs. */
export interface JobColumn {
  readonly head: string;
  readonly cell: (job: Job, now: number) => string;
}

/** The columns of `list`. */
const JOB_COLUMNS: readonly JobColumn[] = [
  { head: "ID", cell: (job) => job.id },
  { head: "COMMAND", cell: (job) => job.command },
  { head: "STATE", cell: (job) => job.state },
  { head: "ATTEMPTS", cell: (job) => `${job.attempts}/${job.maxRetries}` },
  { head: "PRIORITY", cell: (job) => String(job.priority) },
  { head: "UPDATED", cell: (job, now) => ago(job.updatedAt, now) },
];

/** Prints jobs as a table (its second column is shortened where it is too wide), or as a JSON array. */
export async function printJobs(
  context: Context,
  listing: { filter: JobFilter; limit: number | null; columns: readonly JobColumn[]; none: string },
): Promise<void> {
  const { filter, limit, columns, none } = listing;
  const { output } = context;
  const queue = await context.queue();
  if (context.flags.json) {
    const pages = queue.pages(limit === null ? filter : { ...filter, limit });
    await printJsonArray(output, pages);
    return;
  }
  // One more than is shown, to know whether there are more.
  const shown = limit ?? TABLE_LIMIT;
  const jobs = (await Array.fromAsync(queue.pages({ ...filter, limit: shown + 1 }))).flat();
  const now = Date.now();
  const rows = jobs.slice(0, shown).map((job) => columns.map((column) => column.cell(job, now)));
  if (rows.length === 0) output.talk(none);
  else await printListing(context, renderTable(columns.map((column) => column.head), rows, 1));
  if (limit === null && jobs.length > shown) {
    output.talk(`Only the first ${shown} are shown; --limit N shows more`);
  }
}

/** Prints an array as `JSON.stringify` would, a page at a time, so that a million jobs need no memory. */
async function printJsonArray(output: Context["output"], pages: AsyncIterable<Job[]>): Promise<void> {
  let isFirst = true;
  for await (const page of pages) {
    const items = page.map((job) => jsonText(jobJson(job)).replaceAll("\n", "\n  "));
    output.bytes(new TextEncoder().encode(`${isFirst ? "[" : ","}\n  ${items.join(",\n  ")}`));
    isFirst = false;
  }
  output.result(isFirst ? "[]" : "\n]");
}

/** The states named in `text`, separated by commas. Throws `bad_input` for a word that is none. */
export function parseStates(text: string): JobState[] {
  return text.split(",").map((word) => {
    const name = word.trim().toLowerCase();
    const state = JOB_STATES.find((known) => known === name);
    if (state === undefined) {
      throw unknownWord("bad_input", `There is no state "${word}"`, {
        typed: name,
        known: JOB_STATES,
        usage: (word) => `--state ${word}`,
      });
    }
    return state;
  });
}

/** A number of rows from 1 up. Throws `bad_input`. */
export function parseLimit(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw badInput(`Cannot use --limit ${text}: it is a whole number from 1 to 999999999`);
}
