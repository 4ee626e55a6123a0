/**
 * Passes on what a command prints while it prints it, byte for byte.
 */

import type { OutputPaths } from "../home/output_files.ts";
import { SignalFlag } from "../home/signal_flag.ts";

const CHUNK_BYTES = 65_536;
/** How long something printed may go unnoticed where files can't be watched. */
const SAFETY_LOOK_MS = 200;
const FILE_LOOK_MS = 10;

/** Where bytes go; resolves when all are taken. */
export type Sink = (bytes: Uint8Array) => Promise<void>;

/** Passes on the output of one attempt, until it is told that no more can come. */
export class OutputPump {
  readonly #pipes: readonly FilePipe[];
  readonly #done: Promise<void>;
  #watcher: Deno.FsWatcher | null = null;
  #isFinishing = false;

  /**
   * Of each file at most `maxBytes` are passed on, which is what a worker keeps. The files must exist or be made
   * by and by.
   */
  constructor(paths: OutputPaths, sinks: { stdout: Sink; stderr: Sink }, maxBytes: number) {
    this.#pipes = [
      new FilePipe(paths.stdout, sinks.stdout, maxBytes),
      new FilePipe(paths.stderr, sinks.stderr, maxBytes),
    ];
    this.#follow(paths).catch(() => {}); // the pipes look by themselves, too
    this.#done = Promise.all(this.#pipes.map((pipe) => pipe.run())).then(() => {});
    this.#done.catch(() => {}); // told by `finish` and `failure`
  }

  /** Rejects when the output can't be passed on, because nobody reads it any more, for one. */
  get failure(): Promise<void> {
    return this.#done;
  }

  /** Whether as much was passed on as is kept: whatever was printed beyond that is lost. */
  get isFull(): boolean {
    return this.#pipes.some((pipe) => pipe.isFull);
  }

  /** The command has ended: passes on the rest, and returns when all of it is taken. */
  async finish(): Promise<void> {
    this.#isFinishing = true;
    try {
      this.#watcher?.close();
    } catch {
      // It had ended by itself.
    }
    for (const pipe of this.#pipes) pipe.finish();
    await this.#done;
  }

  async #follow(paths: OutputPaths): Promise<void> {
    this.#watcher = await this.#watch(paths);
    const look = () => this.#pipes.forEach((pipe) => pipe.look());
    look(); // at what was printed before we watched
    for await (const _ of this.#watcher ?? []) look();
  }

  /** Watches the files once they are there, which is soon after the claim; null if it is all over before. */
  async #watch(paths: OutputPaths): Promise<Deno.FsWatcher | null> {
    while (!this.#isFinishing) {
      try {
        return Deno.watchFs([paths.stdout, paths.stderr]);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
        await new Promise((resolve) => setTimeout(resolve, FILE_LOOK_MS));
      }
    }
    return null;
  }
}

/** One growing file and where it goes. */
class FilePipe {
  readonly #path: string;
  readonly #sink: Sink;
  readonly #maxBytes: number;
  #offset = 0;
  #isFinishing = false;
  readonly #news = new SignalFlag();

  constructor(path: string, sink: Sink, maxBytes: number) {
    this.#path = path;
    this.#sink = sink;
    this.#maxBytes = maxBytes;
  }

  get isFull(): boolean {
    return this.#offset >= this.#maxBytes;
  }

  /** Something may have come. */
  look(): void {
    this.#news.raise();
  }

  /** Nothing more will come. */
  finish(): void {
    this.#isFinishing = true;
    this.#news.raise();
  }

  async run(): Promise<void> {
    let isLast: boolean;
    do {
      isLast = this.#isFinishing; // asked before the file is read to its end
      await this.#passOn();
      if (!isLast) await this.#news.wait(SAFETY_LOOK_MS);
    } while (!isLast);
  }

  async #passOn(): Promise<void> {
    let file: Deno.FsFile;
    try {
      file = Deno.openSync(this.#path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw error;
    }
    try {
      file.seekSync(this.#offset, Deno.SeekMode.Start);
      while (this.#offset < this.#maxBytes) {
        const chunk = new Uint8Array(Math.min(CHUNK_BYTES, this.#maxBytes - this.#offset));
        const count = file.readSync(chunk) ?? 0;
        if (count === 0) return;
        this.#offset += count;
        await this.#sink(chunk.subarray(0, count));
      }
    } finally {
      file.close();
    }
  }
}
