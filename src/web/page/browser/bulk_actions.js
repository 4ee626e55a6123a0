/**
 * What can be done with jobs, one or many: the rules of what a state allows, the question before something is
 * lost, and the words afterwards.
 */

import { useState } from "preact/hooks";
import { change, changeAll, read } from "./api.js";
import { JOB_STATES } from "./badges.js";
import { html } from "./html.js";
import { confirmed, say, sayRefusal } from "./notices.js";
import { linkTo } from "./route.js";

/** @import { JobState } from "./shapes.d.ts" */

/** @typedef {{ id: string, state: JobState, cancel_requested: boolean }} Doable what must be known of a job */
/** @typedef {"retry" | "cancel" | "delete"} Verb */

const COUNT = new Intl.NumberFormat("en");

/** @type {readonly Verb[]} */
export const VERBS = ["retry", "cancel", "delete"];

/** @type {Readonly<Record<Verb, { text: string, done: string, path: string, key: "retried" | "cancelled" | "deleted" }>>} */
export const WORDS = {
  retry: { text: "Retry", done: "pending again", path: "/api/jobs/retry", key: "retried" },
  cancel: { text: "Cancel", done: "cancelled", path: "/api/jobs/cancel", key: "cancelled" },
  delete: { text: "Delete", done: "deleted", path: "/api/jobs/delete", key: "deleted" },
};

/**
 * Whether a job's state allows something. The server decides; this only spares useless buttons.
 *
 * @param {Verb} verb
 * @param {Doable} job
 */
export function allows(verb, { state, cancel_requested: isCancelling }) {
  if (verb === "retry") return !["pending", "processing"].includes(state);
  if (verb === "cancel") return ["pending", "failed", "processing"].includes(state) && !isCancelling;
  return state !== "processing";
}

/**
 * Does it to all these jobs or none, after asking where something would be lost.
 *
 * @param {Verb} verb
 * @param {readonly Doable[]} jobs
 * @returns {Promise<boolean>} whether it was done
 */
export async function act(verb, jobs) {
  const many = jobs.length === 1 ? `“${short(jobs[0]?.id ?? "")}”` : `${jobs.length} jobs`;
  if (!await isMeant(verb, jobs, many)) return false;
  const { done, path } = WORDS[verb];
  try {
    await change("POST", path, { ids: jobs.map(({ id }) => id) });
  } catch (error) {
    sayRefusal(error);
    return false;
  }
  const isEnding = verb === "cancel" && jobs.some(({ state }) => state === "processing");
  const verbForm = jobs.length === 1 ? "is" : "are";
  say(isEnding ? `${capital(many)} ${verbForm} being cancelled` : `${capital(many)} ${verbForm} ${done}`);
  return true;
}

/**
 * @param {Verb} verb
 * @param {readonly Doable[]} jobs
 * @param {string} many
 */
function isMeant(verb, jobs, many) {
  if (verb === "delete") {
    const text = "The output of all attempts is deleted, too. This can’t be undone.";
    return confirmed({ title: `Delete ${many}?`, text, verb: "Delete" });
  }
  const running = jobs.filter(({ state }) => state === "processing").length;
  if (verb === "cancel" && running > 0) {
    const text = running === 1
      ? "Its command is running and will be ended."
      : `${running} commands are running and will be ended.`;
    return confirmed({ title: `Cancel ${many}?`, text, verb: "Cancel and end" });
  }
  return true;
}

/**
 * Does it to all jobs that match and whose state allows it, page or no page, after asking with their number.
 *
 * @param {Verb} verb
 * @param {{ state: string, queue: string, search: string }} filter empty: any
 * @param {(total: number) => void} onPart told how many are done, now and then
 * @returns {Promise<boolean>} whether it was done
 */
async function actOnMatching(verb, { state, queue, search }, onPart) {
  const states = statesFor(verb, state);
  const { text, done, path, key } = WORDS[verb];
  try {
    const { count, until } = await countOf({ state: states.join(), queue, search });
    const many = count === 1 ? "1 job" : `${COUNT.format(count)} jobs`;
    const where = [states.join(", "), queue && `in the queue ${queue}`, search && `with “${search}”`];
    const words = {
      retry:
        "They are due at once, whatever they were scheduled for, and their attempts are counted from 0 again.",
      cancel: "Commands that are running will be ended.",
      delete: "The output of all attempts is deleted, too. This can’t be undone.",
    };
    const question = `All that are ${where.filter(Boolean).join(" ")}. ${words[verb]}`;
    if (!await confirmed({ title: `${text} ${many}?`, text: question, verb: text })) return false;
    const body = { states, ...(queue && { queue }), ...(search && { search }), until };
    const changed = await changeAll(path, body, key, onPart);
    say(`${COUNT.format(changed)} ${changed === 1 ? "job is" : "jobs are"} ${done}`);
    return true;
  } catch (error) {
    sayRefusal(error);
    return false;
  }
}

/**
 * @param {Verb} verb
 * @param {string} state those that match, with commas between them; empty: any
 */
function statesFor(verb, state) {
  return JOB_STATES.filter((one) =>
    (state === "" || state.split(",").includes(one)) &&
    allows(verb, { id: "", state: one, cancel_requested: false })
  );
}

/**
 * How many jobs match; one request looks at only so many of them.
 *
 * @param {import("./route.js").Query} query
 * @returns {Promise<{ count: number, until: number }>} `until`: the newest of them
 */
async function countOf(query) {
  const first = await read(linkTo("/api/counts", query));
  let { count, next } = first;
  while (next !== null) {
    const more = await read(linkTo("/api/counts", { ...query, cursor: next }));
    count += more.count;
    next = more.next;
  }
  return { count, until: first.until };
}

/** @param {string} text */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** @param {string} id */
function short(id) {
  return id.length <= 40 ? id : `${id.slice(0, 39)}…`;
}

/**
 * @typedef {object} Matching all jobs that match, of which the chosen ones are a page
 * @property {{ state: string, queue: string, search: string }} filter
 * @property {number | null} total null: not known
 * @property {boolean} areChosen whether they are what is chosen
 * @property {() => void} choose
 */

/**
 * @param {{ jobs: readonly Doable[], hidden: number, matching: Matching | null, onDone: () => void }} props `hidden`:
 *   how many new jobs wait to be shown; `matching`: null where there is nothing to choose beside the jobs
 */
export function BulkActions({ jobs, hidden, matching, onDone }) {
  const [isBusy, setBusy] = useState(false);
  const [doneCount, setDoneCount] = useState(0);
  const all = matching?.areChosen ? matching : null;
  const total = matching?.total ? ` ${COUNT.format(matching.total)}` : "";
  const onClick = async (/** @type {Verb} */ verb, /** @type {readonly Doable[]} */ doable) => {
    setBusy(true);
    const isDone = await (all ? actOnMatching(verb, all.filter, setDoneCount) : act(verb, doable));
    setBusy(false);
    setDoneCount(0);
    if (isDone) onDone();
  };
  return html`
    <div class="row" role="group" aria-label="The chosen jobs">
      <span class="grow">
        <strong class="number" role="status">${doneCount > 0
          ? `${COUNT.format(doneCount)} done…`
          : all
          ? `All${total} that match are chosen`
          : `${jobs.length} chosen`}</strong>
        ${matching && !all && html`
          <button type="button" class="plain" onClick=${matching
            .choose}>Choose all${total} that match</button>
        `}
        ${hidden > 0 && html`
          <span class="quiet small" role="status">
            ${" "}${COUNT.format(hidden)} new ${hidden === 1 ? "one" : "ones"} when none is chosen
          </span>
        `}
      </span>
      ${VERBS.map((verb) => {
        const doable = jobs.filter((job) => allows(verb, job));
        const count = all || doable.length === 0 || doable.length === jobs.length
          ? ""
          : ` ${doable.length} of them`;
        return html`
          <button key=${verb} type="button" class=${verb === "delete" ? "danger" : ""}
            disabled=${isBusy || (all ? statesFor(verb, all.filter.state) : doable).length === 0}
            onClick=${() => onClick(verb, doable)}>${WORDS[verb].text}${count}</button>
        `;
      })}
      <button type="button" class="plain" onClick=${onDone}>Choose none</button>
    </div>
  `;
}
