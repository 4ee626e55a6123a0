/**
 * A client process that enqueues jobs one after the other, with a durability of its own choice.
 *
 * Arguments: the store's file, `full` or `normal`, a prefix for the ids, how many. Prints `Enqueued job
 * ID` for each, as the program does.
 */

import { SqliteStore } from "../../src/store/sqlite.ts";

if (import.meta.main) {
  const [path, durability, prefix, count] = Deno.args as [string, "full" | "normal", string, string];
  const store = await SqliteStore.open(path, { durability, lockTimeoutMs: 60_000 });
  for (let index = 0; index < Number(count); index++) {
    const id = `${prefix}-${index}`;
    const now = Date.now();
    await store.enqueue([{
      ...{ id, command: "true", queue: "default", priority: 0, maxRetries: 3, timeoutMs: 60_000 },
      ...{ backoffBase: 2, cwd: "/", env: {}, runAt: now },
    }], now);
    Deno.stdout.writeSync(new TextEncoder().encode(`Enqueued job ${id}\n`));
  }
  await store.close();
}
