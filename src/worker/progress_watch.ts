/**
 * Finds lines such as `queuectl:progress 40 Building` in what running commands print, and stores what they tell.
 *
 * Only the newest such line counts, so of much output only the end is read: a look costs the same whatever a
 * command prints, with or without newlines.
 */

import type { ProcessingJob } from "../core/job.ts";
import { isSameProgress, MAX_PROGRESS_LINE_BYTES, type Progress, progressInLine } from "../core/progress.ts";
import type { Store } from "../core/store.ts";
import { outputPaths, type OutputPlace } from "../home/output_files.ts";

/** How much of the output one look reads, at most; what came before that is passed over. */
export const MAX_LOOK_BYTES = 256 * 1024;

const NEWLINE = 10;

/** Watches the standard output of the attempts of one worker. */
export class ProgressWatch {
  readonly #store: Store;
  readonly #place: OutputPlace;
  readonly #readers = new Map<number, LineReader>();

  constructor(store: Store, place: OutputPlace) {
    this.#store = store;
    this.#place = place;
  }

  /**
   * Reads what came since the last look, and stores the newest progress in it. To be called before the file is
   * cut back to `maxOutputBytes`. Never fails: how a job goes on doesn't depend on what it tells about itself.
   */
  async look(job: ProcessingJob, maxOutputBytes: number): Promise<void> {
    const { attemptId } = job.claim;
    let reader = this.#readers.get(attemptId);
    if (reader === undefined) {
      reader = new LineReader(outputPaths(this.#place, job.seq, attemptId).stdout);
      this.#readers.set(attemptId, reader);
    }
    try {
      const told = reader.readNew();
      reader.wasCutTo(maxOutputBytes);
      if (told === null || isSameProgress(told, reader.stored)) return;
      await this.#store.setProgress(attemptId, told, Date.now());
      reader.stored = told;
    } catch {
      // A failing disk or a store that can't be used: the worker meets the same elsewhere, and tells it there.
    }
  }

  /** The last look at an attempt whose command has ended; to be called before its end is stored. */
  async finish(job: ProcessingJob, maxOutputBytes: number): Promise<void> {
    await this.look(job, maxOutputBytes);
    this.forget(job);
  }

  /** Instead of `finish`, where it is known that the command has printed nothing. */
  forget(job: ProcessingJob): void {
    this.#readers.delete(job.claim.attemptId);
  }
}

/** Reads a growing file line by line. */
class LineReader {
  /** What was stored last; null if nothing was. */
  stored: Progress | null = null;
  readonly #path: string;
  #offset = 0;
  /** The beginning of a line whose end hasn't come yet; null in a line that is too long to tell anything. */
  #begun: Uint8Array | null = new Uint8Array();

  constructor(path: string) {
    this.#path = path;
  }

  /** The newest progress in the lines that were completed since the last time; null if there is none. */
  readNew(): Progress | null {
    const chunk = this.#readChunk();
    let newest: Progress | null = null;
    let at = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, at)) {
      const line = this.#complete(chunk.subarray(at, end));
      newest = (line === null ? null : progressInLine(line)) ?? newest;
      at = end + 1;
    }
    this.#keep(chunk.subarray(at));
    return newest;
  }

  /** The file has been cut back to `maxBytes` if it was longer; the command goes on writing at its new end. */
  wasCutTo(maxBytes: number): void {
    this.#offset = Math.min(this.#offset, maxBytes);
  }

  #readChunk(): Uint8Array {
    let size: number;
    try {
      ({ size } = Deno.statSync(this.#path));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return new Uint8Array();
      throw error;
    }
    if (size <= this.#offset) return new Uint8Array();
    if (size - this.#offset > MAX_LOOK_BYTES) {
      this.#offset = size - MAX_LOOK_BYTES;
      this.#begun = null;
    }
    const chunk = new Uint8Array(size - this.#offset);
    using file = Deno.openSync(this.#path);
    file.seekSync(this.#offset, Deno.SeekMode.Start);
    const count = file.readSync(chunk) ?? 0;
    this.#offset += count;
    return chunk.subarray(0, count);
  }

  /** The line that ends with `rest`; null if it is too long. The next one begins behind it. */
  #complete(rest: Uint8Array): string | null {
    this.#keep(rest);
    const line = this.#begun;
    this.#begun = new Uint8Array();
    return line === null ? null : new TextDecoder().decode(line);
  }

  #keep(bytes: Uint8Array): void {
    if (this.#begun === null || bytes.length === 0) return;
    if (this.#begun.length + bytes.length > MAX_PROGRESS_LINE_BYTES) {
      this.#begun = null;
      return;
    }
    const joined = new Uint8Array(this.#begun.length + bytes.length);
    joined.set(this.#begun);
    joined.set(bytes, this.#begun.length);
    this.#begun = joined;
  }
}
