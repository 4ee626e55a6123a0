/**
 * What a worker tells about itself: a line an event, with the time, in its own file beside the output of the attempts.
 */

import { dirname, join } from "node:path";
import { printableLine } from "../core/printable.ts";
import { createPrivateFolder } from "../home/home.ts";
import type { OutputPlace } from "../home/output_files.ts";

/** A file of this size is put aside once; the one put aside before is dropped. */
const MAX_LOG_BYTES = 8 * 1024 * 1024;

/** Appends lines; a log that can't be written never stops a worker. */
export class WorkerLog {
  readonly #path: string;
  readonly #isEchoed: boolean;
  #file: Deno.FsFile | null = null;
  #sizeBytes = 0;

  /** `isEchoed` writes every line to stderr as well, for service managers and containers. */
  constructor({ home, storeUid }: OutputPlace, options: { workerId: number; isEchoed: boolean }) {
    this.#path = join(home.logsDir, storeUid, `worker-${options.workerId}.log`);
    this.#isEchoed = options.isEchoed;
    createPrivateFolder(dirname(this.#path));
  }

  /** Adds a line; control characters in it are escaped, so that it stays one. */
  write(text: string): void {
    const line = new TextEncoder().encode(`${new Date().toISOString()} ${printableLine(text)}\n`);
    try {
      if (this.#isEchoed) Deno.stderr.writeSync(line);
      if (this.#sizeBytes > MAX_LOG_BYTES) this.#putAside();
      this.#file ??= Deno.openSync(this.#path, { create: true, append: true, mode: 0o600 });
      for (let written = 0; written < line.length;) written += this.#file.writeSync(line.subarray(written));
      this.#sizeBytes += line.length;
    } catch {
      // A full disk or a closed terminal: the jobs matter more than the log.
    }
  }

  #putAside(): void {
    this.#file?.close();
    this.#file = null;
    Deno.renameSync(this.#path, `${this.#path}.1`);
    this.#sizeBytes = 0;
  }
}
