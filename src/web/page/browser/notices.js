/**
 * What the page says by itself: notes that go away again, and questions before something is lost.
 */

import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "./api.js";
import { html } from "./html.js";

/**
 * @typedef {object} Notice
 * @property {number} id
 * @property {"good" | "bad"} kind
 * @property {string} text
 * @property {string | null} hint
 * @property {{ href: string, text: string } | null} link
 */

/**
 * @typedef {object} Question
 * @property {string} title
 * @property {string} text
 * @property {string} verb what the button that does it says
 * @property {(isYes: boolean) => void} answer
 */

const SHOWN_MS = 6000;
const SHOWN_AT_ONCE = 4;

/** @type {Notice[]} */
let notices = [];
let lastId = 0;
/** @type {(notices: Notice[]) => void} */
let showNotices = () => {};
/** @type {(question: Question | null) => void} */
let showQuestion = () => {};

/**
 * Shows a note for a few seconds.
 *
 * @param {string} text
 * @param {{ kind?: "good" | "bad", hint?: string | null, link?: Notice["link"] }} [options]
 */
export function say(text, { kind = "good", hint = null, link = null } = {}) {
  const id = ++lastId;
  notices = [...notices, { id, kind, text, hint, link }].slice(-SHOWN_AT_ONCE);
  showNotices(notices);
  setTimeout(() => takeAway(id), kind === "bad" ? 2 * SHOWN_MS : SHOWN_MS);
}

/** @param {number} id */
function takeAway(id) {
  notices = notices.filter((notice) => notice.id !== id);
  showNotices(notices);
}

/**
 * Says why something couldn't be done. Anything but the server's refusal is thrown on.
 *
 * @param {unknown} error
 */
export function sayRefusal(error) {
  if (!(error instanceof ApiError)) throw error;
  say(error.message, { kind: "bad", hint: error.hint });
}

/**
 * Asks before something is done that can't be undone.
 *
 * @param {{ title: string, text: string, verb: string }} question
 * @returns {Promise<boolean>}
 */
export function confirmed({ title, text, verb }) {
  return new Promise((resolve) => showQuestion({ title, text, verb, answer: resolve }));
}

/** The place where notes appear. */
export function Notices() {
  const [shown, setShown] = useState(notices);
  useEffect(() => {
    showNotices = setShown;
  }, []);
  return html`
    <div class="notices" role="status" aria-live="polite">
      ${shown.map(({ id, kind, text, hint, link }) =>
        html`
          <div key=${id} class=${`notice ${kind}`}>
            <p>
              ${text}${link && html`
                <a href=${link.href}>${link.text}</a>
              `}
              ${hint && html`<span class="notice-hint">Try: <code>${hint}</code></span>`}
            </p>
            <button type="button" class="plain" aria-label="Dismiss" onClick=${() => takeAway(id)}>×</button>
          </div>
        `
      )}
    </div>
  `;
}

/** The place where questions appear. */
export function Questions() {
  const [question, setQuestion] = useState(/** @type {Question | null} */ (null));
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    showQuestion = setQuestion;
  }, []);
  useEffect(() => {
    if (question !== null && !dialog.current?.open) dialog.current?.showModal();
  }, [question]);
  const end = (/** @type {boolean} */ isYes) => {
    question?.answer(isYes);
    dialog.current?.close();
    setQuestion(null);
  };
  return html`
    <dialog ref=${dialog} class="question" aria-labelledby="question-title" aria-describedby="question-text"
      onCancel=${(/** @type {Event} */ event) => {
        event.preventDefault();
        end(false);
      }}>
      <h2 id="question-title">${question?.title}</h2>
      <p id="question-text">${question?.text}</p>
      <div class="row end">
        <button type="button" onClick=${() => end(false)}>Keep everything as it is</button>
        <button type="button" class="danger" onClick=${() => end(true)}>${question?.verb}</button>
      </div>
    </dialog>
  `;
}
