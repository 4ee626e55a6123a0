/**
 * What `top` draws, as lines of exactly the width of the screen.
 */

import { formatDuration } from "../../core/duration.ts";
import type { JobState } from "../../core/job.ts";
import { totalOf } from "../../core/json_view.ts";
import type { JobSummary } from "../../core/reports.ts";
import { bar } from "../progress_bar.ts";
import { cellsOf, fit, fitRight } from "./cells.ts";
import type { ScreenSize } from "./fullscreen.ts";
import type { Glance, ListName } from "./glance.ts";
import { sparkline } from "./throughput.ts";

/** What the person has chosen, and is told. */
export interface TopView {
  readonly list: ListName;
  readonly search: string;
  /** The place of the marked job in the list. */
  readonly marked: number;
  /** The last line: keys, a question, a message, or what is being typed. */
  readonly footer: string;
  /** Where everything comes from. */
  readonly title: string;
  readonly hasColor: boolean;
}

const LIST_TITLES: Record<ListName, string> = {
  now: "Running and next",
  failures: "Failures",
  finished: "Finished last",
};

const COLOURS: Record<JobState, number> = {
  pending: 37,
  processing: 36,
  completed: 32,
  failed: 33,
  dead: 31,
  cancelled: 90,
};

/** Below this size nothing can be read anyway. */
const MIN_COLUMNS = 20;
const MIN_ROWS = 4;
/** With fewer rows than this, the list is more useful than the workers and queues. */
const ROWS_FOR_TABLES = 16;

/** How many jobs of the list fit on a screen. */
export function listRows(glance: Glance, size: ScreenSize): number {
  const OTHERS = 4; // the title, two lines over the list, the footer
  return Math.max(1, size.rows - headOf(glance, size, false).length - OTHERS);
}

/** The whole screen. */
export function frameOf(glance: Glance, view: TopView, size: ScreenSize): string[] {
  const { columns, rows } = size;
  if (columns < MIN_COLUMNS || rows < MIN_ROWS) {
    return [
      fit(`${glance.counts.processing} running`, columns),
      ...rows > 1 ? [fit(view.footer, columns)] : [],
    ];
  }
  const title = `${fit(`queuectl top  ${view.title}`, columns - 9)} ${clock(glance.at)}`;
  const head = [paint(title, "1", view), ...headOf(glance, size, view.hasColor)];
  const list = listOf(glance, view, { columns, rows: listRows(glance, size) });
  const body = [...head, ...list];
  const filling = Array<string>(Math.max(0, rows - 1 - body.length)).fill("");
  return [...body, ...filling].slice(0, rows - 1).concat(fit(view.footer, columns));
}

/** The lines between the title and the list, as many as there is room for. */
function headOf(glance: Glance, { columns, rows }: ScreenSize, hasColor: boolean): string[] {
  const { counts, perMinute, recent } = glance;
  const present = glance.workers.filter(({ isPresent }) => isPresent);
  const busy = present.filter(({ busySlots }) => busySlots > 0).length;
  const numbers = `Workers ${present.length} (${busy} busy)   Pending ${counts.pending}   ` +
    `Running ${counts.processing}   Failed ${counts.failed}   Dead ${counts.dead}   ` +
    `Completed ${counts.completed}   Total ${totalOf(counts)}`;
  const rate = `Ended ${perMinute.ended}/min, failed ${perMinute.failed}/min  5 min [${sparkline(recent)}]`;
  const lines = [fit(numbers, columns), fit(rate, columns)];
  if (rows < ROWS_FOR_TABLES) return rows < 8 ? lines.slice(0, 1) : lines;
  const share = Math.max(1, Math.floor((rows - 10) / 5));
  return [
    ...lines,
    ...workerLines(glance, { columns, share, hasColor }),
    ...queueLines(glance, { columns, share }),
  ];
}

function workerLines(
  glance: Glance,
  { columns, share, hasColor }: { columns: number; share: number; hasColor: boolean },
): string[] {
  const { workers } = glance;
  if (workers.length === 0) return [fit("No worker: queuectl worker start", columns)];
  const shown = workers.slice(0, workers.length > share ? share - 1 || 1 : share);
  const lines = shown.map(({ worker, isPresent, busySlots }) => {
    const state = !isPresent ? "gone" : worker.stopping ? "stopping" : busySlots > 0 ? "busy" : "idle";
    const text = `Worker ${worker.id}  ${state}  ${busySlots}/${worker.slots} slots  ` +
      `${worker.jobsSucceeded} done, ${worker.jobsFailed} failed  ${
        worker.queues.join(", ") || "all queues"
      }`;
    return paint(fit(text, columns), isPresent ? "" : "31", { hasColor });
  });
  const left = workers.length - shown.length;
  return left === 0 ? lines : [...lines, fit(`and ${left} more worker(s)`, columns)];
}

function queueLines(glance: Glance, { columns, share }: { columns: number; share: number }): string[] {
  if (glance.queues.length === 0) return [];
  const shown = glance.queues.slice(0, share);
  const nameCells = Math.max(5, Math.min(30, columns - 32));
  const head = `${fit("QUEUE", nameCells)} PENDING RUNNING  FAILED    DEAD`;
  const left = glance.queueTotal - shown.length;
  const lines = shown.map(({ queue, counts }, index) => {
    const isLast = index === shown.length - 1;
    const name = isLast && left > 0 ? `${queue} (and ${left} more)` : queue;
    const cells = [counts.pending, counts.processing, counts.failed, counts.dead];
    return `${fit(name, nameCells)} ${cells.map((count) => fitRight(String(count), 7)).join(" ")}`;
  });
  return [head, ...lines].map((line) => fit(line, columns));
}

interface Columns {
  readonly id: number;
  /** What is told about the job: its progress, its last error, when it is due. */
  readonly detail: number;
  /** 0: there is no room for it. */
  readonly command: number;
}

function columnsOf(jobs: readonly JobSummary[], columns: number): Columns {
  const widest = jobs.reduce((most, job) => Math.max(most, Math.min(40, cellsOf(job.id))), 4);
  const id = Math.min(widest, Math.max(4, Math.floor(columns / 4)));
  // The marker, the state, the attempts, the time, and the gaps between them.
  const rest = columns - 2 - id - 1 - 10 - 1 - 6 - 1 - 8 - 1;
  if (rest < 50) return { id, detail: Math.max(0, rest), command: 0 };
  const detail = Math.floor(rest / 2);
  return { id, detail, command: rest - detail - 1 };
}

function listOf(glance: Glance, view: TopView, { columns, rows }: ScreenSize): string[] {
  const { jobs } = glance;
  const widths = columnsOf(jobs, columns);
  const search = view.search === "" ? "" : `, with "${view.search}"`;
  const title = `${LIST_TITLES[view.list]}${search} (${jobs.length === 0 ? "none" : jobs.length})`;
  const heads = row(
    ["ID", "STATE", "TRY", "TIME", widths.command > 0 ? "DETAIL" : "COMMAND", "COMMAND"],
    widths,
  );
  const first = Math.max(0, Math.min(view.marked - Math.floor(rows / 2), jobs.length - rows));
  const lines = jobs.slice(first, first + rows).map((job, index) => {
    const isMarked = first + index === view.marked;
    const line = `${isMarked ? "> " : "  "}${row(cellsOfJob(job, glance.at, widths.command > 0), widths)}`;
    return paint(fit(line, columns), isMarked ? `7;${COLOURS[job.state]}` : `${COLOURS[job.state]}`, view);
  });
  return [paint(fit(title, columns), "1", view), fit(`  ${heads}`, columns), ...lines];
}

function row(cells: readonly string[], widths: Columns): string {
  const [id, state, attempts, time, detail, command] = cells;
  const parts = [
    fit(id!, widths.id),
    fit(state!, 10),
    fit(attempts!, 6),
    fitRight(time!, 8),
    fit(detail!, widths.detail),
  ];
  if (widths.command > 0) parts.push(fit(command!, widths.command));
  return parts.join(" ");
}

function cellsOfJob(job: JobSummary, now: number, hasCommand: boolean): string[] {
  const detail = detailOf(job, now);
  const time = formatDuration(Math.max(0, now - (job.claimedAt ?? job.finishedAt ?? job.updatedAt)));
  const both = hasCommand || detail === "" ? detail : `${detail}  ${job.command}`;
  return [
    job.id,
    stateOf(job, now),
    `${job.attempts}/${job.maxRetries}`,
    time,
    !hasCommand && detail === "" ? job.command : both,
    job.command,
  ];
}

/** The state in a word; a pending job that nothing but a worker is missing to is ready. */
function stateOf(job: JobSummary, now: number): string {
  if (job.isCancelRequested) return "cancelling";
  if (job.state === "processing") return "running";
  return job.state === "pending" && (job.runAt ?? 0) <= now ? "ready" : job.state;
}

const BAR_CELLS = 10;

function detailOf(job: JobSummary, now: number): string {
  if (job.progress !== null) {
    const { percent, text } = job.progress;
    return `${bar(percent, BAR_CELLS)} ${percent}%${text === "" ? "" : ` ${text}`}`;
  }
  const due = job.runAt !== null && job.runAt > now ? `in ${formatDuration(job.runAt - now)}` : "";
  if (job.lastError !== null) return due === "" ? job.lastError : `${due}: ${job.lastError}`;
  return due;
}

function clock(ms: number): string {
  const date = new Date(ms);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, "0"))
    .join(":");
}

function paint(line: string, style: string, { hasColor }: { readonly hasColor: boolean }): string {
  return hasColor && style !== "" ? `\x1b[${style}m${line}\x1b[0m` : line;
}
