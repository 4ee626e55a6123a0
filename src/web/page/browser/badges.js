/**
 * How states, outcomes and progress look: always a word and a shape beside the colour.
 */

import { html } from "./html.js";
import { Icon } from "./icons.js";

/** @import { JobState, Outcome, Progress } from "./shapes.d.ts" */

/**
 * The states, in the order in which everything shows them.
 *
 * @type {readonly JobState[]}
 */
export const JOB_STATES = ["pending", "processing", "completed", "failed", "dead", "cancelled"];

/** @type {Readonly<Record<Outcome, [JobState, string]>>} */
const OUTCOME_LOOKS = {
  running: ["processing", "running"],
  succeeded: ["completed", "succeeded"],
  failed: ["dead", "failed"],
  timed_out: ["failed", "timed out"],
  cancelled: ["cancelled", "cancelled"],
  released: ["pending", "released"],
  lost: ["failed", "lost"],
};

/** @param {{ state: JobState, isCancelling?: boolean }} props */
export function StateBadge({ state, isCancelling = false }) {
  return html`<span class=${`badge ${state}`}><${Icon} name=${state} />${
    isCancelling ? "cancelling" : state
  }</span>`;
}

/** @param {{ outcome: Outcome }} props */
export function OutcomeBadge({ outcome }) {
  const [look, word] = OUTCOME_LOOKS[outcome] ?? ["pending", outcome];
  return html`<span class=${`badge ${look}`}><${Icon} name=${look} />${word}</span>`;
}

/**
 * The state whose colour an outcome has.
 *
 * @param {Outcome} outcome
 */
export function lookOf(outcome) {
  return OUTCOME_LOOKS[outcome]?.[0] ?? "pending";
}

/** @param {{ progress: Progress, label: string }} props */
export function ProgressBar({ progress, label }) {
  const percent = Math.round(progress.percent);
  return html`
    <div class="progress">
      <progress max="100" value=${progress.percent} aria-label=${label}>${percent} %</progress>
      <span class="number">${percent} %</span>
      <span class="progress-text" title=${progress.text}>${progress.text}</span>
    </div>
  `;
}
