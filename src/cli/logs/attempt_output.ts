/**
 * What one attempt has printed and goes on printing.
 */

import type { OutputPaths } from "../../home/output_files.ts";
import { GrowingFile, modifiedAt, sizeOf } from "./growing_file.ts";
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
  /** What was there before the first look, and when that was written at the latest; null before that look. */
  before: { readonly bytes: number; readonly at: number } | null;
  /** When the last piece came, in ms of the monotonic clock. */
  cameAt: number;
  /** When the last piece was written, as far as is known, in ms since the epoch. */
  writtenAt: number;
}

/** The streams of an attempt, printed in whole lines. */
export class AttemptOutput {
  readonly jobId: string;
  readonly attempt: number;
  readonly #printer: LinePrinter;
  readonly #followed: readonly Followed[];

  constructor(choice: OutputChoice, printer: LinePrinter) {
    this.jobId = choice.jobId;
    this.attempt = choice.attempt;
    this.#printer = printer;
    this.#followed = choice.streams.map((stream) => {
      const file = new GrowingFile(choice.paths[stream]);
      if (choice.tail !== null) file.skipToTail(choice.tail);
      return { stream, file, cutter: new LineCutter(), before: null, cameAt: 0, writtenAt: 0 };
    });
  }

  /**
   * Prints the whole lines that have come since the last time. With `isInteractive`, also a line's beginning
   * whose end doesn't come. True if there may be more at once.
   */
  printNew(options: { isInteractive: boolean }): boolean {
    let hasMore = false;
    for (const followed of this.#followed) {
      const hasMoreOfIt = this.#readNew(followed);
      hasMore ||= hasMoreOfIt;
      const isOverdue = performance.now() - followed.cameAt > PROMPT_AFTER_MS;
      if (options.isInteractive && isOverdue) this.#printHeld(followed);
    }
    return hasMore;
  }

  /** Prints all that is left, one stream after the other: nothing more will come. */
  finish(): void {
    for (const followed of this.#followed) {
      while (this.#readNew(followed)) { /* a large rest comes in several pieces */ }
      this.#printHeld(followed);
    }
  }

  /** Prints the whole lines of a stream that have come; true if there may be more at once. */
  #readNew(followed: Followed): boolean {
    const { stream, file, cutter } = followed;
    followed.before ??= { bytes: sizeOf(file.path), at: modifiedAt(file.path) ?? Date.now() };
    const { before } = followed;
    const came = file.readNew((bytes) => {
      followed.cameAt = performance.now();
      followed.writtenAt = file.offset <= before.bytes ? before.at : Date.now();
      const lines = cutter.push(bytes);
      if (lines !== null) this.#print(stream, lines, followed.writtenAt);
    }, READ_BYTES);
    return came && !file.isAtEnd();
  }

  /** Prints the beginning of a line whose end hasn't come. */
  #printHeld({ stream, cutter, writtenAt }: Followed): void {
    const held = cutter.takeHeld();
    if (held !== null) this.#print(stream, held, writtenAt);
  }

  #print(stream: Stream, bytes: Uint8Array, at: number): void {
    this.#printer.print({ jobId: this.jobId, attempt: this.attempt, stream }, bytes, at);
  }
}
