/**
 * A job's output on the whole screen.
 */

import type { Attempt } from "../../core/attempt.ts";
import type { Job } from "../../core/job.ts";
import type { Queue } from "../../core/queue.ts";
import { tailOf } from "../../home/output_files.ts";
import type { Context } from "../context.ts";
import { fit } from "./cells.ts";
import type { ScreenSize } from "./fullscreen.ts";

/** So much of the end of each stream can be looked at. */
const SHOWN_BYTES = 262_144;

/** The output of one job, which is read anew at each look. */
export class OutputPane {
  readonly jobId: string;
  readonly #context: Context;
  readonly #queue: Queue;
  #title = "";
  #lines: readonly string[] = [];
  /** How many lines are below the screen. */
  #below = 0;

  constructor(context: Context, queue: Queue, jobId: string) {
    this.#context = context;
    this.#queue = queue;
    this.jobId = jobId;
  }

  /** Reads what the last attempt has printed by now. */
  async look(): Promise<void> {
    const before = this.#lines.length;
    const job = await this.#queue.job(this.jobId);
    const attempt = (await this.#queue.attempts(job)).at(-1) ?? null;
    this.#title = titleOf(job, attempt);
    this.#lines = attempt === null ? ["It has printed nothing yet"] : await this.#read(job, attempt);
    // What was scrolled to stays where it is while more comes.
    if (this.#below > 0) this.#below += Math.max(0, this.#lines.length - before);
  }

  async #read(job: Job, attempt: Attempt): Promise<string[]> {
    const paths = await this.#context.outputPaths(job, attempt);
    const [stdout, stderr] = [linesAtEnd(paths.stdout), linesAtEnd(paths.stderr)];
    if (stderr.length === 0) return stdout;
    return [...stdout, "--- stderr ---", ...stderr];
  }

  /** Moves by `lines`, upwards if negative. */
  scroll(lines: number): void {
    this.#below = Math.max(0, Math.min(this.#below - lines, this.#lines.length - 1));
  }

  /** The screen. */
  frame({ columns, rows }: ScreenSize, footer: string): string[] {
    const room = Math.max(1, rows - 2);
    this.#below = Math.min(this.#below, Math.max(0, this.#lines.length - room));
    const end = this.#lines.length - this.#below;
    const shown = this.#lines.slice(Math.max(0, end - room), end).map((line) => fit(line, columns));
    const filling = Array<string>(room - shown.length).fill("");
    return [fit(this.#title, columns), ...shown, ...filling, fit(footer, columns)].slice(-rows);
  }
}

function titleOf(job: Job, attempt: Attempt | null): string {
  const number = attempt === null ? "" : `, attempt ${attempt.number}`;
  return `Output of ${job.id} (${job.state}${number}): ${job.command}`;
}

/** The last lines of a file without colours; tabs become spaces, and everything else is made harmless by `fit`. */
function linesAtEnd(path: string): string[] {
  const text = tailOf(path, SHOWN_BYTES);
  // deno-lint-ignore no-control-regex -- a colour is ESC [ numbers m
  const plain = text.replace(/\u001b\[[\d;:]*m/g, "").replace(/\r\n/g, "\n").replace(/\n$/, "");
  return plain === "" ? [] : plain.split("\n").map((line) => line.replaceAll("\t", "    "));
}
