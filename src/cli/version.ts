/**
 * `--version`.
 */

import manifest from "../../deno.json" with { type: "json" };
import type { Context } from "./context.ts";

/** Prints the versions of the program and of what it is made with. */
export async function printVersion(context: Context): Promise<void> {
  const versions = {
    queuectl: manifest.version,
    deno: Deno.version.deno,
    sqlite: await context.wiring.engineVersion(),
  };
  if (context.flags.json) return context.output.json(versions);
  context.output.result(`queuectl ${versions.queuectl} (Deno ${versions.deno}, SQLite ${versions.sqlite})`);
}
