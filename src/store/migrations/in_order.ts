/**
 * All migrations. Loaded only where one is missing.
 */

import { initial } from "./0001_initial.ts";
import { progress } from "./0002_progress.ts";
import { oneJobWorkers } from "./0003_one_job_workers.ts";
import { fewerIndexes } from "./0004_fewer_indexes.ts";
import { linkedEvents } from "./0005_linked_events.ts";
import { fewerPages } from "./0006_fewer_pages.ts";

/** In order; the nth takes a file from version n - 1 to n. */
export const MIGRATIONS: readonly string[] = [
  initial,
  progress,
  oneJobWorkers,
  fewerIndexes,
  linkedEvents,
  fewerPages,
];
