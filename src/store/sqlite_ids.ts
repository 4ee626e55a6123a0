/**
 * Looks at the ids of jobs in a SQLite file, each through an index.
 */

import type { JobState } from "../core/job.ts";
import { behindPrefix, type JobGlimpse, type JobIds } from "../core/job_ids.ts";
import type { Connection, Row } from "./connection.ts";

/** The ids of the jobs in the file behind `db`. */
export class SqliteIds implements JobIds {
  readonly #db: Connection;

  constructor(db: Connection) {
    this.#db = db;
  }

  startingWith(prefix: string, limit: number): Promise<JobGlimpse[]> {
    const end = behindPrefix(prefix);
    return this.#db.read(() =>
      (end === null ? this.#db.all(IDS_FROM, prefix, limit) : this.#db.all(IDS_BETWEEN, prefix, end, limit))
        .map(glimpseFromRow)
    );
  }

  newest(limit: number, state?: JobState): Promise<JobGlimpse[]> {
    return this.#db.read(() =>
      (state === undefined ? this.#db.all(NEWEST, limit) : this.#db.all(NEWEST_OF_STATE, state, limit))
        .map(glimpseFromRow)
    );
  }

  queues(prefix: string, limit: number): Promise<string[]> {
    const end = behindPrefix(prefix);
    return this.#db.read(() =>
      (end === null
        ? this.#db.all(QUEUES_FROM, prefix, limit)
        : this.#db.all(QUEUES_BETWEEN, prefix, end, limit))
        .map((row) => row.queue as string)
    );
  }
}

function glimpseFromRow(row: Row): JobGlimpse {
  return { id: row.id as string, state: row.state as JobState, command: row.command as string };
}

const GLIMPSE = "SELECT id, state, substr(command, 1, 80) AS command FROM jobs";

/** Jobs whose ids lie between two texts, by the index of the ids and no further than asked. */
export const IDS_BETWEEN = `${GLIMPSE} WHERE id >= ? AND id < ? ORDER BY id LIMIT ?`;

const IDS_FROM = `${GLIMPSE} WHERE id >= ? ORDER BY id LIMIT ?`;

const NEWEST = `${GLIMPSE} ORDER BY seq DESC LIMIT ?`;

/** The newest jobs of a state. */
export const NEWEST_OF_STATE = `${GLIMPSE} WHERE state = ? ORDER BY seq DESC LIMIT ?`;

const QUEUES_FROM = "SELECT DISTINCT queue FROM queue_counters WHERE queue >= ? ORDER BY queue LIMIT ?";

/** The queues whose names lie between two texts. */
export const QUEUES_BETWEEN = `
  SELECT DISTINCT queue FROM queue_counters WHERE queue >= ? AND queue < ? ORDER BY queue LIMIT ?`;
