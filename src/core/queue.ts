/**
 * The use cases: what the command line and the dashboard can do with a queue.
 *
 * Each checks what a user said, calls the store, and tells the workers when there is something for them.
 */

import type { Attempt } from "./attempt.ts";
import { type Config, CONFIG_KEYS, type ConfigKey, parseSetting, readConfig, resolveKey } from "./config.ts";
import { badInput, conflict, DuplicateIdError, notFound, QueueError } from "./errors.ts";
import { FINAL_STATES, type Job, JOB_STATES, type JobState, type PendingJob } from "./job.ts";
import { newJobFrom } from "./job_input.ts";
import type { PlacedInput } from "./job_source.ts";
import { CANCELLED_FROM, RETRIED_FROM } from "./lifecycle.ts";
import { meantId } from "./meant_job.ts";
import type { ArrivalRange, ListingFilter, ListingPlace } from "./reports.ts";
import { callFor } from "./shell_words.ts";
import type { JobCounts, JobFilter, OutputRef, Store } from "./store.ts";

/** What the use cases need from outside the core. */
export interface QueuePorts {
  readonly store: Store;
  /** ms since the epoch. */
  readonly now: () => number;
  /** An id for a job that was given none. */
  readonly newId: () => string;
  /** Tells idle workers to look for work. */
  readonly wake: () => void;
  /** Deletes the output of attempts. */
  readonly deleteOutput: (outputs: readonly OutputRef[]) => void;
}

/** A key with its value and where that comes from. */
export interface ConfigEntry {
  readonly key: ConfigKey;
  readonly value: number | string;
  /** Whether a user has set it. */
  readonly isSet: boolean;
}

/** What can be done with many jobs at once. */
export type BulkVerb = "retry" | "cancel" | "delete";

/** Whether a change of many jobs, of which so many are done, goes on; it waits for the answer. */
export type MayGoOn = (done: number) => boolean | Promise<boolean>;

/** The states that allow it. */
const STATES_FOR: Readonly<Record<BulkVerb, readonly JobState[]>> = {
  retry: RETRIED_FROM,
  cancel: CANCELLED_FROM,
  delete: JOB_STATES.filter((state) => state !== "processing"),
};

/** How many jobs one transaction of a bulk change touches: it must not keep the workers waiting. */
const BATCH = 1000;

/** A queue, as its users see it. */
export class Queue {
  readonly #ports: QueuePorts;

  constructor(ports: QueuePorts) {
    this.#ports = ports;
  }

  get #store(): Store {
    return this.#ports.store;
  }

  /**
   * Enqueues all jobs or none. `cwd` is where jobs start that name no directory; `onStored` is told now and then
   * how many are done. Throws `conflict` for an id that is taken, with its place in the input.
   */
  async enqueue(
    inputs: readonly PlacedInput[],
    cwd: string,
    options: { readonly onStored?: (count: number) => void } = {},
  ): Promise<PendingJob[]> {
    const { now, newId, wake } = this.#ports;
    const at = now();
    const defaults = { config: await this.config(), cwd, now: at, newId };
    const jobs = inputs.map(({ input }) => newJobFrom(input, defaults));
    try {
      const stored = await this.#store.enqueue(jobs, at, options);
      wake();
      return stored;
    } catch (error) {
      if (!(error instanceof DuplicateIdError)) throw error;
      const where = inputs[error.index]?.where ?? "";
      throw where === "" ? error : conflict(`${where}${error.message}`, error.hint ?? undefined);
    }
  }

  /** The job with this id. Throws `not_found`. */
  async job(id: string): Promise<Job> {
    const job = await this.#store.job(id);
    if (job === null) throw notFound(`There is no job ${id}`, "queuectl list");
    return job;
  }

  /**
   * The id of the job that each of `given` means: a whole id, an unambiguous beginning of one, or `@last`.
   * Throws `not_found` and, where several ids begin so, `bad_input`. `command` is what the user calls.
   */
  async meantIds(given: readonly string[], command?: string): Promise<string[]> {
    const ids: string[] = [];
    for (const word of given) ids.push(await meantId(this.#store, word, command));
    return ids;
  }

  /** The job that `given` means, with the errors of `meantIds`. */
  async meantJob(given: string, command?: string): Promise<Job> {
    return await this.job(await meantId(this.#store, given, command));
  }

  /** The attempts of a job, oldest first. */
  attempts(job: Job): Promise<Attempt[]> {
    return this.#store.attempts(job.seq);
  }

  /** The newest `limit` attempts of all jobs, oldest first. */
  recentAttempts(limit: number): Promise<Attempt[]> {
    return this.#store.recentAttempts(limit);
  }

  /** The jobs that match, in order of arrival, a page at a time. */
  async *pages(filter: JobFilter, pageSize = BATCH): AsyncGenerator<Job[]> {
    let left = filter.limit ?? Infinity;
    let afterSeq = filter.afterSeq ?? 0;
    while (left > 0) {
      const limit = Math.min(pageSize, left);
      const page = await this.#store.jobs({ ...filter, afterSeq, limit });
      if (page.length > 0) yield page;
      if (page.length < limit) return;
      left -= page.length;
      afterSeq = page.at(-1)!.seq;
    }
  }

  /** How many jobs are in each state. */
  counts(): Promise<JobCounts> {
    return this.#store.counts();
  }

  /** Makes failed, dead, cancelled or completed jobs pending now; all of them or none. */
  async retry(ids: readonly string[], options: { keepAttempts: boolean }): Promise<Job[]> {
    const jobs = await this.#store.apply(distinct(ids), { type: "retried", ...options }, this.#ports.now());
    this.#ports.wake();
    return jobs;
  }

  /** The same for jobs of the dead letter queue. Throws `conflict` for one that isn't dead. */
  async retryDead(ids: readonly string[], options: { keepAttempts: boolean }): Promise<Job[]> {
    for (const id of ids) await this.deadJob(id, "retry");
    return await this.retry(ids, options);
  }

  /**
   * Retries the whole dead letter queue, or as much of it as `mayGoOn` allows, which is told how many are done;
   * returns how many jobs that were.
   */
  async retryAllDead(options: { keepAttempts: boolean }, mayGoOn: MayGoOn = () => true): Promise<number> {
    let total = 0;
    for await (const page of this.pages({ states: ["dead"] })) {
      total += await changeThose(
        page.map((job) => job.id),
        async (ids) => (await this.retry(ids, options)).length,
      );
      if (!await mayGoOn(total)) break;
    }
    return total;
  }

  /**
   * Does it to all jobs of a stretch that match and whose state allows it, in order of arrival, or to as many as
   * `mayGoOn` allows, which is told how many are done. `end` is the `seq` behind which to go on; null if all are
   * done. Throws `bad_input` if the filter names a state that doesn't allow it.
   */
  async changeMatching(
    verb: BulkVerb,
    filter: ListingFilter,
    { afterSeq, upToSeq, mayGoOn }: ArrivalRange & { readonly mayGoOn: MayGoOn },
  ): Promise<{ count: number; end: number | null }> {
    const states = statesFor(verb, filter.states);
    const order = { order: "created", direction: "ascending", limit: BATCH } as const;
    let count = 0;
    let from: ListingPlace = { seq: afterSeq, time: 0 };
    while (true) {
      const page = await this.#store.reports.page({ ...filter, states, ...order, from });
      const meant = page.jobs.filter((job) => job.seq <= upToSeq && !job.isCancelRequested);
      count += await changeThose(meant.map(({ id }) => id), (ids) => this.#changeAll(verb, ids, states));
      if (page.end === null || page.end.seq >= upToSeq) return { count, end: null };
      if (!await mayGoOn(count)) return { count, end: page.end.seq };
      from = page.end;
    }
  }

  async #changeAll(verb: BulkVerb, ids: readonly string[], states: readonly JobState[]): Promise<number> {
    if (verb === "retry") return (await this.retry(ids, { keepAttempts: false })).length;
    if (verb === "cancel") return (await this.cancel(ids)).length;
    return await this.clear({ ids, states });
  }

  /** A job of the dead letter queue. Throws `conflict`, saying its state, for one that isn't dead. */
  async deadJob(id: string, verb: "retry" | "show"): Promise<Job> {
    const job = await this.job(id);
    if (job.state === "dead") return job;
    const hint = FINAL_STATES.some((state) => state === job.state)
      ? callFor("retry", id)
      : callFor("status", id);
    throw conflict(`Cannot ${verb} ${id}: it is ${job.state}, not dead`, hint);
  }

  /** Cancels jobs: waiting ones at once, processing ones as soon as their worker has ended the command. */
  async cancel(ids: readonly string[]): Promise<Job[]> {
    const jobs = await this.#store.apply(distinct(ids), { type: "cancel_requested" }, this.#ports.now());
    this.#ports.wake();
    return jobs;
  }

  /** Deletes these jobs, with their output. Throws, and deletes none, if one is unknown or processing. */
  async delete(ids: readonly string[]): Promise<number> {
    for (const id of ids) {
      const { state } = await this.job(id);
      if (state !== "processing") continue;
      throw conflict(`Cannot delete ${id}: it is processing`, callFor("cancel", id));
    }
    return await this.clear({ ids: distinct(ids) });
  }

  /**
   * Deletes the jobs that match, with their output, but none that is processing, or as many as `mayGoOn` allows,
   * which is told how many are done; returns how many.
   */
  async clear(filter: JobFilter, mayGoOn: MayGoOn = () => true): Promise<number> {
    if (filter.states?.includes("processing")) {
      throw badInput(
        "Cannot clear jobs that are processing",
        "queuectl cancel ID, or wait until they have ended",
      );
    }
    let total = 0;
    while (true) {
      const gone = await this.#store.delete(filter, { now: this.#ports.now(), limit: BATCH });
      await deleteNotedOutput(this.#store, this.#ports.deleteOutput);
      total += gone.length;
      if (gone.length === 0 || !await mayGoOn(total)) return total;
    }
  }

  /** The configuration as it is now. */
  async config(): Promise<Config> {
    return readConfig(await this.#store.settings());
  }

  /** All keys, in the order of the listing. */
  async configEntries(): Promise<ConfigEntry[]> {
    const stored = await this.#store.settings();
    const config = readConfig(stored);
    return CONFIG_KEYS.map((key) => ({ key, value: config[key], isSet: stored.has(key) }));
  }

  /** Sets a key, given under any of its names. Throws for an unknown key or a value out of range. */
  async setConfig(name: string, text: string): Promise<ConfigEntry> {
    const named = resolveKey(name, "set");
    const value = parseSetting(named, text);
    await this.#store.setSetting(named.key, String(value));
    this.#ports.wake();
    return { key: named.key, value, isSet: true };
  }

  /** Takes a key back to its default. */
  async resetConfig(name: string): Promise<ConfigEntry> {
    const { key } = resolveKey(name, "reset");
    await this.#store.setSetting(key, null);
    this.#ports.wake();
    return { key, value: (await this.config())[key], isSet: false };
  }
}

/** The states in which jobs are changed so: of those asked for (absent: all), which all have to allow it. */
function statesFor(verb: BulkVerb, asked: readonly JobState[] | undefined): readonly JobState[] {
  const allowed: readonly JobState[] = STATES_FOR[verb];
  const wrong = asked?.find((state) => !allowed.includes(state));
  if (wrong === undefined) return asked ?? allowed;
  throw badInput(`Cannot ${verb} jobs that are ${wrong}`, `jobs that are ${allowed.join(" or ")}`);
}

/**
 * Makes a change, which is of all jobs or none, of those that still allow it: somebody else may be changing them,
 * too. Returns how many those were.
 */
async function changeThose(
  ids: readonly string[],
  change: (ids: readonly string[]) => Promise<number>,
): Promise<number> {
  if (ids.length === 0) return 0;
  try {
    return await change(ids);
  } catch (error) {
    if (!(error instanceof QueueError) || !["conflict", "not_found"].includes(error.code)) throw error;
    if (ids.length === 1) return 0;
    const half = Math.ceil(ids.length / 2);
    return await changeThose(ids.slice(0, half), change) + await changeThose(ids.slice(half), change);
  }
}

/** Deletes the output of jobs that are gone, also of those whose deletion was cut short before. */
export async function deleteNotedOutput(
  store: Store,
  deleteOutput: (outputs: readonly OutputRef[]) => void,
): Promise<void> {
  while (true) {
    const outputs = await store.outputToDelete(BATCH);
    if (outputs.length === 0) return;
    deleteOutput(outputs);
    await store.outputDeleted(outputs);
  }
}

/** A job that is named twice is meant once. */
function distinct(ids: readonly string[]): string[] {
  return [...new Set(ids)];
}
