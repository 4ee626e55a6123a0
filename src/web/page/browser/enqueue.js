/**
 * Enqueuing a job from the page, with the same rules and messages as the command line.
 */

import { useEffect, useState } from "preact/hooks";
import { ApiError, change, read } from "./api.js";
import { html } from "./html.js";
import { commandLineFor, EMPTY_FORM, fieldOf, formFromJob, jobFromForm } from "./job_form.js";
import { useLive, useMayChange } from "./live.js";
import { say, sayRefusal } from "./notices.js";
import { useRemote } from "./remote.js";
import { go, jobPath, linkToJob } from "./route.js";
import { serverNow } from "./times.js";
import { visible } from "./visible.js";

/** @import { Job, Queue } from "./shapes.d.ts" */
/** @import { JobForm } from "./job_form.js" */
/** @import { Route } from "./route.js" */

/** @typedef {{ form: JobForm, refusal: ApiError | null, set: (change: Partial<JobForm>) => void }} FormState */

/** @param {{ route: Route }} props */
export function EnqueueView({ route }) {
  const mayChange = useMayChange();
  const { session } = useLive();
  const [form, setForm] = useState(/** @type {JobForm} */ (EMPTY_FORM));
  const [refusal, setRefusal] = useState(/** @type {ApiError | null} */ (null));
  const [isBusy, setBusy] = useState(false);
  const [isStaying, setStaying] = useState(false);
  useCopy(route.query.get("like"), setForm);
  if (session !== null && !mayChange) return html`<${ReadOnly} />`;

  const set = (/** @type {Partial<JobForm>} */ change) => setForm((before) => ({ ...before, ...change }));
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (isBusy) return;
    setBusy(true);
    try {
      const { jobs: [job] } = await change("POST", "/api/jobs", jobFromForm(form, serverNow()));
      setRefusal(null);
      say("Enqueued", { link: { href: linkToJob(job.id), text: job.id } });
      if (isStaying) set({ id: "" });
      else go(linkToJob(job.id));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setRefusal(error);
      document.getElementById(fieldOf(error.code, error.message) ?? "command")?.focus();
    } finally {
      setBusy(false);
    }
  };
  const state = { form, refusal, set };
  return html`
    <div class="view-head">
      <h1>Enqueue a job</h1>
    </div>
    <form class="enqueue" onSubmit=${send} novalidate>
      <div class="card fields">
        <${CommandFields} state=${state} />
        <${WhenField} state=${state} />
        <${MoreFields} state=${state} cwd=${session?.cwd ?? ""} />
        ${refusal && fieldOf(refusal.code, refusal.message) === null &&
          html`<p class="refusal" role="alert">${refusal.message}</p>`}
        <div class="row form-end">
          <button type="submit" class="primary" disabled=${isBusy}>Enqueue</button>
          <label class="check"><input type="checkbox" checked=${isStaying}
            onClick=${() => setStaying(!isStaying)} />stay here to enqueue more</label>
        </div>
      </div>
      <${Preview} form=${form} />
    </form>
  `;
}

function ReadOnly() {
  return html`
    <div class="view-head">
      <h1>Enqueue a job</h1>
    </div>
    <p>This page only shows: the server was started with <code>--read-only</code>.</p>
  `;
}

/**
 * Fills the form with what another job has.
 *
 * @param {string | null} id
 * @param {(form: JobForm) => void} setForm
 */
function useCopy(id, setForm) {
  useEffect(() => {
    if (id === null) return;
    read(jobPath("/api/jobs", id)).then((/** @type {Job} */ job) => setForm(formFromJob(job)), sayRefusal);
  }, [id]);
}

/** @param {{ state: FormState }} props */
function CommandFields({ state }) {
  const { data } = useRemote("/api/queues", { concerns: () => false });
  /** @type {Queue[]} */
  const queues = data?.queues ?? [];
  return html`
    <${Field} state=${state} name="command" label="Command"
      hint="Run by /bin/sh -c; several lines are a script." isWide>
      ${(/** @type {any} */ props) =>
        html`<textarea ...${props} rows="4" class="mono" spellcheck=${false} required></textarea>`}
    <//>
    <${TextField} state=${state} name="id" label="Id" hint="Unique; made up if left empty." />
    <${TextField} state=${state} name="queue" label="Queue" placeholder="default" list="queues" />
    <datalist id="queues">${queues.map(({ queue }) =>
      html`<option key=${queue} value=${queue}></option>`
    )}</datalist>
    <${TextField} state=${state} name="priority" label="Priority" placeholder="0" hint="0 to 10, or low, medium, high; higher first." />
  `;
}

/** @param {{ state: FormState }} props */
function WhenField({ state: { form, refusal, set } }) {
  const isRefused = refusal !== null && fieldOf(refusal.code, refusal.message) === "at";
  const take = (/** @type {keyof JobForm} */ name) => (/** @type {any} */ event) =>
    set({ [name]: event.currentTarget.value });
  return html`
    <fieldset class="field when">
      <legend>When</legend>
      <div class="row">
        <label class="check"><input type="radio" name="when" checked=${form.when === "now"} onClick=${() =>
          set({ when: "now" })} />now</label>
        <label class="check"><input type="radio" name="when" checked=${form.when === "delay"} onClick=${() =>
          set({ when: "delay" })} />after</label>
        <input class="short" aria-label="Length of the delay" inputmode="decimal" value=${form.delay}
          onInput=${(/** @type {any} */ event) => set({ delay: event.currentTarget.value, when: "delay" })} />
        <select aria-label="Unit of the delay" value=${form.delayUnit} onChange=${take("delayUnit")}>
          <option value="1">seconds</option><option value="60">minutes</option>
          <option value="3600">hours</option><option value="86400">days</option>
        </select>
        <label class="check"><input type="radio" name="when" checked=${form.when === "at"} onClick=${() =>
          set({ when: "at" })} />at</label>
        <input id="at" type="datetime-local" step="1" aria-label="Time" value=${form
          .at} aria-invalid=${isRefused ? "true" : undefined}
          aria-describedby=${isRefused ? "at-refusal" : undefined}
          onInput=${(/** @type {any} */ event) => set({ at: event.currentTarget.value, when: "at" })} />
      </div>
      ${isRefused && html`<p id="at-refusal" class="refusal small" role="alert">${refusal.message}</p>`}
    </fieldset>
  `;
}

/** @param {{ state: FormState, cwd: string }} props */
function MoreFields({ state, cwd }) {
  return html`
    <${TextField} state=${state} name="max_retries" label="Attempts at most" placeholder="as configured"
      inputmode="numeric" />
    <${TextField} state=${state} name="timeout" label="Timeout in seconds" placeholder="as configured"
      hint="0: no limit." inputmode="decimal" />
    <${TextField} state=${state} name="backoff_base" label="Backoff base" placeholder="as configured"
      hint="The nth delay is base ^ n seconds." inputmode="decimal" />
    <${TextField} state=${state} name="cwd" label="Directory" placeholder=${cwd} isWide />
    <${Field} state=${state} name="env" label="Environment"
      hint="NAME=value, a line each; added to the worker’s." isWide>
      ${(/** @type {any} */ props) =>
        html`<textarea ...${props} rows="2" class="mono" spellcheck=${false}></textarea>`}
    <//>
  `;
}

/**
 * @param {{ state: FormState, name: keyof JobForm, label: string, hint?: string, placeholder?: string, list?: string,
 *   inputmode?: string, isWide?: boolean }} props
 */
function TextField({ state, name, label, hint, isWide, ...input }) {
  return html`
    <${Field} state=${state} name=${name} label=${label} hint=${hint} isWide=${isWide}>
      ${(/** @type {any} */ props) =>
        html`<input type="text" autocomplete="off" spellcheck=${false} ...${input} ...${props} />`}
    <//>
  `;
}

/**
 * A field with its label, what is to know about it, and what the server has against it.
 *
 * @param {{ state: FormState, name: keyof JobForm, label: string, hint?: string, isWide?: boolean, children?: any }} props
 */
function Field({ state: { form, refusal, set }, name, label, hint, isWide = false, children: input }) {
  const isRefused = refusal !== null && fieldOf(refusal.code, refusal.message) === name;
  const described = [hint && `${name}-hint`, isRefused && `${name}-refusal`].filter(Boolean).join(" ");
  return html`
    <div class=${isWide ? "field wide" : "field"}>
      <label for=${name}>${label}</label>
      ${input({
        id: name,
        name,
        value: form[name],
        "aria-invalid": isRefused ? "true" : undefined,
        "aria-describedby": described || undefined,
        onInput: (/** @type {any} */ event) => set({ [name]: event.currentTarget.value }),
      })}
      ${isRefused &&
        html`<p id=${`${name}-refusal`} class="refusal small" role="alert">${refusal?.message}</p>`}
      ${hint && html`<p id=${`${name}-hint`} class="quiet small">${hint}</p>`}
    </div>
  `;
}

/**
 * The same on the command line.
 *
 * @param {{ form: JobForm }} props
 */
function Preview({ form }) {
  if (form.command.trim() === "") return null;
  return html`
    <section class="preview" aria-labelledby="preview-title">
      <h2 id="preview-title" class="small quiet">The same in a shell</h2>
      <pre class="command-text">${visible(commandLineFor(jobFromForm(form, serverNow())))}</pre>
    </section>
  `;
}
