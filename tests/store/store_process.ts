/**
 * Another process that uses a store, for tests of what only several processes can show.
 *
 * Arguments: the file, and what to do: `open`, `drain` (claim everything; print the ids) or `die` (begin to
 * write and wait to be killed). Prints `ready`, waits for a line on stdin, acts, prints a line of JSON, and
 * keeps the file open until stdin ends.
 */

import { DatabaseSync } from "node:sqlite";
import { SqliteStore } from "../../src/store/sqlite.ts";
import { claimOrder, T0 } from "../conformance/samples.ts";

if (import.meta.main) await main(Deno.args[0]!, Deno.args[1]!);

async function main(path: string, deed: string): Promise<void> {
  const lines = Deno.stdin.readable[Symbol.asyncIterator]();
  tell("ready");
  await lines.next();
  if (deed === "die") {
    const db = new DatabaseSync(path);
    db.exec("PRAGMA cache_size = 1; BEGIN IMMEDIATE; INSERT INTO config VALUES ('max_retries', '9')");
    db.exec("UPDATE counters SET jobs = 4711");
    tell("writing");
    await lines.next();
    return;
  }
  const store = await SqliteStore.open(path, { durability: "full", lockTimeoutMs: 30_000 });
  tell(deed === "drain" ? await claimOrder(store, { workerId: Deno.pid }, T0) : store.uid);
  await lines.next();
  await store.close();
}

function tell(what: unknown): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(what)}\n`));
}

/** A running process of this kind. */
export class StoreProcess {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<string>;
  #unread = "";
  #hasEnded = false;

  /** Runs `work` with `count` of them, all ready to act; leaves none behind, whatever happens. */
  static async use(
    count: number,
    options: { path: string; deed: "open" | "drain" | "die"; umask?: string },
    work: (processes: readonly StoreProcess[]) => Promise<void>,
  ): Promise<void> {
    const { path, deed, umask } = options;
    const processes = Array.from({ length: count }, () => new StoreProcess(path, deed, umask));
    try {
      for (const process of processes) {
        if (await process.told() !== "ready") throw new Error("The other process is not ready");
      }
      await work(processes);
    } finally {
      for (const process of processes) await process.kill();
    }
  }

  /** `umask` is octal. */
  private constructor(path: string, deed: "open" | "drain" | "die", umask = "022") {
    const self = new URL(import.meta.url).pathname;
    const permissions = ["--allow-read", "--allow-write", "--allow-env"];
    this.#child = new Deno.Command("/bin/sh", {
      args: [
        ...["-c", `umask ${umask} && exec "$@"`, "sh"],
        ...[Deno.execPath(), "run", "--no-prompt", "--quiet", ...permissions, self, path, deed],
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#output = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Lets it act. */
  go(): Promise<void> {
    return this.#input.write(new TextEncoder().encode("go\n"));
  }

  /** The next line that it prints, parsed. */
  async told(): Promise<unknown> {
    while (!this.#unread.includes("\n")) {
      const { done, value } = await this.#output.read();
      if (done) throw new Error("The other process ended without a word");
      this.#unread += value;
    }
    const [line, ...rest] = this.#unread.split("\n");
    this.#unread = rest.join("\n");
    return JSON.parse(line!);
  }

  /** Kills it as the kernel would, if it hasn't ended. */
  async kill(): Promise<void> {
    if (this.#hasEnded) return;
    this.#child.kill("SIGKILL");
    await this.#end();
  }

  /** Lets it end and waits for that; returns its exit status. */
  async end(): Promise<number> {
    await this.#input.close();
    return await this.#end();
  }

  async #end(): Promise<number> {
    this.#hasEnded = true;
    await this.#input.abort().catch(() => {});
    await this.#output.cancel();
    return (await this.#child.status).code;
  }
}
