/**
 * What one attempt has printed and goes on printing.
 */

import type { OutputPaths } from "../../home/output_files.ts";
import { GrowingFile, modifiedAt } from "./growing_file.ts";
import { LineCutter } from "./line_cutter.ts";
import type { LinePrinter, Stream } from "./printers.ts";

/** At most this much of a stream is read before others get their turn. */
const READ_BYTES = 1_048_576;
/** On a terminal the beginning of a line, such as a question, is shown when its end doesn't come for this long. */
const PROMPT_AFTER_MS = 500;

/** Whose output, and how much of it. */
export interface OutputChoice {
  readonly jobId: string;
  readonly attempt: number;
  readonly paths: OutputPaths;
  readonly streams: readonly Stream[];
  /** Only so many of the last lines of each stream; null: all. */
  readonly tail: number | null;
}

interface Followed {
  readonly stream: Stream;
  readonly file: GrowingFile;
  readonly cutter: LineCutter;
  /** When the last piece came, in ms of the monotonic clock. */
  cameAt: number;
}

/** The streams of an attempt, printed in whole lines. */
export class AttemptOutput {
  readonly jobId: string;
  readonly attempt: number;
  readonly #printer: LinePrinter;
  readonly #followed: readonly Followed[];
  /** The stream whose beginning of a line stands at the end of the screen; null if none does. */
  #unended: Stream | null = null;
  #hasPrinted = false;

  constructor(choice: OutputChoice, printer: LinePrinter) {
    this.jobId = choice.jobId;
    this.attempt = choice.attempt;
    this.#printer = printer;
    this.#followed = choice.streams.map((stream) => {
      const file = new GrowingFile(choice.paths[stream]);
      if (choice.tail !== null) file.skipToTail(choice.tail);
      return { stream, file, cutter: new LineCutter(), cameAt: 0 };
    });
  }

  /**
   * Prints the whole lines that have come since the last time. With `isInteractive`, also a line's beginning
   * whose end doesn't come. True if there may be more at once.
   */
  printNew(options: { isInteractive: boolean }): boolean {
    let hasMore = false;
    for (const followed of this.#followed) {
      const { file, cutter } = followed;
      // What was there before the first look is as old as the file's last change, at most.
      const at = this.#hasPrinted ? Date.now() : modifiedAt(file.path) ?? Date.now();
      const came = file.readNew((bytes) => {
        followed.cameAt = performance.now();
        const lines = cutter.push(bytes);
        if (lines !== null) this.#print(followed.stream, lines, at);
      }, READ_BYTES);
      hasMore ||= came && !file.isAtEnd();
      const isOverdue = performance.now() - followed.cameAt > PROMPT_AFTER_MS;
      if (options.isInteractive && cutter.isHolding && isOverdue) {
        this.#print(followed.stream, cutter.takeHeld()!, at);
      }
    }
    this.#hasPrinted = true;
    return hasMore;
  }

  /** Prints all that is left: nothing more will come. */
  finish(): void {
    while (this.printNew({ isInteractive: false })) { /* a large rest comes in several pieces */ }
    for (const { stream, cutter } of this.#followed) {
      const rest = cutter.takeHeld();
      if (rest !== null) this.#print(stream, rest, Date.now());
    }
  }

  #print(stream: Stream, bytes: Uint8Array, at: number): void {
    const source = { jobId: this.jobId, attempt: this.attempt, stream };
    if (this.#unended !== null && this.#unended !== stream) {
      this.#printer.print({ ...source, stream: this.#unended }, new Uint8Array([10]), at);
    }
    this.#printer.print(source, bytes, at);
    this.#unended = bytes.at(-1) === 10 ? null : stream;
  }
}
