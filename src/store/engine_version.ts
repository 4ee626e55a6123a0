/**
 * Which SQLite this is; alone in its file, so that `--version` loads nothing else of the store.
 */

import { DatabaseSync } from "node:sqlite";

/** The version of SQLite that is built into this Deno. */
export function engineVersion(): string {
  const db = new DatabaseSync(":memory:");
  try {
    return String(db.prepare("SELECT sqlite_version() AS version").get()!.version);
  } finally {
    db.close();
  }
}
