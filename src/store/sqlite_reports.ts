/**
 * The dashboards' views of the store in SQLite.
 *
 * A page is found in two steps: an index gives the `seq`s of the next jobs in the order asked for, a thousand or a
 * few at a time; then the conditions that no index knows (queue, search) are tried on these rows alone. Between two
 * such looks the program's other work gets its turn.
 */

import type { Attempt } from "../core/attempt.ts";
import type { LogEntry } from "../core/event.ts";
import { JOB_STATES, type JobState } from "../core/job.ts";
import type {
  ArrivalRange,
  EndTally,
  JobSummary,
  ListingFilter,
  ListingPlace,
  Page,
  PageRequest,
  QueueDepth,
  StoreReports,
  TallySlice,
} from "../core/reports.ts";
import * as attempts from "./attempts_table.ts";
import type { Connection, Row } from "./connection.ts";
import * as events from "./events_table.ts";
import { NEXT_RUN_AT, NEXT_RUN_AT_OF_ALL } from "./jobs_table.ts";
import * as sql from "./reports_sql.ts";

/** How many jobs one look tries a condition on, and how many looks a page gets. */
const LOOK_SIZE = 2500;
const MAX_LOOKS = 20;
/** How far the search for the oldest ready job goes. */
const READY_LOOK = 1000;

const IN_ORDER_OF_ARRIVAL = { order: "created", direction: "ascending", from: null } as const;

/** `StoreReports` over a connection. */
export class SqliteReports implements StoreReports {
  readonly #db: Connection;

  constructor(db: Connection) {
    this.#db = db;
  }

  async page(request: PageRequest): Promise<Page> {
    const isFiltered = request.queue !== undefined || request.search !== undefined ||
      (request.order !== "created" && request.states !== undefined);
    const size = isFiltered ? LOOK_SIZE : request.limit + 1;
    const found: JobSummary[] = [];
    let place = request.from;
    for (let look = 0; look < MAX_LOOKS; look++) {
      if (look > 0) await new Promise((resolve) => setTimeout(resolve, 0));
      const wanted = request.limit + 1 - found.length;
      const seen = await this.#db.read(() => this.#look(request, { place, size, wanted }));
      found.push(...seen.jobs);
      if (found.length > request.limit) {
        const jobs = found.slice(0, request.limit);
        return { jobs, end: placeOf(jobs.at(-1)!, request), isPartial: false };
      }
      place = seen.end;
      if (place === null) return { jobs: found, end: null, isPartial: false };
    }
    return { jobs: found, end: place, isPartial: true };
  }

  /** Tries the next `size` jobs behind `place`; `end` is the last of them, null if there are no more. */
  #look(
    request: PageRequest,
    { place, size, wanted }: { place: ListingPlace | null; size: number; wanted: number },
  ): { jobs: JobSummary[]; end: ListingPlace | null } {
    const places = this.#places(request, place, size);
    if (places.length === 0) return { jobs: [], end: null };
    const rows = this.#db.all(sql.MATCHING_ROWS, ...matchingValues(places, request));
    const bySeq = new Map(rows.map((row) => [row.seq, row]));
    const jobs = places.map(({ seq }) => bySeq.get(seq)).filter((row) => row !== undefined)
      .slice(0, wanted).map(summaryFromRow);
    return { jobs, end: places.length < size ? null : places.at(-1)! };
  }

  /** The next `size` jobs behind `place`, whatever their queue and text. */
  #places(request: PageRequest, place: ListingPlace | null, size: number): ListingPlace[] {
    const sign = request.direction === "ascending" ? 1 : -1;
    return sql.placesBehind(request, place, size)
      .flatMap((statement) => this.#db.all(statement.sql, ...statement.values))
      .map((row) => ({ seq: row.seq as number, time: row.time as number }))
      .sort((a, b) => sign * (a.time - b.time || a.seq - b.seq))
      .slice(0, size);
  }

  async countMatching(
    filter: ListingFilter,
    { afterSeq, upToSeq }: ArrivalRange,
  ): Promise<{ count: number; end: number | null }> {
    const request = { ...filter, ...IN_ORDER_OF_ARRIVAL, limit: LOOK_SIZE };
    let count = 0;
    let end = afterSeq;
    for (let look = 0; look < MAX_LOOKS; look++) {
      if (look > 0) await new Promise((resolve) => setTimeout(resolve, 0));
      const seen = await this.#db.read(() => {
        const places = this.#places(request, { seq: end, time: 0 }, LOOK_SIZE);
        const within = places.filter(({ seq }) => seq <= upToSeq);
        const { jobs } = this.#db.get(sql.MATCHING_COUNT, ...matchingValues(within, filter))!;
        const isLast = within.length < LOOK_SIZE;
        return { jobs: jobs as number, end: isLast ? null : within.at(-1)!.seq };
      });
      count += seen.jobs;
      if (seen.end === null) return { count, end: null };
      end = seen.end;
    }
    return { count, end };
  }

  newestSeq(): Promise<number> {
    return this.#db.read(() => (this.#db.get(sql.NEWEST_SEQ)!.seq ?? 0) as number);
  }

  count(states: readonly JobState[] | undefined, queue: string | undefined): Promise<number> {
    return this.#db.read(() =>
      this.#db.all(sql.COUNTS_OF_QUEUE, queue ?? null, queue ?? null)
        .filter((row) => states === undefined || states.includes(row.state as JobState))
        .reduce((sum, row) => sum + (row.jobs as number), 0)
    );
  }

  queueDepths(limit: number): Promise<{ queues: QueueDepth[]; total: number }> {
    return this.#db.snapshot(() => ({
      queues: this.#db.all(sql.QUEUE_DEPTHS, limit).map((row) => ({
        queue: row.queue as string,
        counts: Object.fromEntries(JOB_STATES.map((state) => [state, row[state]])) as Record<
          JobState,
          number
        >,
      })),
      total: this.#db.get(sql.QUEUE_TOTAL)!.total as number,
    }));
  }

  oldestReadyAt(queue: string | null, now: number): Promise<number | null> {
    const [ready, due, values] = queue === null
      ? [sql.OLDEST_READY_OF_ALL, NEXT_RUN_AT_OF_ALL, []]
      : [sql.OLDEST_READY, NEXT_RUN_AT, [queue]];
    return this.#db.read(() => {
      const times = [this.#db.get(ready, ...values, READY_LOOK), this.#db.get(due, ...values)]
        .map((row) => row!.run_at as number | null);
      // Jobs become ready when somebody claims; without a worker, those whose time has come wait among the later.
      const waiting = times.filter((time): time is number => time !== null && time <= now);
      return waiting.length === 0 ? null : Math.min(...waiting);
    });
  }

  dueLater(now: number, limit: number): Promise<JobSummary[]> {
    return this.#db.read(() => this.#db.all(sql.DUE_LATER, now, limit).map(summaryFromRow));
  }

  running(limit: number): Promise<JobSummary[]> {
    return this.#db.read(() => this.#db.all(sql.PROCESSING, limit).map(summaryFromRow));
  }

  newestAttempts(jobSeq: number, limit: number): Promise<Attempt[]> {
    return this.#db.read(() =>
      this.#db.all(attempts.NEWEST_ATTEMPTS_OF_JOB, jobSeq, limit).map(attempts.attemptFromRow).reverse()
    );
  }

  attemptsBefore(before: number | null, limit: number): Promise<Attempt[]> {
    return this.#db.read(() =>
      this.#db.all(attempts.ATTEMPTS_BEFORE, before ?? Number.MAX_SAFE_INTEGER, limit)
        .map(attempts.attemptFromRow)
    );
  }

  tally(
    before: number | null,
    options: { fromMs: number; toMs: number; stretchMs: number; limit: number },
  ): Promise<TallySlice> {
    const { fromMs, toMs, stretchMs, limit } = options;
    return this.#db.snapshot(() => {
      const slice = this.#db.get(sql.SLICE_OF_ATTEMPTS, before ?? Number.MAX_SAFE_INTEGER, limit)!;
      if (slice.first_id === null) return { tallies: [], latestAt: null, before: null };
      const rows = this.#db.all(sql.TALLIES, stretchMs, slice.first_id!, slice.last_id!, fromMs, toMs);
      return {
        tallies: rows.map((row) => ({
          stretch: row.stretch as number,
          outcome: row.outcome as EndTally["outcome"],
          count: row.count as number,
          totalMs: row.total_ms as number,
        })),
        latestAt: slice.latest_at as number,
        before: slice.count as number < limit ? null : slice.first_id as number,
      };
    });
  }

  lastEntryId(): Promise<number> {
    return this.#db.read(() => (this.#db.get(events.LAST_ENTRY_ID)!.id ?? 0) as number);
  }

  entriesBefore(entries: readonly LogEntry[]): Promise<(LogEntry | null)[]> {
    return this.#db.read(() =>
      entries.map(({ jobSeq, jobId, id }) => {
        const row = jobSeq === null ? undefined : this.#db.get(events.EVENT_BEFORE, id);
        return row === undefined ? null : events.entryFromRow({ ...row, job_id: jobId });
      })
    );
  }
}

/** The parameters with which the statements try `filter` on the jobs at these places. */
function matchingValues(places: readonly ListingPlace[], filter: ListingFilter): (string | null)[] {
  const { states, queue = null, search = null } = filter;
  const seqs = JSON.stringify(places.map(({ seq }) => seq));
  return sql.matchingValues(seqs, {
    ...{ queue, search },
    states: states === undefined ? null : JSON.stringify(states),
  });
}

/** Where a job stands in the order of `request`. */
function placeOf(job: JobSummary, { order }: PageRequest): ListingPlace {
  const time = order === "finished" ? job.finishedAt : order === "due" ? job.runAt : 0;
  return { seq: job.seq, time: time ?? 0 };
}

function summaryFromRow(row: Row): JobSummary {
  return {
    seq: row.seq as number,
    id: row.id as string,
    command: row.command as string,
    commandLength: row.command_length as number,
    state: row.state as JobState,
    queue: row.queue as string,
    priority: row.priority as number,
    attempts: row.attempts as number,
    maxRetries: row.max_retries as number,
    createdAt: row.created_at as number,
    updatedAt: row.updated_at as number,
    runAt: row.run_at as number | null,
    claimedAt: row.claimed_at as number | null,
    finishedAt: row.finished_at as number | null,
    workerId: row.worker_id as number | null,
    attemptId: row.attempt_id as number | null,
    isCancelRequested: row.cancel_requested_at !== null,
    progress: attempts.progressFromRow(row),
    lastError: row.last_error as string | null,
  };
}
