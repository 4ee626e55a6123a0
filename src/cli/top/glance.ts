/**
 * What `top` shows: everything that the store can tell quickly, whatever it holds.
 */

import type { JobState } from "../../core/job.ts";
import type { JobOrder, JobSummary, QueueDepth } from "../../core/reports.ts";
import type { JobCounts, Store } from "../../core/store.ts";
import type { WorkerRecord } from "../../core/worker_record.ts";
import type { Home } from "../../home/home.ts";
import { seemsPresent } from "../../home/worker_presence.ts";
import { STRETCH_MS, STRETCHES, Throughput } from "./throughput.ts";

/** The lists of jobs, in the order in which the key goes through them. */
export const LISTS = ["now", "failures", "finished"] as const;

/** Which jobs are listed: what runs and comes next, what failed, or what ended last. */
export type ListName = typeof LISTS[number];

/** A worker, and whether its process is there. */
export interface SeenWorker {
  readonly worker: WorkerRecord;
  readonly isPresent: boolean;
  /** How many of its slots run a job. */
  readonly busySlots: number;
}

/** Everything on the screen, as it was at one moment. */
export interface Glance {
  readonly at: number;
  readonly counts: JobCounts;
  readonly workers: readonly SeenWorker[];
  readonly queues: readonly QueueDepth[];
  readonly queueTotal: number;
  readonly jobs: readonly JobSummary[];
  /** Ends a minute, and failures among them. */
  readonly perMinute: { readonly ended: number; readonly failed: number };
  /** Ends in the stretches of the last minutes, oldest first. */
  readonly recent: readonly number[];
}

const MAX_QUEUES = 50;
const MAX_RUNNING = 200;
/** So many of a part of the list are fetched; nobody scrolls further in what changes every moment. */
const MAX_LISTED = 150;
const PAGE = 1000;
/** If more has happened since the last look, it isn't read entry by entry. */
const MAX_PAGES = 5;
const TALLIED_ATTEMPTS = 5000;

/** Takes one glance after the other. */
export class Glancer {
  readonly #store: Store;
  readonly #home: Home;
  readonly #throughput = new Throughput();
  #afterId: number | null = null;

  constructor(store: Store, home: Home) {
    this.#store = store;
    this.#home = home;
  }

  /** Looks at the store. `search` is in the ids or commands of the jobs that are listed; empty: all. */
  async take(list: ListName, search: string): Promise<Glance> {
    const at = Date.now();
    await this.#count(at);
    const { reports, backlog } = this.#store;
    const running = await reports.running(MAX_RUNNING);
    const { queues, total } = await reports.queueDepths(MAX_QUEUES);
    const jobs = list === "now"
      ? [...running.filter(has(search)), ...await this.#waiting(search)]
      : list === "failures"
      ? await this.#failures(search)
      : await this.#page(["completed", "dead", "cancelled"], "finished", search);
    return {
      at,
      counts: await backlog.counts([]),
      workers: await this.#workers(running),
      queues,
      queueTotal: total,
      jobs,
      perMinute: this.#throughput.perMinute(at),
      recent: this.#throughput.recent(at),
    };
  }

  /** Counts what has ended since the last glance. */
  async #count(now: number): Promise<void> {
    for (let page = 0; this.#afterId !== null && page < MAX_PAGES; page++) {
      const entries = await this.#store.events(this.#afterId, PAGE);
      this.#throughput.addEntries(entries);
      this.#afterId = entries.at(-1)?.id ?? this.#afterId;
      if (entries.length < PAGE) return;
    }
    this.#throughput.clear();
    this.#afterId = await this.#store.reports.lastEntryId();
    const stretch = Math.floor(now / STRETCH_MS) - STRETCHES + 1;
    const window = { fromMs: stretch * STRETCH_MS, toMs: now, stretchMs: STRETCH_MS };
    const slice = await this.#store.reports.tally(null, { ...window, limit: TALLIED_ATTEMPTS });
    this.#throughput.addTallies(slice.tallies);
  }

  async #workers(running: readonly JobSummary[]): Promise<SeenWorker[]> {
    return (await this.#store.workers()).map((worker) => ({
      worker,
      isPresent: seemsPresent(this.#home, worker),
      busySlots: running.filter((job) => job.workerId === worker.id).length,
    }));
  }

  async #waiting(search: string): Promise<JobSummary[]> {
    return [
      ...await this.#page(["failed"], "created", search),
      ...await this.#page(["pending"], "created", search),
    ];
  }

  async #failures(search: string): Promise<JobSummary[]> {
    return [
      ...await this.#page(["failed"], "created", search),
      ...await this.#page(["dead"], "finished", search),
    ];
  }

  async #page(states: JobState[], order: JobOrder, search: string): Promise<readonly JobSummary[]> {
    const direction = order === "finished" ? "descending" : "ascending";
    const asked = { states, order, direction, from: null, limit: MAX_LISTED } as const;
    return (await this.#store.reports.page(search === "" ? asked : { ...asked, search })).jobs;
  }
}

/** Whether a job has `search` in its id or command, whatever the case of the letters. */
function has(search: string): (job: JobSummary) => boolean {
  const wanted = search.toLowerCase();
  return ({ id, command }) => id.toLowerCase().includes(wanted) || command.toLowerCase().includes(wanted);
}
