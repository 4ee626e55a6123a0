/**
 * What the routes have at hand.
 */

import type { Context } from "hono";
import { notFound } from "../core/errors.ts";
import type { Job } from "../core/job.ts";
import type { Queue } from "../core/queue.ts";
import type { Store } from "../core/store.ts";
import type { WorkerView } from "../core/worker_record.ts";
import type { Home } from "../home/home.ts";
import type { Access } from "./access.ts";
import type { Live } from "./live.ts";
import type { OutputWatch } from "./output_watch.ts";
import type { Overview } from "./overview.ts";
import type { Tallies } from "./tallies.ts";

/** What a server and its routes are given. */
export interface SiteOptions {
  readonly store: Store;
  readonly queue: Queue;
  readonly home: Home;
  /** The registered workers. */
  readonly workers: () => Promise<WorkerView[]>;
  /** ms since the epoch. */
  readonly now: () => number;
  readonly version: string;
  /** Where jobs start that name no directory. */
  readonly cwd: string;
  readonly isReadOnly: boolean;
  /** Told of errors that are no fault of a request. */
  readonly onFault: (error: unknown) => void;
}

/** The parts of one server. */
export interface Site extends SiteOptions {
  readonly access: Access;
  /** The values of `Host` that are answered. */
  readonly hosts: ReadonlySet<string>;
  readonly live: Live;
  readonly overview: Overview;
  readonly tallies: Tallies;
  readonly outputs: OutputWatch;
}

/**
 * The id of the job that a path names. No URL can hold the segments `.` and `..`, so `?id=` wins over the path.
 */
export function jobIdOf(context: Context): string {
  return context.req.query("id") ?? context.req.param("id") ?? "";
}

/** The job that a path names. Throws `not_found`. */
export async function jobOf(site: Site, context: Context): Promise<Job> {
  const id = jobIdOf(context);
  if (id === "") throw notFound("There is no job without an id", "queuectl list");
  return await site.queue.job(id);
}
