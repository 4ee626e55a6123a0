/**
 * Passes on what a command prints while it prints it, byte for byte.
 *
 * The files are looked at now and then. To be told of each write would stop the program: as long as one file that is
 * watched changes without a pause, as with `yes`, the runtime can't begin to watch another one, and waits for that.
 */

import type { OutputPaths } from "../home/output_files.ts";
import { SignalFlag } from "../home/signal_flag.ts";

const CHUNK_BYTES = 65_536;
/** How soon what comes is noticed: at once while it comes, later when nothing has come for a while. */
const FIRST_LOOK_MS = 5;
const MAX_LOOK_MS = 50;

/** Where bytes go; resolves when all are taken. */
export type Sink = (bytes: Uint8Array) => Promise<void>;

/** Passes on the output of one attempt, until it is told that no more can come. */
export class OutputPump {
  readonly #pipes: readonly FilePipe[];
  readonly #done: Promise<void>;

  /**
   * Of each file at most `maxBytes` are passed on, which is what a worker keeps. The files must exist or be made
   * by and by.
   */
  constructor(paths: OutputPaths, sinks: { stdout: Sink; stderr: Sink }, maxBytes: number) {
    this.#pipes = [
      new FilePipe(paths.stdout, sinks.stdout, maxBytes),
      new FilePipe(paths.stderr, sinks.stderr, maxBytes),
    ];
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
    for (const pipe of this.#pipes) pipe.finish();
    await this.#done;
  }
}

/** One growing file and where it goes. */
class FilePipe {
  readonly #path: string;
  readonly #sink: Sink;
  readonly #maxBytes: number;
  #offset = 0;
  #isFinishing = false;
  readonly #finishing = new SignalFlag();

  constructor(path: string, sink: Sink, maxBytes: number) {
    this.#path = path;
    this.#sink = sink;
    this.#maxBytes = maxBytes;
  }

  get isFull(): boolean {
    return this.#offset >= this.#maxBytes;
  }

  /** Nothing more will come. */
  finish(): void {
    this.#isFinishing = true;
    this.#finishing.raise();
  }

  async run(): Promise<void> {
    let isLast: boolean;
    let pauseMs = FIRST_LOOK_MS;
    do {
      isLast = this.#isFinishing; // asked before the file is read to its end
      const before = this.#offset;
      await this.#passOn();
      pauseMs = this.#offset > before ? FIRST_LOOK_MS : Math.min(pauseMs * 2, MAX_LOOK_MS);
      if (!isLast) await this.#finishing.wait(pauseMs);
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
