/**
 * A table of jobs, a row each; on a small screen each row is a small card.
 */

import { useRef } from "preact/hooks";
import { StateBadge } from "./badges.js";
import { html } from "./html.js";
import { linkTo, linkToJob } from "./route.js";
import { Elapsed, RelativeTime } from "./times.js";
import { visible } from "./visible.js";

/** @import { JobSummary } from "./shapes.d.ts" */

/** @type {Readonly<Record<string, { text: string, direction: "ascending" | "descending", other: string | null }>>} */
const TIME_COLUMNS = {
  "": { text: "Created", direction: "descending", other: "created" },
  created: { text: "Created", direction: "ascending", other: "" },
  "-finished": { text: "Ended", direction: "descending", other: "finished" },
  finished: { text: "Ended", direction: "ascending", other: "-finished" },
  run_at: { text: "Due", direction: "ascending", other: null },
};

/**
 * @param {{
 *   jobs: JobSummary[] | null,
 *   sort: string,
 *   chosen: { jobs: ReadonlyMap<string, JobSummary>, choose: (jobs: readonly JobSummary[], isChosen: boolean) => void },
 *   mayChoose: boolean,
 *   isOld: boolean,
 *   onSort: (sort: string) => void,
 *   emptyText: string,
 * }} props `isOld`: the rows are those of another filter, and the right ones are on their way
 */
export function JobsTable({ jobs, sort, chosen, mayChoose, isOld, onSort, emptyText }) {
  const last = useRef(/** @type {string | null} */ (null));
  const rows = jobs ?? [];
  const areAllChosen = rows.length > 0 && rows.every(({ id }) => chosen.jobs.has(id));
  const onChoose = (/** @type {JobSummary} */ job, /** @type {MouseEvent} */ event) => {
    const isChosen = !chosen.jobs.has(job.id);
    const from = event.shiftKey ? rows.findIndex(({ id }) => id === last.current) : -1;
    const to = rows.findIndex(({ id }) => id === job.id);
    const range = from === -1 ? [job] : rows.slice(Math.min(from, to), Math.max(from, to) + 1);
    last.current = job.id;
    chosen.choose(range, isChosen);
  };
  return html`
    <table class=${`jobs ${isOld ? "old" : ""}`} role="table">
      <thead role="rowgroup">
        <tr role="row">
          ${mayChoose && html`<th class="choose" role="columnheader" scope="col">
            <input type="checkbox" aria-label="Choose all on this page" checked=${areAllChosen}
              ref=${(/** @type {HTMLInputElement | null} */ box) => {
            if (box) box.indeterminate = !areAllChosen && rows.some(({ id }) => chosen.jobs.has(id));
          }}
              onClick=${() => chosen.choose(rows, !areAllChosen)} /></th>`}
          <th role="columnheader" scope="col">State</th>
          <th role="columnheader" scope="col" class="wide">Job</th>
          <th role="columnheader" scope="col">Queue</th>
          <th role="columnheader" scope="col" class="right">Attempts</th>
          <th role="columnheader" scope="col" class="right">Priority</th>
          <${TimeHeader} sort=${sort} onSort=${onSort} />
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${rows.map((job) =>
          html`
            <${Row} key=${job.id} job=${job} sort=${sort} mayChoose=${mayChoose}
              isChosen=${chosen.jobs.has(job.id)} onChoose=${onChoose} />
          `
        )}
        ${rows.length === 0 && html`
          <tr role="row">
            <td role="cell" colspan="7" class="empty">${emptyText}</td>
          </tr>
        `}
      </tbody>
    </table>
  `;
}

/** @param {{ sort: string, onSort: (sort: string) => void }} props */
function TimeHeader({ sort, onSort }) {
  const column = TIME_COLUMNS[sort] ?? { text: "Created", direction: "descending", other: "created" };
  const { text, direction, other } = column;
  const arrow = direction === "ascending" ? "↑" : "↓";
  return html`
    <th role="columnheader" scope="col" class="right" aria-sort=${direction}>
      ${other === null ? html`${text} ${arrow}` : html`
        <button type="button" class="sort" onClick=${() => onSort(other)}
          title="Turn the order round">${text} <span aria-hidden="true">${arrow}</span></button>
      `}
    </th>
  `;
}

/**
 * @param {{ job: JobSummary, sort: string, mayChoose: boolean, isChosen: boolean,
 *   onChoose: (job: JobSummary, event: MouseEvent) => void }} props
 */
function Row({ job, sort, mayChoose, isChosen, onChoose }) {
  const time = { "-finished": job.finished_at, finished: job.finished_at, run_at: job.run_at }[sort];
  return html`
    <tr role="row" class=${isChosen ? "chosen" : ""}>
      ${mayChoose && html`<td role="cell" class="choose">
        <input type="checkbox" aria-label=${`Choose ${job.id}`} checked=${isChosen}
          onClick=${(/** @type {MouseEvent} */ event) => onChoose(job, event)} /></td>`}
      <td role="cell" class="state"><${StateBadge} state=${job.state} isCancelling=${job
        .cancel_requested} /></td>
      <td role="cell" class="wide">
        <a class="mono job-id" href=${linkToJob(job.id)}>${job.id}</a>
        <code class="cut quiet command">${visible(job.command)}${job.command_length > job.command.length
          ? "…"
          : ""}</code>
        ${job.last_error &&
          html`<span class="cut small error-text" title=${job.last_error}>${visible(job.last_error)}</span>`}
      </td>
      <td role="cell" class="queue"><a class="plain-link cut" href=${linkTo("/jobs", {
        queue: job.queue,
      })}>${job.queue}</a></td>
      <td role="cell" class="right number attempts">${job.attempts}/${job.max_retries}</td>
      <td role="cell" class="right number priority">${job.priority}</td>
      <td role="cell" class="right time small"><${RowTime} job=${job} time=${time} /></td>
    </tr>
  `;
}

/** @param {{ job: JobSummary, time: string | null | undefined }} props `time`: what is sorted by, if not creation */
function RowTime({ job, time }) {
  if (time !== undefined) return html`<${RelativeTime} at=${time} />`;
  return html`<${RelativeTime} at=${job.created_at} />${
    job.state === "processing" && job.started_at !== null
      ? html`<span class="sub">running <${Elapsed} since=${job.started_at} /></span>`
      : job.run_at !== null && Date.parse(job.run_at) > Date.now()
      ? html`<span class="sub">due <${RelativeTime} at=${job.run_at} /></span>`
      : null
  }`;
}
