/**
 * The attempts of a job as a timeline: when each ran, for how long, and how it ended.
 */

import { useState } from "preact/hooks";
import { lookOf, OutcomeBadge } from "./badges.js";
import { html } from "./html.js";
import { linkToJob } from "./route.js";
import { Elapsed, formatDuration, RelativeTime, useNow } from "./times.js";
import { visible } from "./visible.js";

/** @import { Attempt, Job } from "./shapes.d.ts" */
/** @import { AttemptName } from "./rounds.js" */

/** @typedef {ReadonlyMap<number, AttemptName>} Names of all attempts, by their ids */

/** More attempts than these are shown only when asked for. */
const SHOWN = 10;

/**
 * The name of an attempt where it stands alone: with its round, if there are several.
 *
 * @param {number} id
 * @param {Names} names
 */
export function fullName(id, names) {
  const { round, text } = names.get(id) ?? { round: 1, text: "" };
  return hasRounds(names) ? `${text}, round ${round}` : text;
}

/** @param {Names} names */
function hasRounds(names) {
  return [...names.values()].some(({ round }) => round > 1);
}

/** @param {{ job: Job, names: Names, shown: Attempt | null }} props `shown`: the one whose output is below */
export function AttemptsCard({ job, names, shown }) {
  const [areAllShown, setAllShown] = useState(false);
  const history = job.attempt_history;
  const attempts = areAllShown ? history : history.slice(-SHOWN);
  const hidden = history.length - attempts.length;
  return html`
    <section class="card attempts" aria-labelledby="attempts-title">
      <div class="card-head">
        <h2 id="attempts-title">Attempts</h2>
        ${hidden > 0 && html`<button type="button" class="plain small" onClick=${() => setAllShown(true)}>
          Show ${hidden} earlier</button>`}
      </div>
      ${history.length === 0 && html`<p class="empty">No attempt has been made yet.</p>`}
      ${history.length > 0 && html`
        <${Timeline} job=${job} names=${names} attempts=${attempts}
          shown=${shown} />
      `}
    </section>
  `;
}

/** @param {{ job: Job, names: Names, attempts: Attempt[], shown: Attempt | null }} props */
function Timeline({ job, names, attempts, shown }) {
  const now = useNow();
  const from = Date.parse(attempts[0]?.started_at ?? job.created_at);
  const next = job.state === "failed" && job.run_at !== null ? Date.parse(job.run_at) : null;
  const ends = attempts.map((attempt) => endOf(attempt, now));
  const to = Math.max(from + 1, next ?? 0, ...ends);
  const roundOf = (/** @type {Attempt | undefined} */ attempt) => names.get(attempt?.id ?? -1)?.round;
  return html`
    <ol class="timeline">
      ${attempts.map((attempt, index) =>
        html`
          ${hasRounds(names) && roundOf(attempt) !== roundOf(attempts[index - 1]) &&
            html`<li key=${`round ${roundOf(attempt)}`} class="round quiet small">Round ${
              roundOf(attempt)
            }</li>`}
          <${AttemptRow} key=${attempt.id} job=${job} names=${names} attempt=${attempt} now=${now}
            axis=${{ from, to }} isShown=${attempt.id === shown?.id} />
        `
      )}
      ${next !== null && html`
        <li class="next">
          <span class="attempt-name">Attempt ${job.attempts + 1}</span>
          <span class="quiet">due <${RelativeTime} at=${job.run_at} /></span>
          <span class="attempt-time"></span>
          <svg class="span" width="100%" height="10" aria-hidden="true">
            <rect class="bar-ground" y="4" width="100%" height="2" />
            <circle class="failed" cx=${`${Math.min(99, 100 * (next - from) / (to - from))}%`} cy="5" r="4" />
          </svg>
        </li>
      `}
    </ol>
  `;
}

/**
 * @param {Attempt} attempt
 * @param {number} now
 */
function endOf(attempt, now) {
  return attempt.finished_at === null ? now : Date.parse(attempt.finished_at);
}

/**
 * @param {{ job: Job, names: Names, attempt: Attempt, now: number, axis: { from: number, to: number },
 *   isShown: boolean }} props
 */
function AttemptRow({ job, names, attempt, now, axis, isShown }) {
  const share = (/** @type {number} */ at) => 100 * Math.max(0, at - axis.from) / (axis.to - axis.from);
  const start = share(Date.parse(attempt.started_at));
  // Even the shortest attempt is a dot that can be seen.
  const width = Math.max(0.8, share(endOf(attempt, now)) - start);
  return html`
    <li class=${isShown ? "shown" : ""}>
      <a class="attempt-name" href=${linkToJob(job.id, { attempt: attempt.id })} aria-current=${isShown
        ? "true"
        : undefined}
        aria-label=${fullName(attempt.id, names)} title="Show its output">${names.get(attempt.id)?.text}</a>
      <${OutcomeBadge} outcome=${attempt.outcome} />
      <span class="attempt-time number">${attempt.duration_seconds === null
        ? html`<${Elapsed} since=${attempt.started_at} />`
        : formatDuration(attempt.duration_seconds * 1000)}</span>
      <svg class="span" width="100%" height="10" aria-hidden="true">
        <rect class="bar-ground" y="4" width="100%" height="2" />
        <rect class=${lookOf(attempt.outcome)} x=${`${Math.min(99.2, start)}%`} width=${`${
          Math.min(width, 100 - Math.min(99.2, start))
        }%`} height="10" rx="3" />
      </svg>
      <span class="attempt-when quiet small">worker ${attempt.worker}, <${RelativeTime} at=${attempt
        .started_at} /></span>
      ${attempt.error && html`<span class="attempt-error small error-text">${visible(attempt.error)}</span>`}
    </li>
  `;
}
