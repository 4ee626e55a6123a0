/**
 * Brings a database file to the newest schema.
 *
 * Migrations are numbered from 1 and only ever appended; `user_version` says how many a file has had. All that
 * are missing are applied in one transaction, so that a crash or a second migrator leaves none half done.
 */

import { storeError } from "../core/errors.ts";
import type { RegisteredWorker } from "../core/worker_record.ts";
import type { Connection } from "./connection.ts";
import { REGISTERED, registeredFromRow } from "./workers_table.ts";

/** How many migrations there are. */
export const SCHEMA_VERSION = 6;

/** Marks a file as ours: "qctl" in ASCII. */
export const APPLICATION_ID = 0x7163746c;

/** Is told who is registered before the schema of a file is changed, under whoever works; throws to keep it as it is. */
export type CheckWorkers = (registered: readonly RegisteredWorker[]) => Promise<void>;

/**
 * Creates or updates the schema. Throws a `store` error for a newer file and for another program's, and what
 * `checkWorkers` throws, before anything in it is changed.
 */
export async function migrate(connection: Connection, checkWorkers?: CheckWorkers): Promise<void> {
  const registered = await connection.snapshot(() =>
    isCurrent(connection) ? null : registeredWorkers(connection)
  );
  if (registered !== null && registered.length > 0) await checkWorkers?.(registered);
  await connection.useLog();
  if (registered === null) return;
  const { MIGRATIONS } = await import("./migrations/in_order.ts");
  await connection.write((db) => {
    if (isCurrent(connection)) return; // another process was faster
    for (const migration of MIGRATIONS.slice(versionOf(connection))) db.exec(migration);
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
    db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  });
}

function registeredWorkers(connection: Connection): RegisteredWorker[] {
  return versionOf(connection) === 0 ? [] : connection.all(REGISTERED).map(registeredFromRow);
}

function isCurrent(connection: Connection): boolean {
  const version = versionOf(connection);
  const owner = connection.pragma("application_id");
  const isEmpty = version === 0 && owner === 0 &&
    connection.get("SELECT 1 FROM sqlite_schema LIMIT 1") === undefined;
  if (isEmpty) return false;
  if (owner !== APPLICATION_ID) {
    throw storeError(
      `Cannot use ${connection.path}: it is a database of another program`,
      "another file, with --db or QUEUECTL_DB",
    );
  }
  if (version > SCHEMA_VERSION) {
    throw storeError(
      `Cannot use ${connection.path}: it was written by a newer queuectl (schema ${version}, known here: ${SCHEMA_VERSION})`,
      "a newer version of queuectl, or another home with --home",
    );
  }
  return version === SCHEMA_VERSION;
}

function versionOf(connection: Connection): number {
  return connection.pragma("user_version") as number;
}
