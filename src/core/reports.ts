/**
 * Views of the store for dashboards: read-only, cut to what a screen can hold, and flat in cost. None of them looks
 * through all jobs, whatever is asked; where an answer would need that, it says how far it came.
 */

import type { Attempt, Outcome } from "./attempt.ts";
import type { LogEntry } from "./event.ts";
import type { JobState } from "./job.ts";
import type { Progress } from "./progress.ts";

/** A job on one line. What its state doesn't have is null. */
export interface JobSummary {
  readonly seq: number;
  readonly id: string;
  /** The first `SUMMARY_LENGTH` characters of it. */
  readonly command: string;
  /** How long the whole command is, in characters. */
  readonly commandLength: number;
  readonly state: JobState;
  readonly queue: string;
  readonly priority: number;
  readonly attempts: number;
  readonly maxRetries: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly runAt: number | null;
  readonly claimedAt: number | null;
  readonly finishedAt: number | null;
  readonly workerId: number | null;
  readonly attemptId: number | null;
  readonly isCancelRequested: boolean;
  /** What the attempt at hand has reported. */
  readonly progress: Progress | null;
  /** The first `SUMMARY_LENGTH` characters of it. */
  readonly lastError: string | null;
}

/** What a summary keeps of a text, in characters. */
export const SUMMARY_LENGTH = 500;

/** `created`: order of arrival; `finished`: only jobs that have ended, by their end; `due`: only jobs due later. */
export type JobOrder = "created" | "finished" | "due";

/** A place between two jobs of a listing: just beside the one with this `seq`, which has `time` in the order. */
export interface ListingPlace {
  readonly seq: number;
  /** The end or the due time, in ms since the epoch; 0 in order of arrival. */
  readonly time: number;
}

/** Which jobs a listing shows; what is absent doesn't restrict. */
export interface ListingFilter {
  readonly states?: readonly JobState[];
  readonly queue?: string;
  /** Jobs whose id or command contains this, whatever the case of ASCII letters. */
  readonly search?: string;
}

/** A stretch of the order of arrival: jobs behind the one with `afterSeq`, up to the one with `upToSeq`. */
export interface ArrivalRange {
  readonly afterSeq: number;
  readonly upToSeq: number;
}

/** A page of a listing. */
export interface PageRequest extends ListingFilter {
  readonly order: JobOrder;
  readonly direction: "ascending" | "descending";
  /** Begin behind this place; null: at the beginning. */
  readonly from: ListingPlace | null;
  readonly limit: number;
}

/** The jobs of a page, in its order. */
export interface Page {
  readonly jobs: readonly JobSummary[];
  /** Where the looking stopped: the next page begins here. Null if there is nothing behind it. */
  readonly end: ListingPlace | null;
  /** Whether the looking stopped before the page was full, because it had looked at enough jobs. */
  readonly isPartial: boolean;
}

/** What waits in a queue. */
export interface QueueDepth {
  readonly queue: string;
  readonly counts: Readonly<Record<JobState, number>>;
}

/** The ends of attempts within one stretch of time. */
export interface EndTally {
  /** The stretch, counted from the epoch: `floor(time / stretchMs)`. */
  readonly stretch: number;
  readonly outcome: Outcome;
  readonly count: number;
  /** How long these attempts took together. */
  readonly totalMs: number;
}

/** Some attempts, tallied. */
export interface TallySlice {
  readonly tallies: readonly EndTally[];
  /** The latest time at which one of them started or ended; null if there were none. */
  readonly latestAt: number | null;
  /** The id before which to go on; null if there are no earlier attempts. */
  readonly before: number | null;
}

/** The views. Every method is atomic, but for `page` and `countMatching`, which may see changes between two looks. */
export interface StoreReports {
  /** Jobs that match, looking at no more than about 50,000 of them. */
  page(request: PageRequest): Promise<Page>;

  /** How many jobs match these states (absent: all) and this queue (absent: all). Costs the same however many. */
  count(states: readonly JobState[] | undefined, queue: string | undefined): Promise<number>;

  /**
   * How many jobs of a stretch match, looking at no more than about 50,000 of them. `end` is the `seq` behind which
   * to go on counting; null if there is nothing behind it.
   */
  countMatching(filter: ListingFilter, range: ArrivalRange): Promise<{ count: number; end: number | null }>;

  /** The `seq` of the job that arrived last, 0 if there is none. */
  newestSeq(): Promise<number>;

  /** At most `limit` queues, those with the most unfinished jobs first, and how many queues there are. */
  queueDepths(limit: number): Promise<{ queues: QueueDepth[]; total: number }>;

  /**
   * Since when the ready job waits that has waited longest, in this queue (null: all); null if none is ready.
   * Looks at the first thousand in order of arrival: jobs that have been made ready again may hide an older one.
   */
  oldestReadyAt(queue: string | null, now: number): Promise<number | null>;

  /** The next `limit` jobs that are due after `now`, soonest first. */
  dueLater(now: number, limit: number): Promise<JobSummary[]>;

  /** At most `limit` jobs that are processing, in order of arrival. */
  running(limit: number): Promise<JobSummary[]>;

  /** The newest `limit` attempts of a job, oldest first. */
  newestAttempts(jobSeq: number, limit: number): Promise<Attempt[]>;

  /** The newest `limit` attempts of all jobs that came before the one with id `before` (null: all), newest first. */
  attemptsBefore(before: number | null, limit: number): Promise<Attempt[]>;

  /** Tallies the ends in `[fromMs, toMs]` among the newest `limit` attempts before the one with id `before`. */
  tally(
    before: number | null,
    options: { fromMs: number; toMs: number; stretchMs: number; limit: number },
  ): Promise<TallySlice>;

  /** The id of the newest log entry, after which a watcher begins; 0 if there has never been one. */
  lastEntryId(): Promise<number>;

  /** For each of these entries, what the log says next before it about the same job, but for progress; null if nothing. */
  entriesBefore(entries: readonly LogEntry[]): Promise<(LogEntry | null)[]>;
}
