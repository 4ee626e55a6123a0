/**
 * `init-db`: creates the store, which every other command would do by itself.
 */

import type { Context } from "../context.ts";

/** Says where the store is. */
export async function initDb(context: Context): Promise<void> {
  await context.store();
  if (context.flags.json) context.output.json({ database: context.home.dbPath });
  else context.output.result(`Initialized the database at ${context.home.dbPath}`);
}
