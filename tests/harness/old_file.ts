/**
 * Store files as older versions of the program left them.
 */

import { DatabaseSync } from "node:sqlite";
import { APPLICATION_ID } from "../../src/store/migrate.ts";
import { MIGRATIONS } from "../../src/store/migrations/in_order.ts";

/** Writes a file as the program did that knew only the first `version` migrations; `content` is SQL. */
export function writeOldFile(path: string, version: number, content: string): void {
  const db = new DatabaseSync(path);
  for (const migration of MIGRATIONS.slice(0, version)) db.exec(migration);
  db.exec(content);
  db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${version}`);
  db.close();
}
