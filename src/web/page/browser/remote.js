/**
 * Answers of the server that a view shows, asked for again when something changed.
 */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, read } from "./api.js";
import { listenToNews } from "./live.js";

/** @import { LogEntry } from "./shapes.d.ts" */

/** Changes that come faster than this are shown together. */
const PAUSE_MS = 400;
const RETRY_AFTER_MS = 1500;
/** So many answers are kept, so that going back shows something at once. */
const KEPT_ANSWERS = 30;

/** @type {Map<string, any>} */
const kept = new Map();

/**
 * @param {string} path
 * @param {any} answer
 */
function keep(path, answer) {
  kept.delete(path);
  kept.set(path, answer);
  for (const oldest of [...kept.keys()].slice(0, Math.max(0, kept.size - KEPT_ANSWERS))) kept.delete(oldest);
}

/**
 * @typedef {object} Remote
 * @property {any} data the last answer, perhaps of the path before while the new one is on its way (`isOld`);
 *   null until the first one came
 * @property {boolean} isOld
 * @property {ApiError | null} error why there is no newer answer; null if all is well
 * @property {() => void} reload asks again, soon
 */

/**
 * Gets an answer. What is known of it meanwhile may be given to `onPart`.
 *
 * @callback Load
 * @param {string} path
 * @param {AbortSignal} signal
 * @param {(part: any) => void} onPart
 * @returns {Promise<any>}
 */

/**
 * @typedef {object} RemoteOptions
 * @property {(entry: LogEntry) => boolean} [concerns] which of the things that happen make a new answer likely;
 *   all, if absent
 * @property {number} [everyMs] asks again after so long in any case
 * @property {number} [pauseMs] asks no more often than that
 * @property {Load} [load] how the answer is got, if not by asking once
 */

/**
 * The answer to `path`, kept up to date.
 *
 * @param {string | null} path null: nothing is asked for
 * @param {RemoteOptions} [options]
 * @returns {Remote}
 */
export function useRemote(path, { concerns, everyMs, pauseMs = PAUSE_MS, load = read } = {}) {
  const [answer, setAnswer] = useState(() => startOf(path));
  const reload = useRef(() => {});
  const concernsNow = useRef(concerns);
  concernsNow.current = concerns;

  useEffect(() => {
    if (path === null) return;
    const asking = new Asking(
      { path, pauseMs, load },
      (change) =>
        setAnswer((before) => ({
          ...(change.error && before.path === path ? before : startOf(path)),
          ...change,
        })),
    );
    reload.current = () => asking.soon();
    asking.soon();
    const forget = listenToNews((entries) => {
      const isOurs = concernsNow.current;
      if (entries === null || isOurs === undefined || entries.some(isOurs)) asking.soon();
    });
    const timer = everyMs === undefined ? undefined : setInterval(() => asking.soon(), everyMs);
    return () => {
      forget();
      clearInterval(timer);
      asking.end();
    };
  }, [path, pauseMs, everyMs]);

  const isOld = answer.path !== path;
  const known = isOld && path !== null && kept.has(path) ? startOf(path) : answer;
  return {
    data: known.data,
    isOld: known.path !== path,
    error: known.path === path ? known.error : null,
    reload: useCallback(() => reload.current(), []),
  };
}

/**
 * @param {string | null} path
 * @returns {{ path: string | null, data: any, error: ApiError | null }}
 */
function startOf(path) {
  return { path, data: path === null ? null : kept.get(path) ?? null, error: null };
}

/** Asks for one path, one question at a time and not too often. */
class Asking {
  #path;
  #pauseMs;
  #load;
  #onAnswer;
  #abort = new AbortController();
  #timer = 0;
  #isAsking = false;
  #isWanted = false;
  #notBefore = -Infinity;

  /**
   * @param {{ path: string, pauseMs: number, load: Load }} question
   * @param {(change: { path: string, data?: any, error: ApiError | null }) => void} onAnswer
   */
  constructor({ path, pauseMs, load }, onAnswer) {
    this.#path = path;
    this.#pauseMs = pauseMs;
    this.#load = load;
    this.#onAnswer = onAnswer;
  }

  soon() {
    this.#isWanted = true;
    if (this.#isAsking || this.#timer !== 0) return;
    const waitMs = Math.max(0, this.#notBefore - performance.now());
    this.#timer = Number(setTimeout(() => this.#ask(), waitMs));
  }

  end() {
    clearTimeout(this.#timer);
    this.#timer = -1;
    this.#abort.abort();
  }

  async #ask() {
    this.#timer = 0;
    this.#isWanted = false;
    this.#isAsking = true;
    const askedAt = performance.now();
    const onPart = (/** @type {any} */ data) => {
      // Once there is a whole answer, parts of the next one would only make the page jump.
      if (!kept.has(this.#path)) this.#onAnswer({ path: this.#path, data, error: null });
    };
    try {
      const data = await this.#load(this.#path, this.#abort.signal, onPart);
      keep(this.#path, data);
      if (!this.#abort.signal.aborted) this.#onAnswer({ path: this.#path, data, error: null });
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      // A lost connection is told by the banner, and what was shown stays.
      if (error.code === "unreachable") this.#timer = Number(setTimeout(() => this.#ask(), RETRY_AFTER_MS));
      else this.#onAnswer({ path: this.#path, error });
    } finally {
      this.#isAsking = false;
      // What is dear to answer is asked for less often.
      this.#notBefore = Math.max(
        askedAt + this.#pauseMs,
        performance.now() + 3 * (performance.now() - askedAt),
      );
    }
    if (this.#isWanted && !this.#abort.signal.aborted) this.soon();
  }
}
