/**
 * The program: joins the parts, runs the command line, and exits.
 */

import { runCli } from "./src/cli/cli.ts";
import type { Wiring } from "./src/cli/context.ts";
import { printError } from "./src/cli/output.ts";
import { QueueError } from "./src/core/errors.ts";
import type { CheckWorkers } from "./src/store/migrate.ts";

/** How long a command waits for another process's transaction before it gives up. */
const LOCK_TIMEOUT_MS = 60_000;

const wiring: Wiring = {
  async openStore(home, options) {
    // A limit on the size of files is to be met as an error that can be told, not as the end of the process.
    Deno.addSignalListener("SIGXFSZ", () => {});
    const { SqliteStore } = await import("./src/store/sqlite.ts");
    const checkWorkers: CheckWorkers = async (registered) => {
      await (await import("./src/worker/upgrade.ts")).refuseWhileTheyWork(home, registered);
    };
    return await SqliteStore.open(home.dbPath, { lockTimeoutMs: LOCK_TIMEOUT_MS, checkWorkers, ...options });
  },
  async workers() {
    const [launch, stop, fleet] = await Promise.all([
      import("./src/worker/launch.ts"),
      import("./src/worker/stop.ts"),
      import("./src/worker/fleet.ts"),
    ]);
    return { ...launch, ...stop, ...fleet };
  },
  async web() {
    return await import("./src/web/server.ts");
  },
  async engineVersion() {
    return (await import("./src/store/engine_version.ts")).engineVersion();
  },
};

async function main(): Promise<number> {
  try {
    return await runCli(Deno.args, wiring);
  } catch (error) {
    // Whoever read our output has had enough, as in `queuectl list | head`.
    if (error instanceof Deno.errors.BrokenPipe) return 0;
    if (Deno.env.get("QUEUECTL_DEBUG") === "1") throw error;
    if (error instanceof QueueError) {
      const { cureFor } = await import("./src/core/suggest.ts");
      printError(error.message, cureFor(error));
      return error.exitStatus;
    }
    const why = error instanceof Error ? error.message : String(error);
    printError(
      `queuectl failed unexpectedly: ${why}`,
      "the same with QUEUECTL_DEBUG=1, and report what it prints",
    );
    return 1;
  }
}

Deno.exit(await main());
