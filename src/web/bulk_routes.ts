/**
 * The API of many jobs at once: those that are named, all that match, or the whole dead letter queue.
 *
 * What is named is changed all or none. What matches may be a million jobs: it is changed a thousand in a
 * transaction, so that workers get their turn, and as many in a request as fit into its time. Whoever asked goes
 * on asking until all is done, with the `cursor` that was answered: a job that has been retried and has failed
 * again meanwhile is not met twice.
 */

import { type Context, Hono } from "hono";
import { badInput } from "../core/errors.ts";
import { jobJson } from "../core/json_view.ts";
import type { BulkVerb, MayGoOn } from "../core/queue.ts";
import { type MatchingJobs, readChoice, readClearing, readDlqClear, readDlqRetry } from "./change_body.ts";
import { readCursor, writeCursor } from "./cursor.ts";
import { Query } from "./request_query.ts";
import type { Site } from "./site.ts";
import type { JsonObject } from "./views.ts";

/** How long a change of very many jobs goes on in one request. */
const CHANGE_BUDGET_MS = 10_000;
/** How long others have their turn between two parts of it: each part takes several times that. */
const TURN_MS = 5;
/** What the number of changed jobs is called. */
const KEYS = { retry: "retried", cancel: "cancelled", delete: "deleted" } as const;

/** The routes. */
export function bulkRoutes(site: Site): Hono {
  const { queue } = site;
  const routes = new Hono();
  const named: Record<BulkVerb, (ids: string[]) => Promise<JsonObject>> = {
    retry: async (ids) => ({ jobs: (await queue.retry(ids, { keepAttempts: false })).map(jobJson) }),
    cancel: async (ids) => ({ jobs: (await queue.cancel(ids)).map(jobJson) }),
    delete: async (ids) => ({ deleted: await queue.delete(ids) }),
  };
  for (const verb of ["retry", "cancel", "delete"] as const) {
    routes.post(`/jobs/${verb}`, async (context) => {
      const choice = await readChoice(context);
      return context.json(
        choice.ids === null ? await changeMatching(site, verb, choice) : await named[verb](choice.ids),
      );
    });
  }
  routes.get("/counts", async (context) => context.json(await countMatching(site, context)));
  routes.post("/jobs/clear", async (context) => {
    const filter = await readClearing(context, site.now());
    return context.json(await bounded((mayGoOn) => queue.clear(filter, mayGoOn), "deleted"));
  });
  deadLetters(routes, site);
  return routes;
}

function deadLetters(routes: Hono, { queue }: Site): void {
  routes.post("/dlq/retry", async (context) => {
    const { ids, keepAttempts } = await readDlqRetry(context);
    if (ids === null) {
      return context.json(
        await bounded((mayGoOn) => queue.retryAllDead({ keepAttempts }, mayGoOn), "retried"),
      );
    }
    const jobs = await queue.retryDead(ids, { keepAttempts });
    return context.json({ retried: jobs.length, is_complete: true, jobs: jobs.map(jobJson) });
  });
  routes.post("/dlq/clear", async (context) => {
    await readDlqClear(context);
    return context.json(await bounded((mayGoOn) => queue.clear({ states: ["dead"] }, mayGoOn), "deleted"));
  });
}

/** Does as much of a change as fits into one request; whoever asked goes on asking until it is complete. */
async function bounded(
  change: (mayGoOn: MayGoOn) => Promise<number>,
  key: "deleted" | "retried",
): Promise<JsonObject> {
  const budget = new Budget();
  const count = await change(() => budget.mayGoOn());
  return { [key]: count, is_complete: !budget.isSpent };
}

/** The same for all that match, from where the request before has come to. */
async function changeMatching(
  { queue, store }: Site,
  verb: BulkVerb,
  { filter, until, cursor }: MatchingJobs,
): Promise<JsonObject> {
  const budget = new Budget();
  const { count, end } = await queue.changeMatching(verb, filter, {
    afterSeq: seqOf(cursor),
    upToSeq: until ?? await store.reports.newestSeq(),
    mayGoOn: () => budget.mayGoOn(),
  });
  return { [KEYS[verb]]: count, is_complete: end === null, next: nextOf(end) };
}

/** The time of one request. */
class Budget {
  readonly #until = performance.now() + CHANGE_BUDGET_MS;
  /** Whether something had to stop for it. */
  isSpent = false;

  /** Lets others have their turn first: SQLite takes the whole thread for each part of a change. */
  async mayGoOn(): Promise<boolean> {
    await new Promise((resolve) => setTimeout(resolve, TURN_MS));
    this.isSpent = performance.now() > this.#until;
    return !this.isSpent;
  }
}

/** How many jobs match, or how many of those that one request can look at. */
async function countMatching({ store: { reports } }: Site, context: Context): Promise<JsonObject> {
  const query = new Query(new URL(context.req.url).searchParams, ["state", "queue", "search", "cursor"]);
  const [states, queue, search] = [query.states("state"), query.text("queue"), query.text("search")];
  const until = await reports.newestSeq();
  if (search === null) {
    const count = await reports.count(states ?? undefined, queue ?? undefined);
    return { count, until, next: null };
  }
  const filter = { search, ...states && { states }, ...queue !== null && { queue } };
  const range = { afterSeq: seqOf(query.text("cursor")), upToSeq: until };
  const { count, end } = await reports.countMatching(filter, range);
  return { count, until, next: nextOf(end) };
}

function nextOf(end: number | null): string | null {
  return end === null ? null : writeCursor({ isBackwards: false, place: { seq: end, time: 0 } });
}

function seqOf(text: string | null): number {
  const cursor = readCursor(text);
  if (cursor?.isBackwards) throw badInput(`Cannot go on from "${text}": it leads back`, "next of an answer");
  return cursor?.place.seq ?? 0;
}
