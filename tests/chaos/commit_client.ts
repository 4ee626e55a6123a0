/**
 * A client process that commits one job after the other and measures how long each commit takes.
 *
 * Arguments: the store's file. Prints `ready`; reads a line of JSON, the commands by id; commits each in a
 * transaction of its own; prints a `CommitReport` as a line of JSON.
 */

import { newJobFrom } from "../../src/core/job_input.ts";
import { readConfig } from "../../src/core/config.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import type { ChaosJob } from "./ground.ts";

/** As in `main.ts`: how long a command waits for another process's transaction before it gives up. */
const LOCK_TIMEOUT_MS = 60_000;

/** What a client has achieved. */
export interface CommitReport {
  /** One for each job that was stored, in order. */
  readonly latenciesMs: readonly number[];
  /** What went wrong; null if nothing did. */
  readonly error: string | null;
}

if (import.meta.main) await main(Deno.args[0]!);

async function main(path: string): Promise<void> {
  tell("ready");
  const jobs: ChaosJob[] = JSON.parse(await readLine());
  const latenciesMs: number[] = [];
  let error: string | null = null;
  try {
    const store = await SqliteStore.open(path, { durability: "full", lockTimeoutMs: LOCK_TIMEOUT_MS });
    const config = readConfig(await store.settings());
    for (const job of jobs) {
      const now = Date.now();
      const defaults = { config, cwd: String(job.cwd), now, newId: () => job.id };
      const askedAtMs = performance.now();
      await store.enqueue([newJobFrom(job, defaults)], now);
      latenciesMs.push(performance.now() - askedAtMs);
    }
    await store.close();
  } catch (cause) {
    error = cause instanceof Error ? cause.message : String(cause);
  }
  tell(JSON.stringify({ latenciesMs, error } satisfies CommitReport));
}

async function readLine(): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of Deno.stdin.readable) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes("\n")) break;
  }
  return text;
}

function tell(line: string): void {
  const bytes = new TextEncoder().encode(`${line}\n`);
  // A pipe may take less than all at once.
  for (let written = 0; written < bytes.length;) written += Deno.stdout.writeSync(bytes.subarray(written));
}

/** Such a client, as its parent sees it. */
export class CommitClient {
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  #unread = "";

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Starts `count` clients and lets `work` have them once all are ready; leaves none behind. */
  static async use<T>(
    options: { count: number; dbPath: string },
    work: (clients: readonly CommitClient[]) => Promise<T>,
  ): Promise<T> {
    const self = new URL(import.meta.url).pathname;
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--quiet", "--allow-read", "--allow-write", self, options.dbPath],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    });
    const clients = Array.from({ length: options.count }, () => new CommitClient(command.spawn()));
    try {
      for (const client of clients) await client.#readLine();
      return await work(clients);
    } finally {
      for (const client of clients) await client.#end();
    }
  }

  /** Lets it commit these jobs; returns how that went. */
  async commit(jobs: readonly ChaosJob[]): Promise<CommitReport> {
    const writer = this.#child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(`${JSON.stringify(jobs)}\n`));
    writer.releaseLock();
    return JSON.parse(await this.#readLine());
  }

  async #readLine(): Promise<string> {
    while (!this.#unread.includes("\n")) {
      const { done, value } = await this.#lines.read();
      if (done) throw new Error("A client ended without a word");
      this.#unread += value;
    }
    const [line, ...rest] = this.#unread.split("\n");
    this.#unread = rest.join("\n");
    return line!;
  }

  async #end(): Promise<void> {
    await this.#lines.cancel();
    await this.#child.stdin.abort().catch(() => {});
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.#child.status;
  }
}
