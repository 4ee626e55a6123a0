/**
 * Where the reader is: the address says which view is shown and how it is filtered, so that every view can be
 * bookmarked and the browser's own back button works.
 *
 *     /                              the overview
 *     /jobs?state=failed&search=tar  a table of jobs, with the names of the API
 *     /jobs/ID                       a job; /jobs/_?id=.. where no address can hold the id
 *     /dlq, /enqueue, /config
 */

import { useEffect, useState } from "preact/hooks";

/** @typedef {"overview" | "jobs" | "job" | "dlq" | "enqueue" | "config" | "unknown"} ViewName */

/**
 * @typedef {object} Route
 * @property {ViewName} view
 * @property {string} id the job's, in the view of a job; empty in others
 * @property {URLSearchParams} query
 */

/** @typedef {Record<string, string | number | null | undefined>} Query what is empty in it is left out */

/** @type {Readonly<Record<string, ViewName>>} */
const VIEWS = { "": "overview", jobs: "jobs", dlq: "dlq", enqueue: "enqueue", config: "config" };

/**
 * @param {string} pathname
 * @param {string} search
 * @returns {Route}
 */
export function parseRoute(pathname, search) {
  const query = new URLSearchParams(search);
  const [name = "", id = "", ...rest] = pathname.replace(/^\//, "").replace(/\/$/, "").split("/");
  if (rest.length === 0 && name === "jobs" && id !== "") {
    return { view: "job", id: query.get("id") ?? decode(id), query };
  }
  const view = id === "" && Object.hasOwn(VIEWS, name) ? VIEWS[name] : undefined;
  return { view: view ?? "unknown", id: "", query };
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * The link to a view.
 *
 * @param {string} path as in `/jobs`
 * @param {Query} [query]
 * @returns {string}
 */
export function linkTo(path, query = {}) {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== "" && value !== null && value !== undefined) params.set(name, String(value));
  }
  const text = params.toString();
  return text === "" ? path : `${path}?${text}`;
}

/**
 * The path of a job below `base`, as both the page and the API write it: no address can hold `.` and `..`.
 *
 * @param {string} base as in `/jobs` or `/api/jobs`
 * @param {string} id
 * @param {{ below?: string, query?: Query }} [more] `below`: as in `/output`
 * @returns {string}
 */
export function jobPath(base, id, { below = "", query = {} } = {}) {
  const isDots = id === "." || id === "..";
  const path = `${base}/${isDots ? "_" : encodeURIComponent(id)}${below}`;
  return linkTo(path, isDots ? { ...query, id } : query);
}

/**
 * The link to a job's view.
 *
 * @param {string} id
 * @param {Query} [query]
 */
export function linkToJob(id, query = {}) {
  return jobPath("/jobs", id, { query });
}

/**
 * Goes to another view, or shows the same one otherwise.
 *
 * @param {string} link as from `linkTo`
 * @param {{ replace?: boolean }} [options] `replace`: without a step in the history, as while typing
 */
export function go(link, { replace = false } = {}) {
  if (replace) history.replaceState(null, "", link);
  else history.pushState(null, "", link);
  dispatchEvent(new Event("routechange"));
}

/** Lets links to other views be followed without loading the page again. */
export function followLinks() {
  addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!(link instanceof HTMLAnchorElement) || link.origin !== location.origin) return;
    if (link.hasAttribute("download") || link.target !== "" || link.pathname.startsWith("/api/")) return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}

/**
 * The route, and again whenever it changes.
 *
 * @returns {Route}
 */
export function useRoute() {
  const here = () => parseRoute(location.pathname, location.search);
  const [route, setRoute] = useState(here);
  useEffect(() => {
    const follow = () => setRoute(here());
    addEventListener("routechange", follow);
    addEventListener("popstate", follow);
    return () => {
      removeEventListener("routechange", follow);
      removeEventListener("popstate", follow);
    };
  }, []);
  return route;
}
