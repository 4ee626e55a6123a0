/**
 * The configuration: every key with its value, its range and its meaning.
 */

import { useEffect, useState } from "preact/hooks";
import { ApiError, change } from "./api.js";
import { html } from "./html.js";
import { useMayChange } from "./live.js";
import { say } from "./notices.js";
import { useRemote } from "./remote.js";

/** @import { ConfigEntry } from "./shapes.d.ts" */

/** Settings are no events: others' changes are looked for as long as this view is open. */
const LOOK_EVERY_MS = 800;

/** The view of the configuration. */
export function ConfigView() {
  const { data, error, reload } = useRemote("/api/config", { concerns: () => false, everyMs: LOOK_EVERY_MS });
  /** @type {ConfigEntry[]} */
  const entries = data?.config ?? [];
  return html`
    <div class="view-head">
      <h1>Configuration</h1>
    </div>
    <p class="quiet lead">Values hold for what starts afterwards; workers need no restart.</p>
    ${error && html`<p class="refusal" role="alert">${error.message}</p>`}
    <ul class="card flush settings">
      ${entries.map((entry) => html`<${Setting} key=${entry.key} entry=${entry} onChanged=${reload} />`)}
    </ul>
  `;
}

/** @param {{ entry: ConfigEntry, onChanged: () => void }} props */
function Setting({ entry: listed, onChanged }) {
  const mayChange = useMayChange();
  const [answer, setAnswer] = useState(/** @type {ConfigEntry | null} */ (null));
  // What a change answered holds until the next listing.
  useEffect(() => setAnswer(null), [listed]);
  const entry = answer ?? listed;
  const [typed, setTyped] = useState(/** @type {string | null} */ (null));
  const [refusal, setRefusal] = useState(/** @type {ApiError | null} */ (null));
  const { key } = entry;
  const path = `/api/config/${key}`;
  const isChanged = typed !== null && typed !== String(entry.value);
  const ids = { input: `set-${key}`, meaning: `meaning-${key}`, refusal: `refusal-${key}` };

  const attempt = async (/** @type {() => Promise<ConfigEntry>} */ work) => {
    try {
      const changed = await work();
      setAnswer(changed);
      setTyped(null);
      setRefusal(null);
      say(`${key} is ${changed.value} now`);
      onChanged();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setRefusal(error);
      document.getElementById(ids.input)?.focus();
    }
  };
  const save = (/** @type {Event} */ event) => {
    event.preventDefault();
    attempt(() => change("PUT", path, { value: typed ?? String(entry.value) }));
  };
  return html`
    <li>
      <form class="setting" onSubmit=${save} novalidate>
        <div class="setting-words">
          <label class="mono" for=${ids.input}>${key}</label>
          <p id=${ids.meaning} class="quiet small">${entry.meaning}<br />
            <span class="number">${rangeText(entry)}; default ${String(entry.default)}</span></p>
        </div>
        <div class="setting-value">
          <${ValueInput} entry=${entry} id=${ids.input} value=${typed ??
            String(entry.value)} mayChange=${mayChange}
            describedBy=${`${ids.meaning}${refusal ? ` ${ids.refusal}` : ""}`} isRefused=${refusal !== null}
            onInput=${setTyped} />
          ${mayChange && html`
            <button type="submit" class=${isChanged ? "primary" : ""} disabled=${!isChanged}>Save</button>
            <button type="button" class="plain" disabled=${!entry.is_set}
              onClick=${() => attempt(() => change("DELETE", path))}>Reset</button>
          `}
          ${refusal && html`<p id=${ids.refusal} class="refusal small" role="alert">${refusal.message}</p>`}
        </div>
      </form>
    </li>
  `;
}

/**
 * @param {{ entry: ConfigEntry, id: string, value: string, mayChange: boolean, describedBy: string,
 *   isRefused: boolean, onInput: (text: string) => void }} props
 */
function ValueInput({ entry, id, value, mayChange, describedBy, isRefused, onInput }) {
  const take = (/** @type {any} */ event) => onInput(event.currentTarget.value);
  if (entry.kind === "choice") {
    return html`
      <select id=${id} value=${value} disabled=${!mayChange} onChange=${take}
        aria-describedby=${describedBy}>
        ${entry.choices?.map((choice) =>
          html`<option key=${choice} value=${choice} selected=${choice === value}>${choice}</option>`
        )}
      </select>
    `;
  }
  return html`
    <input id=${id} type="text" inputmode="decimal" value=${value} readonly=${!mayChange}
      onInput=${take}
      autocomplete="off" aria-describedby=${describedBy} aria-invalid=${isRefused ? "true" : undefined} />
  `;
}

/** @param {ConfigEntry} entry */
function rangeText({ kind, choices, min, max, whole }) {
  if (kind === "choice") return choices?.join(" or ") ?? "";
  return `${whole ? "a whole number" : "a number"} from ${min} to ${max}`;
}
