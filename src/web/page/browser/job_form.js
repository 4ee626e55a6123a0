/**
 * From what was typed into the form to the job that is sent, and from a refusal back to the field it is about.
 * Knows nothing of the page. What is valid is the server's to say: what can't be read here is sent as it is.
 */

/** @import { Job } from "./shapes.d.ts" */

/**
 * What the form holds, all as text.
 *
 * @typedef {object} JobForm
 * @property {string} command
 * @property {string} id
 * @property {string} queue
 * @property {string} priority
 * @property {"now" | "delay" | "at"} when
 * @property {string} delay
 * @property {string} delayUnit seconds in a unit of `delay`
 * @property {string} at local time as the browser's input gives it
 * @property {string} max_retries
 * @property {string} timeout
 * @property {string} backoff_base
 * @property {string} cwd
 * @property {string} env `NAME=value`, a line each
 */

/** @type {Readonly<JobForm>} */
export const EMPTY_FORM = Object.freeze({
  command: "",
  id: "",
  queue: "",
  priority: "",
  when: "now",
  delay: "10",
  delayUnit: "60",
  at: "",
  max_retries: "",
  timeout: "",
  backoff_base: "",
  cwd: "",
  env: "",
});

/**
 * The job that a form describes: the keys of `enqueue`, and only those that were filled in.
 *
 * @param {JobForm} form
 * @param {number} now ms since the epoch
 * @returns {Record<string, unknown>}
 */
export function jobFromForm(form, now) {
  /** @type {Record<string, unknown>} */
  const job = {};
  if (form.command !== "") job.command = form.command;
  for (const key of /** @type {const} */ (["id", "queue", "cwd"])) if (form[key] !== "") job[key] = form[key];
  for (const key of /** @type {const} */ (["priority", "max_retries", "timeout", "backoff_base"])) {
    if (form[key].trim() !== "") job[key] = numberOrText(form[key]);
  }
  const runAt = runAtOf(form, now);
  if (runAt !== null) job.run_at = runAt;
  if (form.env.trim() !== "") job.env = envFrom(form.env);
  return job;
}

/** @param {string} text */
function numberOrText(text) {
  const number = Number(text);
  return Number.isNaN(number) ? text : number;
}

/**
 * @param {JobForm} form
 * @param {number} now
 * @returns {string | null}
 */
function runAtOf({ when, delay, delayUnit, at }, now) {
  if (when === "now") return null;
  const ms = when === "delay" ? now + Number(delay) * Number(delayUnit) * 1000 : Date.parse(at);
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return when === "delay" ? delay : at;
  return date.toISOString();
}

/**
 * @param {string} text
 * @returns {Record<string, string> | string} the text itself if a line isn't `NAME=value`
 */
function envFrom(text) {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  if (!lines.every((line) => line.includes("="))) return text;
  return Object.fromEntries(lines.map((line) => {
    const at = line.indexOf("=");
    return [line.slice(0, at).trim(), line.slice(at + 1)];
  }));
}

/**
 * The form that describes a job like this one, under another id.
 *
 * @param {Job} job
 * @returns {JobForm}
 */
export function formFromJob(job) {
  return {
    ...EMPTY_FORM,
    command: job.command,
    queue: job.queue,
    priority: String(job.priority),
    max_retries: String(job.max_retries),
    timeout: String(job.timeout),
    backoff_base: String(job.backoff_base),
    cwd: job.cwd,
    env: Object.entries(job.env).map(([name, value]) => `${name}=${value}`).join("\n"),
  };
}

/**
 * The field that a refusal is about; null if it isn't about one.
 *
 * @param {string} code as in `bad_input`
 * @param {string} message
 * @returns {keyof JobForm | null}
 */
export function fieldOf(code, message) {
  const key = /^(?:The key )?"([a-z_]+)"/.exec(message)?.[1];
  if (key === "run_at") return "at";
  if (key !== undefined && Object.hasOwn(EMPTY_FORM, key)) return /** @type {keyof JobForm} */ (key);
  return code === "conflict" ? "id" : null;
}

/**
 * What to type in a shell for the same job.
 *
 * @param {Record<string, unknown>} job
 * @returns {string}
 */
export function commandLineFor(job) {
  return `queuectl enqueue ${shellWord(JSON.stringify(job))}`;
}

/** @param {string} text */
function shellWord(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
