/**
 * The SQL of a listing: its shape follows the filter, its values are always bound.
 */

import { FINAL_STATES, type JobState } from "../core/job.ts";
import type { JobFilter } from "../core/store.ts";
import type { Value } from "./connection.ts";

/** A condition and its parameters. */
export interface Condition {
  readonly sql: string;
  readonly values: readonly Value[];
}

/** What `filter` demands of a row of `jobs`; `1` if nothing. Ignores `limit`. */
export function conditionOf(filter: JobFilter): Condition {
  const parts: Condition[] = [];
  const add = (sql: string, ...values: Value[]) => parts.push({ sql, values });
  if (filter.ids !== undefined) add("id IN (SELECT value FROM json_each(?))", JSON.stringify(filter.ids));
  // A final job's last transition is its end, and there is an index by that; `+` keeps the index by state out.
  const isByEnd = filter.updatedBefore !== undefined && areFinal(filter.states);
  if (filter.states !== undefined) {
    // By their ids, jobs are found at once.
    add(
      oneOf(isByEnd || filter.ids !== undefined ? "+state" : "state", filter.states.length),
      ...filter.states,
    );
  }
  if (filter.queue !== undefined) add("queue = ?", filter.queue);
  if (filter.search !== undefined) {
    add("(instr(lower(id), lower(?)) OR instr(lower(command), lower(?)))", filter.search, filter.search);
  }
  if (filter.updatedBefore !== undefined) {
    add(isByEnd ? "finished_at < ?" : "updated_at < ?", filter.updatedBefore);
  }
  if (filter.afterSeq !== undefined) add("seq > ?", filter.afterSeq);
  return {
    sql: parts.map((part) => part.sql).join(" AND ") || "1",
    values: parts.flatMap((part) => part.values),
  };
}

/** The statement that lists matching jobs in order of arrival. */
export function selectJobs(filter: JobFilter): Condition {
  const { sql, values } = conditionOf(filter);
  const limit = filter.limit ?? -1; // for SQLite, a negative limit is none
  return { sql: `SELECT * FROM jobs WHERE ${sql} ORDER BY seq LIMIT ?`, values: [...values, limit] };
}

/** The statement that finds matching jobs to delete, in no particular order, sparing those that are held. */
export function selectDeletable(filter: JobFilter, limit: number): Condition {
  const { sql, values } = conditionOf(filter);
  return {
    sql: `SELECT seq, id, queue, state FROM jobs WHERE state <> 'processing' AND ${sql} LIMIT ?`,
    values: [...values, limit],
  };
}

function oneOf(column: string, count: number): string {
  return `${column} IN (${Array(count).fill("?").join(", ")})`;
}

function areFinal(states: readonly JobState[] | undefined): boolean {
  return states !== undefined &&
    states.every((state) => (FINAL_STATES as readonly JobState[]).includes(state));
}
