/**
 * The one stream of news from the server: what changed, the overview, output that grew, and whether we are
 * connected at all.
 */

import { useEffect, useState } from "preact/hooks";
import { read } from "./api.js";
import { noteServerTime } from "./times.js";

/** @import { LogEntry, OutputNews, Overview, Session } from "./shapes.d.ts" */

/**
 * What is known at a moment.
 *
 * @typedef {object} LiveState
 * @property {"opening" | "live" | "lost"} connection
 * @property {Overview | null} overview null until the first one came
 * @property {Session | null} session null until the first answer
 */

/**
 * Called with what happened; with null when that isn't known in detail, and everything is to be asked for again.
 *
 * @callback NewsListener
 * @param {readonly LogEntry[] | null} entries
 */

/** How long a stream may be gone before that is said: reopening one takes a moment. */
const LOST_AFTER_MS = 700;
const REOPEN_AFTER_MS = 1000;
/** A browser opens only six connections to a server: a tab that nobody looks at gives its stream back. */
const HIDDEN_CLOSE_AFTER_MS = 30_000;
const HIDDEN_LOOK_EVERY_MS = 15_000;

/** @type {LiveState} */
let state = { connection: "opening", overview: null, session: null };
/** @type {Set<(state: LiveState) => void>} */
const stateListeners = new Set();
/** @type {Set<NewsListener>} */
const newsListeners = new Set();
/** @type {Set<(news: OutputNews) => void>} */
const outputListeners = new Set();

/** @type {EventSource | null} */
let source = null;
let lastEventId = "";
/** @type {{ job: string, attemptId: number } | null} */
let followed = null;
let lostTimer = 0;
let reopenTimer = 0;
let hiddenTimer = 0;

/** @param {Partial<LiveState>} change */
function setState(change) {
  state = { ...state, ...change };
  stateListeners.forEach((tell) => tell(state));
}

/** Opens the stream, for as long as the page is open. */
export function connect() {
  open();
  learnSession();
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiddenTimer);
    if (document.hidden) hiddenTimer = Number(setTimeout(lookNowAndThen, HIDDEN_CLOSE_AFTER_MS));
    else if (source === null) open();
  });
}

function learnSession() {
  read("/api/session").then((session) => setState({ session }), () => {});
}

function open() {
  clearTimeout(reopenTimer);
  source?.close();
  const query = new URLSearchParams();
  if (lastEventId !== "") query.set("last_event_id", lastEventId);
  if (followed !== null) {
    query.set("follow", String(followed.attemptId));
    query.set("job", followed.job);
  }
  const opened = new EventSource(`/api/events?${query}`);
  source = opened;
  listen(opened);
  opened.addEventListener("error", () => onLost(opened));
}

/** @param {EventSource} opened */
function listen(opened) {
  /**
   * @param {string} name
   * @param {(data: any) => void} take
   */
  const on = (name, take) =>
    opened.addEventListener(name, (event) => {
      if (event.lastEventId !== "") lastEventId = event.lastEventId;
      take(JSON.parse(event.data));
    });
  on("hello", (hello) => {
    clearTimeout(lostTimer);
    lostTimer = 0;
    const wasLost = state.connection === "lost";
    if (lastEventId === "") lastEventId = String(hello.last_event_id);
    setState({ connection: "live" });
    if (wasLost) learnSession();
    if (wasLost || !hello.resumed) tellNews(null);
  });
  on("log", ({ entries }) => tellNews(entries));
  on("many", () => tellNews(null));
  on("overview", takeOverview);
  on("output", (news) => outputListeners.forEach((tell) => tell(news)));
  on("bye", () => onLost(opened));
}

/** @param {Overview} overview */
function takeOverview(overview) {
  noteServerTime(Date.parse(overview.now));
  setState({ overview });
}

/** @param {readonly LogEntry[] | null} entries */
function tellNews(entries) {
  newsListeners.forEach((tell) => tell(entries));
}

/** @param {EventSource} opened */
function onLost(opened) {
  if (opened !== source) return;
  // The browser tries again only after some kinds of failure, and at its own pace: we always do, at ours.
  opened.close();
  if (lostTimer === 0) lostTimer = Number(setTimeout(() => setState({ connection: "lost" }), LOST_AFTER_MS));
  clearTimeout(reopenTimer);
  reopenTimer = Number(setTimeout(reopen, REOPEN_AFTER_MS));
}

async function reopen() {
  try {
    // A stream can't tell why it is refused; this can, and sends whoever must sign in again to where that is done.
    await read("/api/session");
    open();
  } catch {
    reopenTimer = Number(setTimeout(reopen, REOPEN_AFTER_MS));
  }
}

/** Nobody looks: the title alone is kept up to date. */
async function lookNowAndThen() {
  source?.close();
  source = null;
  await read("/api/overview").then(takeOverview, () => {});
  if (document.hidden) hiddenTimer = Number(setTimeout(lookNowAndThen, HIDDEN_LOOK_EVERY_MS));
}

/**
 * What is known, and again whenever that changes.
 *
 * @returns {LiveState}
 */
export function useLive() {
  const [known, setKnown] = useState(state);
  useEffect(() => {
    setKnown(state);
    stateListeners.add(setKnown);
    return () => {
      stateListeners.delete(setKnown);
    };
  }, []);
  return known;
}

/** Whether this reader may change things; false until that is known. */
export function useMayChange() {
  const { session } = useLive();
  return session !== null && !session.read_only;
}

/**
 * Listens to what happens, until the returned function is called.
 *
 * @param {NewsListener} listener
 * @returns {() => void}
 */
export function listenToNews(listener) {
  newsListeners.add(listener);
  return () => newsListeners.delete(listener);
}

/**
 * Asks the server to tell when an attempt's output grows, until the returned function is called. One attempt
 * at a time is followed.
 *
 * @param {{ job: string, attemptId: number }} attempt
 * @param {(news: OutputNews) => void} listener
 * @returns {() => void}
 */
export function followOutput(attempt, listener) {
  outputListeners.add(listener);
  followed = attempt;
  if (source !== null) open();
  return () => {
    outputListeners.delete(listener);
    if (followed === attempt) followed = null;
  };
}
