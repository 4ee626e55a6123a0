/**
 * What can be done with jobs, one or many: the rules of what a state allows, the question before something is
 * lost, and the words afterwards.
 */

import { change } from "./api.js";
import { html } from "./html.js";
import { confirmed, say, sayRefusal } from "./notices.js";

/** @import { JobState } from "./shapes.d.ts" */

/** @typedef {{ id: string, state: JobState, cancel_requested: boolean }} Doable what must be known of a job */
/** @typedef {"retry" | "cancel" | "delete"} Verb */

/** @type {readonly Verb[]} */
export const VERBS = ["retry", "cancel", "delete"];

/** @type {Readonly<Record<Verb, { text: string, done: string, path: string }>>} */
export const WORDS = {
  retry: { text: "Retry", done: "pending again", path: "/api/jobs/retry" },
  cancel: { text: "Cancel", done: "cancelled", path: "/api/jobs/cancel" },
  delete: { text: "Delete", done: "deleted", path: "/api/jobs/delete" },
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

/** @param {string} text */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** @param {string} id */
function short(id) {
  return id.length <= 40 ? id : `${id.slice(0, 39)}…`;
}

/** @param {{ jobs: readonly Doable[], onDone: () => void }} props */
export function BulkActions({ jobs, onDone }) {
  return html`
    <div class="row" role="group" aria-label="The chosen jobs">
      <strong class="number grow" role="status">${jobs.length} chosen</strong>
      ${VERBS.map((verb) => {
        const doable = jobs.filter((job) => allows(verb, job));
        const count = doable.length === jobs.length ? "" : ` ${doable.length} of them`;
        return html`
          <button key=${verb} type="button" class=${verb === "delete"
            ? "danger"
            : ""} disabled=${doable.length === 0}
            onClick=${async () => await act(verb, doable) && onDone()}>${WORDS[verb]
              .text}${doable.length === 0 ? "" : count}</button>
        `;
      })}
      <button type="button" class="plain" onClick=${onDone}>Choose none</button>
    </div>
  `;
}
