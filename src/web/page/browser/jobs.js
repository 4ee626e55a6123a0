/**
 * The jobs: a table that can be filtered, searched, sorted and paged through, and changed many rows at once.
 */

import { useEffect, useRef, useState } from "preact/hooks";
import { changeAll, read } from "./api.js";
import { JOB_STATES } from "./badges.js";
import { BulkActions } from "./bulk_actions.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { JobsTable } from "./jobs_table.js";
import { useLive, useMayChange } from "./live.js";
import { confirmed, say, sayRefusal } from "./notices.js";
import { useRemote } from "./remote.js";
import { go, linkTo } from "./route.js";

/** @import { Counts, JobsPage, JobState, JobSummary, LogEntry, Queue } from "./shapes.d.ts" */
/** @import { Query, Route } from "./route.js" */

const PAGE_SIZE = 50;
const TYPING_PAUSE_MS = 250;
const COUNT = new Intl.NumberFormat("en");

/** @type {readonly { value: string, text: string, states: readonly JobState[] | null }[]} `states`: null is all */
const SORTS = [
  { value: "", text: "Newest first", states: null },
  { value: "created", text: "Oldest first", states: null },
  { value: "-finished", text: "Last ended first", states: ["completed", "dead", "cancelled"] },
  { value: "finished", text: "First ended first", states: ["completed", "dead", "cancelled"] },
  { value: "run_at", text: "Due next first", states: ["pending", "failed"] },
];

/** @param {LogEntry} entry */
const concernsJobs = ({ job, type }) => job !== null && type !== "progressed";

/** @param {{ route: Route }} props */
export function JobsView({ route: { query } }) {
  const filter = filterOf(query);
  const page = useRemote(apiPathOf(filter), { concerns: concernsJobs, load: loadPage });
  const chosen = useSelection(filter, page.data?.jobs ?? null);
  const mayChange = useMayChange();
  return html`
    <div class="view-head">
      <h1>Jobs</h1>
      <span class="quiet number" role="status">${totalText(page.data, filter)}</span>
      ${mayChange && html`<${ClearButton} filter=${filter} />`}
    </div>
    <${StateTabs} filter=${filter} />
    <section class="card flush" aria-label="Table of jobs" aria-busy=${page.isOld}>
      <div class="toolbar">
        ${chosen.jobs.size > 0
          ? html`
            <${BulkActions} jobs=${[...chosen.jobs.values()]} hidden=${chosen.hidden} onDone=${chosen.clear}
              matching=${matchingOf(filter, page.data, chosen)} />
          `
          : html`<${Filters} filter=${filter} />`}
      </div>
      ${page.error && html`
        <p class="refusal" role="alert">${page.error.message}. <a href="/jobs">Show all jobs</a></p>
      `}
      <${JobsTable} jobs=${chosen.rows} sort=${filter.sort} chosen=${chosen} mayChoose=${mayChange}
        isOld=${page.isOld} onSort=${(/** @type {string} */ sort) => show({ ...filter, sort })}
        emptyText=${page.error ? "" : emptyText(page.data, filter)} />
      <${Pager} filter=${filter} page=${page.data} />
    </section>
  `;
}

/**
 * What can be chosen besides a page whose rows all are: null if it is all that there is.
 *
 * @param {Filter} filter
 * @param {JobsPage | null} page
 * @param {ReturnType<typeof useSelection>} chosen
 * @returns {import("./bulk_actions.js").Matching | null}
 */
function matchingOf(filter, page, { rows, jobs, areAllChosen, chooseAll }) {
  const isWhole = !page?.next && !page?.prev;
  // An order by time shows only jobs that have such a time; which are due later, no filter says.
  if (isWhole || filter.sort === "run_at" || !rows?.every(({ id }) => jobs.has(id))) return null;
  const shown = SORTS.find(({ value }) => value === filter.sort)?.states?.join() ?? "";
  const state = filter.state || shown;
  return { filter: { ...filter, state }, total: page.total, areChosen: areAllChosen, choose: chooseAll };
}

/**
 * @typedef {object} Filter
 * @property {string} state empty: all
 * @property {string} queue empty: all
 * @property {string} search what is searched for; empty: nothing
 * @property {string} sort empty: newest first
 * @property {string} cursor empty: the first page
 * @property {number} page as told to the reader, from 1
 */

/**
 * @param {URLSearchParams} query
 * @returns {Filter}
 */
function filterOf(query) {
  const text = (/** @type {string} */ name) => query.get(name) ?? "";
  const page = Number(text("page"));
  return {
    state: text("state"),
    queue: text("queue"),
    // An older address has it as `q`.
    search: text("search") || text("q"),
    sort: text("sort"),
    cursor: text("cursor"),
    page: Number.isInteger(page) && page > 0 ? page : 1,
  };
}

/**
 * The link to what a filter shows.
 *
 * @param {Partial<Filter>} filter
 */
function linkOf({ state, queue, search, sort, cursor, page = 1 }) {
  return linkTo("/jobs", { state, queue, search, sort, cursor, page: page === 1 ? "" : page });
}

/**
 * Shows another filter, from its first page.
 *
 * @param {Filter} filter
 * @param {{ replace?: boolean }} [options]
 */
function show(filter, options) {
  go(linkOf({ ...filter, sort: sortFor(filter), cursor: "", page: 1 }), options);
}

/** @param {Filter} filter */
function sortFor({ state, sort }) {
  const known = SORTS.find(({ value }) => value === sort);
  const fits = known !== undefined &&
    (known.states === null || state === "" || known.states.includes(/** @type {any} */ (state)));
  return fits ? sort : "";
}

/** @param {Filter} filter */
function apiPathOf({ state, queue, search, sort, cursor }) {
  return linkTo("/api/jobs", { state, queue, search, sort, cursor, limit: PAGE_SIZE });
}

/**
 * A page of jobs. A search in a very large store comes in parts: we go on until the page is full.
 *
 * @type {import("./remote.js").Load}
 * @returns {Promise<JobsPage>}
 */
async function loadPage(path, signal, onPart) {
  /** @type {JobsPage} */
  let page = await read(path, signal);
  while (page.is_partial && page.next !== null && page.jobs.length < PAGE_SIZE) {
    onPart(page);
    const url = new URL(path, location.origin);
    url.searchParams.set("cursor", page.next);
    url.searchParams.set("limit", String(PAGE_SIZE - page.jobs.length));
    /** @type {JobsPage} */
    const more = await read(url.pathname + url.search, signal);
    page = { ...more, prev: page.prev, jobs: [...page.jobs, ...more.jobs] };
  }
  return { ...page, is_partial: false };
}

/**
 * @param {JobsPage | null} page
 * @param {Filter} filter
 */
function totalText(page, { search }) {
  if (page === null) return "";
  if (page.is_partial) return `${page.jobs.length} found so far, searching…`;
  if (page.total === null) return search === "" ? "" : `search for “${search}”`;
  return `${COUNT.format(page.total)} ${page.total === 1 ? "job" : "jobs"}`;
}

/**
 * @param {JobsPage | null} page
 * @param {Filter} filter
 */
function emptyText(page, { state, queue, search }) {
  if (page === null) return "Loading…";
  if (page.is_partial) return "Searching…";
  if (state === "" && queue === "" && search === "") return "There are no jobs yet.";
  return "No job matches.";
}

/** @param {{ filter: Filter }} props */
function StateTabs({ filter }) {
  const { overview } = useLive();
  /** @type {readonly ("" | JobState)[]} */
  const tabs = ["", ...JOB_STATES];
  return html`
    <nav class="tabs" aria-label="Filter by state">
      ${tabs.map((state) => {
        const link = linkOf({ ...filter, state, sort: sortFor({ ...filter, state }), cursor: "", page: 1 });
        const counts = /** @type {Counts | undefined} */ (overview?.counts);
        return html`
          <a key=${state} href=${link} aria-current=${state === filter.state
            ? "true"
            : undefined} class=${state}>
            ${state !== "" && html`<${Icon} name=${state} />`}
            <span>${state === "" ? "all" : state}</span>
            <span class="quiet number">${counts
              ? COUNT.format(counts[state === "" ? "total" : state])
              : ""}</span>
          </a>
        `;
      })}
    </nav>
  `;
}

/** @param {{ filter: Filter }} props */
function Filters({ filter }) {
  const { data } = useRemote("/api/queues", { concerns: ({ type }) => type === "enqueued", pauseMs: 5000 });
  /** @type {Queue[]} */
  const queues = data?.queues ?? [];
  const sorts = SORTS.filter(({ states }) =>
    states === null || filter.state === "" || states.includes(/** @type {any} */ (filter.state))
  );
  return html`
    <search class="row">
      <${LazyInput} label="Search ids and commands" placeholder="Search ids and commands" value=${filter
        .search}
        onInput=${(/** @type {string} */ search) =>
          show({ ...filter, search }, { replace: true })} class="grow" />
      <${LazyInput} label="Queue" placeholder="Any queue" value=${filter.queue} list="queue-names"
        onInput=${(/** @type {string} */ queue) => show({ ...filter, queue }, { replace: true })} />
      <datalist id="queue-names">
        ${queues.map(({ queue }) => html`<option key=${queue} value=${queue}></option>`)}
      </datalist>
      <label>
        <span class="hidden-visually">Order</span>
        <select value=${filter.sort}
          onChange=${(/** @type {any} */ event) => show({ ...filter, sort: event.currentTarget.value })}>
          ${sorts.map(({ value, text }) =>
            html`<option key=${value} value=${value} selected=${value === filter.sort}>${text}</option>`
          )}
        </select>
      </label>
    </search>
  `;
}

/**
 * An input that tells what was typed once the typing pauses.
 *
 * @param {{ label: string, placeholder: string, value: string, onInput: (text: string) => void, list?: string,
 *   class?: string }} props
 */
function LazyInput({ label, placeholder, value, onInput, list, class: className = "" }) {
  const [typed, setTyped] = useState(value);
  const told = useRef(value);
  const tell = useRef(onInput);
  tell.current = onInput;
  useEffect(() => {
    if (value !== told.current) setTyped(value);
    told.current = value;
  }, [value]);
  useEffect(() => {
    if (typed === told.current) return;
    const timer = setTimeout(() => {
      told.current = typed;
      tell.current(typed);
    }, TYPING_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return html`
    <label class=${className}>
      <span class="hidden-visually">${label}</span>
      <input type="search" placeholder=${placeholder} value=${typed} list=${list} autocomplete="off"
        spellcheck=${false}
        onInput=${(/** @type {any} */ event) => setTyped(event.currentTarget.value)} />
    </label>
  `;
}

/**
 * Deletes all that the tab of a final state shows.
 *
 * @param {{ filter: Filter }} props
 */
function ClearButton({ filter: { state, queue, search } }) {
  if (!["completed", "cancelled"].includes(state) || queue !== "" || search !== "") return null;
  const clear = async () => {
    const title = `Delete all ${state} jobs?`;
    const isSure = await confirmed({
      title,
      text: "Their output is deleted with them.",
      verb: "Delete them",
    });
    if (!isSure) return;
    try {
      const deleted = await changeAll("/api/jobs/clear", { states: [state] }, "deleted");
      say(`Deleted ${COUNT.format(deleted)} ${deleted === 1 ? "job" : "jobs"}`);
    } catch (error) {
      sayRefusal(error);
    }
  };
  return html`<div class="actions"><button type="button" onClick=${clear}>Delete all ${state}…</button></div>`;
}

/**
 * The rows that are chosen, and the rows to show: while some are chosen, rows keep their places, so that
 * nobody hits another one than was aimed at.
 *
 * @param {Filter} filter
 * @param {JobSummary[] | null} jobs what the server has now
 */
function useSelection(filter, jobs) {
  const [chosen, setChosen] = useState(/** @type {ReadonlyMap<string, JobSummary>} */ (new Map()));
  const held = useRef(/** @type {JobSummary[]} */ ([]));
  const [areAllChosen, setAllChosen] = useState(false);
  const { state, queue, search } = filter;
  const isFirst = useRef(true);
  useEffect(() => {
    if (!isFirst.current) setChosen(new Map());
    isFirst.current = false;
  }, [state, queue, search]);
  const place = `${filter.cursor} ${filter.sort}`;
  // All that match are chosen until anything else is chosen or shown.
  useEffect(() => setAllChosen(false), [chosen, place]);
  const heldPlace = useRef(place);
  const current = new Map(jobs?.map((job) => [job.id, job]));
  const isHeld = chosen.size > 0 && heldPlace.current === place;
  const rows = isHeld ? held.current.map((job) => current.get(job.id) ?? job) : jobs;
  held.current = rows ?? [];
  heldPlace.current = place;
  return {
    rows,
    /** How many jobs are on this page by now that the rows don't show. */
    hidden: isHeld ? jobs?.filter(({ id }) => !held.current.some((row) => row.id === id)).length ?? 0 : 0,
    jobs: new Map([...chosen].map(([id, job]) => [id, current.get(id) ?? job])),
    areAllChosen,
    chooseAll: () => setAllChosen(true),
    clear: () => setChosen(new Map()),
    /** @type {(jobs: readonly JobSummary[], isChosen: boolean) => void} */
    choose: (some, isChosen) =>
      setChosen((before) => {
        const after = new Map(before);
        for (const job of some) {
          if (isChosen) after.set(job.id, job);
          else after.delete(job.id);
        }
        return after;
      }),
  };
}

/** Whoever turns the page begins to read at its top. */
function toTop() {
  scrollTo({ top: 0 });
}

/** @param {{ filter: Filter, page: JobsPage | null }} props */
function Pager({ filter, page }) {
  const to = (/** @type {string | null | undefined} */ cursor, /** @type {number} */ number) =>
    cursor ? linkOf({ ...filter, cursor: number === 1 ? "" : cursor, page: number }) : undefined;
  const isFirst = filter.cursor === "";
  return html`
    <nav class="pager" aria-label="Pages">
      <a class="button" href=${isFirst ? undefined : linkOf({ ...filter, cursor: "", page: 1 })}
        aria-disabled=${isFirst ? "true" : undefined}>First</a>
      <a class="button" rel="prev" href=${isFirst ? undefined : to(page?.prev, Math.max(1, filter.page - 1))}
        aria-disabled=${isFirst || !page?.prev ? "true" : undefined}><${Icon} name="left" />Previous</a>
      <span class="quiet number">Page ${COUNT.format(filter.page)}${page?.total
        ? ` of ${COUNT.format(Math.max(filter.page, Math.ceil(page.total / PAGE_SIZE)))}`
        : ""}</span>
      <a class="button" rel="next" href=${to(page?.next, filter.page + 1)}
        onClick=${toTop}
        aria-disabled=${page?.next ? undefined : "true"}>Next<${Icon} name="right" /></a>
    </nav>
  `;
}
