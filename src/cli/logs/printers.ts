/**
 * How the lines of jobs are printed.
 */

import stringWidth from "string-width";
import type { Json } from "../../core/json_view.ts";
import { printableLine, printableOutput } from "../../core/printable.ts";
import type { OutputPaths } from "../../home/output_files.ts";
import { hasColor, jsonText, type Output } from "../output.ts";
import { joined } from "./line_cutter.ts";

const NEWLINE = 10;

/** One of the two streams of an attempt. */
export type Stream = keyof OutputPaths;

/** Where lines come from. */
export interface LineSource {
  readonly jobId: string;
  readonly attempt: number;
  readonly stream: Stream;
}

/** Prints what jobs have printed. `bytes` are whole lines with their newlines; only the last may lack it. */
export interface LinePrinter {
  /** `at` is when the lines were written, as far as is known, in ms since the epoch. */
  print(source: LineSource, bytes: Uint8Array, at: number): void;
  /** Ends a line that was printed without its newline: something else will be said. */
  endLine(): void;
  /** To be called when nothing more will come. */
  end(): void;
}

/** How lines are shown. */
export interface LineStyle {
  /** Pass control characters on, even to a terminal. */
  readonly isRaw: boolean;
  readonly hasTimes: boolean;
}

/** The lines of one job, on stdout, byte for byte; made safe if that is a terminal. */
export class PlainPrinter implements LinePrinter {
  readonly #output: Output;
  readonly #style: LineStyle;
  /** Where the line comes from whose end is missing; null if none is. */
  #unended: LineSource | null = null;

  constructor(output: Output, style: LineStyle) {
    this.#output = output;
    this.#style = style;
  }

  print(source: LineSource, bytes: Uint8Array, at: number): void {
    const goesOn = this.#unended?.attempt === source.attempt && this.#unended.stream === source.stream;
    if (!goesOn) this.endLine();
    this.#printLines(bytes, at, { goesOn });
    this.#unended = bytes.at(-1) === NEWLINE ? null : source;
  }

  endLine(): void {
    if (this.#unended !== null) this.#output.bytes(new Uint8Array([NEWLINE]));
    this.#unended = null;
  }

  #printLines(bytes: Uint8Array, at: number, { goesOn }: { goesOn: boolean }): void {
    if (!this.#style.hasTimes && isAsItIs(this.#style)) return this.#output.bytes(bytes);
    const prefix = this.#style.hasTimes ? encode(`${timeText(at)} `) : new Uint8Array();
    const lines = linesOf(bytes).map((line, index) => {
      const hasTime = goesOn && index === 0; // that of its beginning
      return joined([hasTime ? new Uint8Array() : prefix, safe(line, this.#style)]);
    });
    this.#output.bytes(joined(lines));
  }

  end(): void {}
}

/** Colours that are told apart on dark and on light grounds. */
const COLOURS = [36, 33, 32, 35, 34, 96, 93, 92, 95, 94];
const RED = 31;
/** Longer ids are not waited for by the shorter ones. */
const MAX_ALIGNED_WIDTH = 24;

/**
 * The lines of many jobs, each behind its job's id: `job1 | a line`, and `job1 ! a line` of standard error,
 * which goes to stderr where stdout is no terminal.
 */
export class PrefixedPrinter implements LinePrinter {
  readonly #output: Output;
  readonly #style: LineStyle;
  readonly #isTerminal = Deno.stdout.isTerminal();
  readonly #hasColor = hasColor();
  #width: number;

  constructor(output: Output, style: LineStyle, ids: readonly string[]) {
    this.#output = output;
    this.#style = style;
    this.#width = Math.max(0, ...ids.map(alignedWidth));
  }

  print(source: LineSource, bytes: Uint8Array, at: number): void {
    const prefix = encode(this.#prefix(source) + (this.#style.hasTimes ? `${timeText(at)} ` : ""));
    const lines = linesOf(bytes).map((line) => {
      const text = safe(line, this.#style);
      // A colour that a job has left on would run into the next line's prefix.
      const reset = this.#isTerminal && text.includes(0x1b) ? encode("\x1b[0m") : new Uint8Array();
      const end = text.at(-1) === NEWLINE ? text.length - 1 : text.length;
      return joined([prefix, text.subarray(0, end), reset, encode("\n")]);
    });
    const all = joined(lines);
    if (source.stream === "stderr" && !this.#isTerminal) this.#output.errorBytes(all);
    else this.#output.bytes(all);
  }

  endLine(): void {}

  end(): void {}

  #prefix({ jobId, stream }: LineSource): string {
    const id = printableLine(jobId);
    this.#width = Math.max(this.#width, alignedWidth(jobId));
    const gap = " ".repeat(Math.max(0, this.#width - stringWidth(id)));
    const mark = stream === "stderr" ? "!" : "|";
    if (!this.#hasColor) return `${id}${gap} ${mark} `;
    const colour = COLOURS[hash(jobId) % COLOURS.length]!;
    const shownMark = stream === "stderr" ? `\x1b[${RED}m${mark}\x1b[0m` : mark;
    return `\x1b[${colour}m${id}\x1b[0m${gap} ${shownMark} `;
  }
}

function alignedWidth(id: string): number {
  return Math.min(MAX_ALIGNED_WIDTH, stringWidth(printableLine(id)));
}

/** One JSON array, a line of a job on a line of it, as they come. */
export class JsonPrinter implements LinePrinter {
  readonly #output: Output;
  #isFirst = true;

  constructor(output: Output) {
    this.#output = output;
  }

  print({ jobId, attempt, stream }: LineSource, bytes: Uint8Array, at: number): void {
    for (const line of linesOf(bytes)) {
      const text = new TextDecoder().decode(line).replace(/\n$/, "");
      const value: Json = { job: jobId, attempt, stream, time: timeText(at), line: text };
      const onOneLine = jsonText(value).replaceAll(/\n\s*/g, " ");
      this.#output.bytes(encode(`${this.#isFirst ? "[" : ","}\n  ${onOneLine}`));
      this.#isFirst = false;
    }
  }

  endLine(): void {}

  end(): void {
    this.#output.result(this.#isFirst ? "[]" : "\n]");
  }
}

function isAsItIs(style: LineStyle): boolean {
  return style.isRaw || !Deno.stdout.isTerminal();
}

/** The bytes of a line for where it goes: a terminal gets nothing that it would obey, but colours. */
function safe(line: Uint8Array, style: LineStyle): Uint8Array {
  return isAsItIs(style) ? line : encode(printableOutput(new TextDecoder().decode(line)));
}

function linesOf(bytes: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline === -1 ? bytes.length : newline + 1;
    lines.push(bytes.subarray(start, end));
    start = end;
  }
  return lines;
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}

function hash(text: string): number {
  let value = 0;
  for (const character of text) value = (value * 31 + character.codePointAt(0)!) >>> 0;
  return value;
}
