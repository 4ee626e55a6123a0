/**
 * The API of everything but jobs: sessions, what is going on, workers, the configuration, events.
 */

import { Hono } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { resolveKey } from "../core/config.ts";
import { statusJson, workerJson } from "../core/json_view.ts";
import { SESSION_SECONDS } from "./access.ts";
import { readKey, readNothing, readValue } from "./change_body.ts";
import { cookieName } from "./guard.ts";
import { MAX_STREAMS } from "./live.ts";
import { openapi } from "./openapi.ts";
import { attemptWith } from "./output_routes.ts";
import { queuesJson } from "./overview.ts";
import { Refusal } from "./refusal.ts";
import { Query } from "./request_query.ts";
import { lastHour, seriesJson, type Span, SPANS } from "./series.ts";
import type { Site } from "./site.ts";
import { attemptWithId, configEntryJson, iso } from "./views.ts";

const MAX_ATTEMPTS = 200;
const DEFAULT_ATTEMPTS = 50;

/** The routes. */
export function generalRoutes(site: Site): Hono {
  const routes = new Hono();
  sessions(routes, site);
  looks(routes, site);
  configuration(routes, site);
  events(routes, site);
  routes.get("/openapi.json", (context) => context.json(openapi(site.version)));
  return routes;
}

function sessions(routes: Hono, site: Site): void {
  routes.get("/session", (context) =>
    context.json({
      ...{ version: site.version, read_only: site.isReadOnly, home: site.home.dir, cwd: site.cwd },
      now: iso(site.now()),
    }));
  routes.post("/login", async (context) => {
    const { code, token } = await readKey(context);
    const isGood = code === null ? site.access.isToken(token!) : site.access.spendCode(code);
    if (!isGood) {
      throw new Refusal(
        "unauthorized",
        code === null
          ? "This is not the token of the dashboard"
          : "This link has been used already, or is too old",
        { hint: "the link that queuectl web prints when it starts, or the token" },
      );
    }
    setCookie(context, cookieName(context), await site.access.newSession(), {
      ...{ path: "/", httpOnly: true, sameSite: "Strict", maxAge: SESSION_SECONDS },
      // Behind a proxy that speaks TLS, the cookie is for TLS alone.
      secure: context.req.header("origin")?.startsWith("https:") === true,
    });
    return context.body(null, 204);
  });
  routes.post("/logout", async (context) => {
    await readNothing(context);
    await site.access.endSession(getCookie(context, cookieName(context)) ?? "");
    deleteCookie(context, cookieName(context), { path: "/" });
    return context.body(null, 204);
  });
}

function looks(routes: Hono, site: Site): void {
  const { store, tallies, now } = site;
  routes.get("/overview", async (context) => context.json(await site.overview.current()));
  routes.get("/series", (context) => {
    const query = new Query(new URL(context.req.url).searchParams, ["span"]);
    const span = query.choice("span", Object.keys(SPANS) as [Span, ...Span[]]);
    return context.json(seriesJson(tallies, span, now()));
  });
  routes.get("/status", async (context) => {
    const [workers, counts] = [await site.workers(), await store.counts()];
    const { succeeded, failed, successRate, averageSeconds } = lastHour(tallies, now());
    return context.json({
      ...statusJson(workers, counts),
      metrics: {
        ...{ succeeded_last_hour: succeeded, failed_last_hour: failed },
        ...{ success_rate: successRate, average_seconds: averageSeconds },
        oldest_ready_at: iso(await store.reports.oldestReadyAt(null, now())),
      },
    });
  });
  routes.get(
    "/workers",
    async (context) => context.json({ workers: (await site.workers()).map(workerJson) }),
  );
  routes.get("/queues", async (context) => {
    const { queues, more_queues } = await queuesJson(store, now());
    return context.json({ queues, more: more_queues });
  });
  routes.get("/attempts", async (context) => {
    const query = new Query(new URL(context.req.url).searchParams, ["limit", "before"]);
    const limit = query.number("limit", { min: 1, max: MAX_ATTEMPTS, absent: DEFAULT_ATTEMPTS });
    const before = query.number("before", { min: 1, max: Number.MAX_SAFE_INTEGER, absent: null });
    const attempts = await store.reports.attemptsBefore(before, limit + 1);
    const shown = attempts.slice(0, limit);
    return context.json({
      attempts: shown.map(attemptWithId),
      next: attempts.length > limit ? shown.at(-1)!.id : null,
    });
  });
}

function configuration(routes: Hono, { queue }: Site): void {
  routes.get(
    "/config",
    async (context) => context.json({ config: (await queue.configEntries()).map(configEntryJson) }),
  );
  routes.get("/config/:key", async (context) => {
    const { key } = resolveKey(context.req.param("key"));
    const entry = (await queue.configEntries()).find((entry) => entry.key === key)!;
    return context.json(configEntryJson(entry));
  });
  routes.put("/config/:key", async (context) => {
    const value = await readValue(context);
    return context.json(configEntryJson(await queue.setConfig(context.req.param("key"), value)));
  });
  routes.delete("/config/:key", async (context) => {
    await readNothing(context);
    return context.json(configEntryJson(await queue.resetConfig(context.req.param("key"))));
  });
}

function events(routes: Hono, site: Site): void {
  const { live, outputs, queue } = site;
  routes.get("/events", async (context) => {
    const query = new Query(new URL(context.req.url).searchParams, ["last_event_id", "follow", "job"]);
    const range = { min: 0, max: Number.MAX_SAFE_INTEGER, absent: null };
    const [resumed, follow, jobId] = [
      query.number("last_event_id", range),
      query.number("follow", range),
      query.text("job"),
    ];
    const seen = context.req.header("last-event-id") ?? "";
    const lastId = /^\d{1,15}$/.test(seen) ? Number(seen) : resumed;
    const followed = follow === null ? null : await attemptWith(site, await queue.job(jobId ?? ""), follow);
    if (live.streams >= MAX_STREAMS) {
      throw new Refusal("too_many", "Too many streams are open", {
        hint: "again after closing others",
        headers: { "retry-after": "5" },
      });
    }
    const stream = await live.open(lastId, () => outputs.remove(stream));
    if (followed !== null) {
      const { jobSeq, id: attemptId, outcome } = followed;
      outputs.add({ jobSeq, jobId: jobId!, attemptId, isRunning: outcome === null }, stream);
    }
    return context.body(stream.body, 200, { "content-type": "text/event-stream" });
  });
}
