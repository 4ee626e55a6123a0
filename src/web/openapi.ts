/**
 * The OpenAPI document of the API.
 */

import { exactly, listOf, ref, SCHEMAS, some } from "./openapi_schemas.ts";
import type { JsonObject } from "./views.ts";

/** What is told of a route; `answer` null means no content. */
interface Route {
  readonly summary: string;
  readonly answer: JsonObject | null;
  readonly query?: readonly (keyof typeof QUERY)[];
  readonly body?: JsonObject;
  readonly status?: number;
  /** The type of an answer that is not JSON. */
  readonly type?: string;
  /** Needs no token. */
  readonly isOpen?: boolean;
}

const page = { type: "integer", minimum: 1, maximum: 200, default: 50 };
const sorts = ["-created", "created", "-finished", "finished", "run_at"];

/** The parameters of queries, by name; `bytes` is the `limit` of output. */
const QUERY = {
  state: { type: "string", description: "One state, or several with commas between them." },
  queue: { type: "string" },
  search: { type: "string", description: "A text that the id or the command contains." },
  sort: { type: "string", enum: sorts, default: "-created" },
  limit: page,
  cursor: { type: "string", description: "next or prev of an earlier answer." },
  span: { type: "string", enum: ["10m", "1h", "1d"], default: "10m" },
  before: { type: "integer", minimum: 1, description: "The id of an attempt: older ones are answered." },
  stream: { type: "string", enum: ["stdout", "stderr"], default: "stdout" },
  attempt_id: { type: "integer", description: "The last attempt if absent." },
  offset: { type: "integer", minimum: 0, default: 0 },
  tail: { type: "integer", minimum: 1, maximum: 262_144, description: "The last so many bytes." },
  bytes: { type: "integer", minimum: 4, maximum: 262_144, default: 65_536 },
  last_event_id: { type: "integer", description: "Resumes behind this entry, as the header Last-Event-ID." },
  follow: { type: "integer", description: "The id of an attempt whose output is followed." },
  job: { type: "string", description: "The job of that attempt." },
  id: { type: "string", description: "Wins over the path's id: no URL can hold the ids . and .." },
} as const;

const listing = ["queue", "search", "sort", "limit", "cursor"] as const;
const all = { const: true };
const clearing = some({
  states: listOf(ref("State")),
  older_than: { type: "string", description: "Like 12h, 7d or 2w." },
  all,
});

/** A change of jobs that are named, answered as `named` says, or of all that match, answered with their number. */
function manyJobs(key: string, named: string): Pick<Route, "body" | "answer"> {
  const matched = exactly({
    ...{ [key]: { type: "integer", minimum: 0 }, is_complete: { type: "boolean" } },
    next: { type: ["string", "null"], description: "The cursor with which the same is asked for the rest." },
  });
  return {
    body: { oneOf: [ref("ChosenJobs"), ref("MatchingJobs")] },
    answer: { oneOf: [ref(named), matched] },
  };
}

const ROUTES: Readonly<Record<string, Readonly<Record<string, Route>>>> = {
  "/api/session": { get: { summary: "The server, to whoever is logged in", answer: ref("Session") } },
  "/api/login": {
    post: {
      summary: "Swaps the code of a link, or the token, for a cookie",
      body: { oneOf: [exactly({ code: { type: "string" } }), exactly({ token: { type: "string" } })] },
      ...{ answer: null, status: 204, isOpen: true },
    },
  },
  "/api/logout": { post: { summary: "Ends the session", body: ref("Nothing"), answer: null, status: 204 } },
  "/api/status": { get: { summary: "Workers, jobs by state, the last hour", answer: ref("Status") } },
  "/api/overview": { get: { summary: "Everything at a glance", answer: ref("Overview") } },
  "/api/series": { get: { summary: "What ended lately", query: ["span"], answer: ref("Series") } },
  "/api/jobs": {
    get: { summary: "A page of jobs", query: ["state", ...listing], answer: ref("JobPage") },
    post: {
      summary: "Enqueues all jobs or none",
      body: { oneOf: [ref("NewJob"), listOf(ref("NewJob"))] },
      ...{ answer: ref("Changed"), status: 201 },
    },
  },
  "/api/jobs/retry": {
    post: {
      summary: "Retries all or none that are named, or all that match",
      ...manyJobs("retried", "Changed"),
    },
  },
  "/api/jobs/cancel": {
    post: {
      summary: "Cancels all or none that are named, or all that match",
      ...manyJobs("cancelled", "Changed"),
    },
  },
  "/api/jobs/delete": {
    post: {
      summary: "Deletes all or none that are named, or all that match",
      ...manyJobs("deleted", "Deleted"),
    },
  },
  "/api/jobs/clear": {
    post: {
      summary: "Deletes jobs by state and age, but none that is processing",
      ...{ body: clearing, answer: ref("Deleted") },
    },
  },
  "/api/counts": {
    get: {
      summary: "How many jobs match, of those that one request looks at: next leads to the others",
      ...{ query: ["state", "queue", "search", "cursor"], answer: ref("Count") },
    },
  },
  "/api/jobs/{id}": {
    get: { summary: "A job with its attempts", query: ["id"], answer: ref("JobWithAttempts") },
    delete: { summary: "Deletes a job", query: ["id"], body: ref("Nothing"), answer: ref("Deleted") },
  },
  "/api/jobs/{id}/retry": {
    post: { summary: "Retries a job", query: ["id"], body: ref("Nothing"), answer: ref("Job") },
  },
  "/api/jobs/{id}/cancel": {
    post: { summary: "Cancels a job", query: ["id"], body: ref("Nothing"), answer: ref("Job") },
  },
  "/api/jobs/{id}/attempts": {
    get: {
      summary: "The attempts of a job, oldest first",
      ...{ query: ["id"], answer: exactly({ attempts: listOf(ref("Attempt")) }) },
    },
  },
  "/api/jobs/{id}/output": {
    get: {
      summary: "A piece of what an attempt printed",
      ...{ query: ["id", "stream", "attempt_id", "offset", "tail", "bytes"], answer: ref("Output") },
    },
  },
  "/api/jobs/{id}/output/raw": {
    get: {
      summary: "All that an attempt printed, as a file",
      ...{ query: ["id", "stream", "attempt_id"], answer: { type: "string" }, type: "text/plain" },
    },
  },
  "/api/dlq": { get: { summary: "A page of dead jobs", query: listing, answer: ref("JobPage") } },
  "/api/dlq/retry": {
    post: {
      summary: "Retries dead jobs, some or all",
      body: some({ ids: listOf({ type: "string" }), all, keep_attempts: { type: "boolean" } }),
      answer: ref("Retried"),
    },
  },
  "/api/dlq/clear": {
    post: { summary: "Deletes all dead jobs", body: exactly({ all }), answer: ref("Deleted") },
  },
  "/api/attempts": {
    get: {
      summary: "Attempts of all jobs, newest first",
      query: ["limit", "before"],
      answer: exactly({ attempts: listOf(ref("Attempt")), next: { type: ["integer", "null"] } }),
    },
  },
  "/api/workers": {
    get: { summary: "The workers", answer: exactly({ workers: listOf(ref("Worker")) }) },
  },
  "/api/queues": {
    get: {
      summary: "The fullest queues",
      answer: exactly({ queues: listOf(ref("Queue")), more: { type: "integer", minimum: 0 } }),
    },
  },
  "/api/config": {
    get: { summary: "The configuration", answer: exactly({ config: listOf(ref("ConfigEntry")) }) },
  },
  "/api/config/{key}": {
    get: { summary: "A key of the configuration", answer: ref("ConfigEntry") },
    put: {
      summary: "Sets a key",
      body: exactly({ value: { type: ["number", "string"] } }),
      answer: ref("ConfigEntry"),
    },
    delete: { summary: "Takes a key back to its default", body: ref("Nothing"), answer: ref("ConfigEntry") },
  },
  "/api/events": {
    get: {
      summary: "Events as they happen: hello, log, many, overview, output, bye",
      ...{ query: ["last_event_id", "follow", "job"], answer: { type: "string" }, type: "text/event-stream" },
    },
  },
  "/api/openapi.json": { get: { summary: "This document", answer: { type: "object" } } },
  "/healthz": {
    get: {
      summary: "Whether the store can be read",
      ...{ answer: exactly({ status: { const: "ok" } }), isOpen: true },
    },
  },
  "/metrics": {
    get: { summary: "Metrics for Prometheus", answer: { type: "string" }, type: "text/plain" },
  },
};

/** The document, for a version of the program. */
export function openapi(version: string): JsonObject {
  return {
    openapi: "3.1.0",
    info: {
      title: "queuectl",
      version,
      description:
        "Times are ISO 8601 in UTC, lengths of time are seconds. A change must be JSON, `{}` if it " +
        "has nothing to say, and come from the page itself or show the token.",
      license: { name: "MIT", identifier: "MIT" },
    },
    security: [{ bearer: [] }, { session: [] }],
    paths: Object.fromEntries(
      Object.entries(ROUTES).map(([path, methods]) => [path, pathJson(path, methods)]),
    ),
    components: {
      schemas: SCHEMAS,
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "The token of the dashboard." },
        session: {
          ...{ type: "apiKey", in: "cookie", name: "queuectl-5000" },
          description: "Set by /api/login; its name ends with the port.",
        },
      },
      responses: {
        Error: {
          description: "It can't be done, and why",
          content: { "application/json": { schema: ref("Error") } },
        },
      },
    },
  };
}

function pathJson(path: string, methods: Readonly<Record<string, Route>>): JsonObject {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  return {
    ...names.length === 0 ? {} : {
      parameters: names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
    },
    ...Object.fromEntries(Object.entries(methods).map(([method, route]) => [method, routeJson(route)])),
  };
}

function routeJson({ summary, answer, query = [], body, status = 200, type, isOpen }: Route): JsonObject {
  return {
    summary,
    ...query.length === 0 ? {} : {
      parameters: query.map((name) => ({
        name: name === "bytes" ? "limit" : name,
        in: "query",
        schema: QUERY[name],
      })),
    },
    ...body === undefined
      ? {}
      : { requestBody: { required: true, content: { "application/json": { schema: body } } } },
    responses: {
      [status]: {
        description: summary,
        ...answer === null ? {} : { content: { [type ?? "application/json"]: { schema: answer } } },
      },
      default: { $ref: "#/components/responses/Error" },
    },
    ...isOpen ? { security: [] } : {},
  };
}
