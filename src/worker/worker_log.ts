/**
 * What a worker tells about itself: a line an event, with the time, in its own file under `logs/`.
 */

import { join } from "node:path";
import { printableLine } from "../core/printable.ts";
import type { Home } from "../home/home.ts";

/** A file of this size is put aside once; the one put aside before is dropped. */
const MAX_LOG_BYTES = 8 * 1024 * 1024;

/** Appends lines; a log that can't be written never stops a worker. */
export class WorkerLog {
  readonly #path: string;
  readonly #isEchoed: boolean;
  #sizeBytes = 0;

  /** `isEchoed` writes every line to stderr as well, for service managers and containers. */
  constructor(home: Home, options: { workerId: number; isEchoed: boolean }) {
    this.#path = workerLogPath(home, options.workerId);
    this.#isEchoed = options.isEchoed;
  }

  /** Adds a line; control characters in it are escaped, so that it stays one. */
  write(text: string): void {
    const line = new TextEncoder().encode(`${new Date().toISOString()} ${printableLine(text)}\n`);
    try {
      if (this.#isEchoed) Deno.stderr.writeSync(line);
      if (this.#sizeBytes > MAX_LOG_BYTES) this.#putAside();
      Deno.writeFileSync(this.#path, line, { append: true, mode: 0o600 });
      this.#sizeBytes += line.length;
    } catch {
      // A full disk or a closed terminal: the jobs matter more than the log.
    }
  }

  #putAside(): void {
    Deno.renameSync(this.#path, `${this.#path}.1`);
    this.#sizeBytes = 0;
  }
}

/** The log file of a worker. */
export function workerLogPath(home: Home, workerId: number): string {
  return join(home.logsDir, `worker-${workerId}.log`);
}
