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

/** More attempts than these are shown only when asked for. */
const SHOWN = 10;

/** @param {{ job: Job, shown: Attempt | null }} props `shown`: the one whose output is below */
export function AttemptsCard({ job, shown }) {
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
      ${history.length > 0 && html`<${Timeline} job=${job} attempts=${attempts} shown=${shown} />`}
    </section>
  `;
}

/** @param {{ job: Job, attempts: Attempt[], shown: Attempt | null }} props */
function Timeline({ job, attempts, shown }) {
  const now = useNow();
  const from = Date.parse(attempts[0]?.started_at ?? job.created_at);
  const next = job.state === "failed" && job.run_at !== null ? Date.parse(job.run_at) : null;
  const ends = attempts.map((attempt) => endOf(attempt, now));
  const to = Math.max(from + 1, next ?? 0, ...ends);
  return html`
    <ol class="timeline">
      ${attempts.map((attempt, index) =>
        html`
          <${AttemptRow} key=${attempt.id} job=${job} attempt=${attempt} now=${now} axis=${{ from, to }}
            isShown=${attempt.id === shown?.id}
            isNewRound=${index > 0 && attempt.attempt === 1 && (attempts[index - 1]?.attempt ?? 0) >= 1 &&
              !["released", "lost"].includes(attempts[index - 1]?.outcome ?? "")} />
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
 * @param {{ job: Job, attempt: Attempt, now: number, axis: { from: number, to: number }, isShown: boolean,
 *   isNewRound: boolean }} props
 */
function AttemptRow({ job, attempt, now, axis, isShown, isNewRound }) {
  const share = (/** @type {number} */ at) => 100 * Math.max(0, at - axis.from) / (axis.to - axis.from);
  const start = share(Date.parse(attempt.started_at));
  // Even the shortest attempt is a dot that can be seen.
  const width = Math.max(0.8, share(endOf(attempt, now)) - start);
  return html`
    <li class=${`${isShown ? "shown" : ""} ${isNewRound ? "new-round" : ""}`}>
      <a class="attempt-name" href=${linkToJob(job.id, { attempt: attempt.id })} aria-current=${isShown
        ? "true"
        : undefined}
        title="Show its output">Attempt ${attempt.attempt}</a>
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
