/**
 * All routes of the server, behind its guards.
 */

import { type Context, Hono } from "hono";
import { notFound } from "../core/errors.ts";
import { bulkRoutes } from "./bulk_routes.ts";
import { generalRoutes } from "./general_routes.ts";
import {
  isAdmitted,
  onlyAdmitted,
  onlyOwnHosts,
  onlyReading,
  onlySameOrigin,
  strictHeaders,
} from "./guard.ts";
import { jobRoutes } from "./job_routes.ts";
import { metricsText } from "./metrics_text.ts";
import { outputRoutes } from "./output_routes.ts";
import { ASSETS, PAGES } from "./page/assets.ts";
import { PageFile } from "./page_file.ts";
import { Refusal, refuse } from "./refusal.ts";
import type { Site } from "./site.ts";

/** What answers requests. */
export function webApp(site: Site): Hono {
  const app = new Hono();
  app.use(strictHeaders());
  app.use(onlyOwnHosts(site.hosts));
  app.use(onlySameOrigin());
  app.use("/api/*", noStore);
  app.use("/metrics", noStore, onlyAdmitted(site.access));
  app.use("/api/*", async (context, next) => {
    if (context.req.path === "/api/login") return await next();
    return await onlyAdmitted(site.access)(context, next);
  });
  if (site.isReadOnly) app.use("/api/*", onlyReading());
  app.route("/api", generalRoutes(site));
  app.route("/api", bulkRoutes(site));
  app.route("/api", jobRoutes(site));
  app.route("/api", outputRoutes(site));
  app.get(
    "/metrics",
    async (context) =>
      context.body(await metricsText(site), 200, {
        "content-type": "text/plain; version=0.0.4; charset=utf-8",
      }),
  );
  app.get("/healthz", async (context) => {
    await site.store.counts();
    return context.json({ status: "ok" }, 200, { "cache-control": "no-store" });
  });
  pages(app, site);
  refuseOthers(app);
  app.notFound((context) => refuse(noSuchPath(context), site.onFault));
  app.onError((error) => refuse(error, site.onFault));
  return app;
}

async function noStore(context: Context, next: () => Promise<void>): Promise<void> {
  await next();
  // What is sent compressed waits for more to compress, which is the end of a stream of events.
  context.header("cache-control", "no-store, no-transform");
}

/** The files of the page; the page itself only for whoever is logged in, others are sent to do that. */
function pages(app: Hono, site: Site): void {
  const files = new Map([...ASSETS].map(([path, asset]) => [path, new PageFile(asset)]));
  app.get("*", async (context, next) => {
    const { path } = context.req;
    const isPage = path === "/" || PAGES.has(path.split("/")[1]!);
    const name = isPage ? "/" : path;
    const file = files.get(name);
    if (file === undefined) return await next();
    if (isPage && !await isAdmitted(context, site.access)) {
      const { pathname, search } = new URL(context.req.url);
      return context.redirect(`/login?next=${encodeURIComponent(pathname + search)}`, 303);
    }
    return file.answer(context);
  });
}

/** A known path with another method is told what it takes. */
function refuseOthers(app: Hono): void {
  const methods = new Map<string, Set<string>>();
  for (const { path, method } of app.routes) {
    if (method === "ALL" || path === "*" || path === "/*") continue;
    const known = methods.get(path) ?? new Set<string>();
    known.add(method);
    methods.set(path, known);
  }
  for (const [path, known] of methods) {
    const allow = [...known, ...known.has("GET") ? ["HEAD"] : []].join(", ");
    app.all(path, ({ req }) => {
      throw new Refusal("method_not_allowed", `${req.path} does not take ${req.method}`, {
        hint: allow,
        headers: { allow },
      });
    });
  }
}

function noSuchPath(context: Context): Error {
  return notFound(`There is nothing at ${context.req.path}`, "/api/openapi.json");
}
