/**
 * The API of jobs: looking, enqueuing, and changing a single one.
 */

import { resolve } from "node:path";
import { type Context, Hono } from "hono";
import { badInput } from "../core/errors.ts";
import { jobJson } from "../core/json_view.ts";
import { parseJobs, type PlacedInput } from "../core/job_source.ts";
import type { JobState } from "../core/job.ts";
import type { JobOrder, ListingPlace, PageRequest } from "../core/reports.ts";
import { readNothing } from "./change_body.ts";
import { type Cursor, readCursor, writeCursor } from "./cursor.ts";
import { MAX_JOBS_BYTES, readText } from "./request_body.ts";
import { Query } from "./request_query.ts";
import { jobIdOf, jobOf, type Site } from "./site.ts";
import { attemptWithId, type JsonObject, summaryJson } from "./views.ts";

const DEFAULT_PAGE = 50;
const MAX_PAGE = 200;
const MAX_ATTEMPTS = 200;

const SORTS: Record<string, { order: JobOrder; direction: PageRequest["direction"] }> = {
  "-created": { order: "created", direction: "descending" },
  "created": { order: "created", direction: "ascending" },
  "-finished": { order: "finished", direction: "descending" },
  "finished": { order: "finished", direction: "ascending" },
  "run_at": { order: "due", direction: "ascending" },
};
const SORT_NAMES = ["-created", "created", "-finished", "finished", "run_at"] as const;

/** The routes below `/api/jobs` and `/api/dlq`, but for changes of many jobs at once. */
export function jobRoutes(site: Site): Hono {
  const { queue } = site;
  const routes = new Hono();
  routes.get("/jobs", async (context) => context.json(await listing(site, context, null)));
  routes.get("/dlq", async (context) => context.json(await listing(site, context, ["dead"])));
  routes.post("/jobs", async (context) => {
    const jobs = await queue.enqueue(await readJobs(context), site.cwd);
    return context.json({ jobs: jobs.map(jobJson) }, 201);
  });
  oneJob(routes, site);
  return routes;
}

/** The routes of one job. */
function oneJob(routes: Hono, site: Site): void {
  const { queue, store } = site;
  routes.get("/jobs/:id", async (context) => {
    const job = await jobOf(site, context);
    const attempts = await store.reports.newestAttempts(job.seq, MAX_ATTEMPTS);
    return context.json({ ...jobJson(job), attempt_history: attempts.map(attemptWithId) });
  });
  routes.get("/jobs/:id/attempts", async (context) => {
    const job = await jobOf(site, context);
    const attempts = await store.reports.newestAttempts(job.seq, MAX_ATTEMPTS);
    return context.json({ attempts: attempts.map(attemptWithId) });
  });
  routes.post("/jobs/:id/retry", async (context) => {
    await readNothing(context);
    const [job] = await queue.retry([jobIdOf(context)], { keepAttempts: false });
    return context.json(jobJson(job!));
  });
  routes.post("/jobs/:id/cancel", async (context) => {
    await readNothing(context);
    const [job] = await queue.cancel([jobIdOf(context)]);
    return context.json(jobJson(job!));
  });
  routes.delete("/jobs/:id", async (context) => {
    await readNothing(context);
    return context.json({ deleted: await queue.delete([jobIdOf(context)]) });
  });
}

async function readJobs(context: Context): Promise<PlacedInput[]> {
  const text = await readText(context.req.raw, MAX_JOBS_BYTES);
  // Nothing at all is a mistake; an array without jobs is any number of them, as on the command line.
  if (text.trim() === "") {
    throw badInput("There is no job in the body of the request", `{"command": "echo hello"}`);
  }
  const placed = await parseJobs(text);
  return placed.map(({ input, where }) => ({
    where,
    input: input.cwd === undefined ? input : { ...input, cwd: resolve(input.cwd) },
  }));
}

const LISTING = ["state", "queue", "search", "sort", "limit", "cursor"] as const;

/** A page of jobs, `states` alone if given, with the way to the pages beside it. */
async function listing(site: Site, context: Context, only: readonly JobState[] | null): Promise<JsonObject> {
  const known = LISTING.filter((name) => only === null || name !== "state");
  const query = new Query(new URL(context.req.url).searchParams, known);
  const states = only ?? query.states("state");
  const [queue, search] = [query.text("queue"), query.text("search")];
  const sort = SORTS[query.choice("sort", SORT_NAMES)]!;
  const filter = {
    ...(states === null ? {} : { states }),
    ...(queue === null ? {} : { queue }),
    ...(search === null ? {} : { search }),
    limit: query.number("limit", { min: 1, max: MAX_PAGE, absent: DEFAULT_PAGE }),
  };
  const cursor = readCursor(query.text("cursor"));
  const total = search === null && sort.order === "created"
    ? await site.store.reports.count(filter.states, filter.queue)
    : null;
  if (total === 0) return { jobs: [], next: null, prev: null, total, is_partial: false };
  const page = await pageAt(site, { ...filter, ...sort }, cursor);
  const named = search === null ? null : await jobNamed(site, { ...filter, ...sort }, search);
  if (named === null) return { ...page, total };
  const others = page.jobs.filter((job) => job.id !== search);
  return { ...page, jobs: page.prev === null ? [named, ...others] : others, total };
}

/** The job whose id is what is searched for, if it is one of the listing: it comes first, wherever it stands. */
async function jobNamed(
  site: Site,
  request: Omit<PageRequest, "from">,
  id: string,
): Promise<JsonObject | null> {
  const job = await site.store.job(id);
  if (job === null) return null;
  const from = { seq: job.seq - 1, time: 0 };
  const { jobs: [found] } = await site.store.reports.page({
    ...request,
    ...{ order: "created", direction: "ascending", from, limit: 1 },
  });
  return found?.id === id ? summaryJson(found) : null;
}

/** A page as it is answered. */
interface PageJson {
  readonly jobs: readonly JsonObject[];
  readonly next: string | null;
  readonly prev: string | null;
  readonly is_partial: boolean;
}

async function pageAt(
  site: Site,
  request: Omit<PageRequest, "from">,
  cursor: Cursor | null,
): Promise<PageJson> {
  const { reports } = site.store;
  if (cursor?.isBackwards) {
    const direction = request.direction === "ascending" ? "descending" : "ascending";
    const page = await reports.page({ ...request, direction, from: cursor.place });
    // What lies before is no full page: the first one is.
    if (page.end === null) return await pageAt(site, request, null);
    const jobs = page.jobs.toReversed();
    return {
      jobs: jobs.map(summaryJson),
      next: writeCursor({
        isBackwards: false,
        place: jobs.length > 0 ? placeOf(jobs.at(-1)!) : cursor.place,
      }),
      prev: writeCursor({ isBackwards: true, place: page.end }),
      is_partial: page.isPartial,
    };
  }
  const page = await reports.page({ ...request, from: cursor?.place ?? null });
  const [first] = page.jobs;
  return {
    jobs: page.jobs.map(summaryJson),
    next: page.end === null ? null : writeCursor({ isBackwards: false, place: page.end }),
    prev: cursor === null || first === undefined
      ? null
      : writeCursor({ isBackwards: true, place: placeOf(first) }),
    is_partial: page.isPartial,
  };

  function placeOf(job: PageJob): ListingPlace {
    const time = { created: 0, finished: job.finishedAt, due: job.runAt }[request.order];
    return { seq: job.seq, time: time ?? 0 };
  }
}

type PageJob = Awaited<ReturnType<Site["store"]["reports"]["page"]>>["jobs"][number];
