/**
 * The dead letter queue: what failed for good, why, and another chance for it.
 */

import { changeAll } from "./api.js";
import { act } from "./bulk_actions.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { useMayChange } from "./live.js";
import { confirmed, say, sayRefusal } from "./notices.js";
import { useRemote } from "./remote.js";
import { linkTo, linkToJob } from "./route.js";
import { RelativeTime } from "./times.js";
import { visible } from "./visible.js";

/** @import { JobsPage, JobSummary, LogEntry } from "./shapes.d.ts" */
/** @import { Route } from "./route.js" */

const PAGE_SIZE = 50;
const COUNT = new Intl.NumberFormat("en");

/** @param {LogEntry} entry */
const concernsDead = ({ type }) => ["ended", "retried", "deleted", "worker_lost"].includes(type);

/** @param {{ route: Route }} props */
export function DlqView({ route: { query } }) {
  const cursor = query.get("cursor") ?? "";
  const path = linkTo("/api/jobs", { state: "dead", sort: "-finished", cursor, limit: PAGE_SIZE });
  const { data, error } = useRemote(path, { concerns: concernsDead });
  const count = useRemote(linkTo("/api/dlq", { limit: 1 }), { concerns: concernsDead }).data?.total ?? null;
  /** @type {JobsPage | null} */
  const page = data;
  return html`
    <div class="view-head">
      <h1>Dead letters</h1>
      <span class="quiet number" role="status">${count === null
        ? ""
        : `${COUNT.format(count)} ${count === 1 ? "job" : "jobs"}`}</span>
      <${WholeActions} count=${count ?? 0} />
    </div>
    <p class="quiet lead">Jobs that are out of attempts. They stay until they are retried or deleted.</p>
    ${error && html`<p class="refusal" role="alert">${error.message}</p>`}
    ${page?.jobs.length === 0 && html`
      <div class="card all-well">
        <${Icon} name="completed" />
        <p>No job is dead.</p>
      </div>
    `}
    <ul class="letters">
      ${page?.jobs.map((job) => html`<${Letter} key=${job.id} job=${job} />`)}
    </ul>
    ${page && (page.next || cursor) && html`
      <nav class="pager" aria-label="Pages">
        <a class="button" href=${cursor ? "/dlq" : undefined} aria-disabled=${cursor
          ? undefined
          : "true"}>First</a>
        <a class="button" rel="prev" href=${cursor && page.prev
          ? linkTo("/dlq", { cursor: page.prev })
          : undefined}
          aria-disabled=${cursor && page.prev ? undefined : "true"}><${Icon} name="left" />Previous</a>
        <a class="button" rel="next" href=${page.next ? linkTo("/dlq", { cursor: page.next }) : undefined}
          aria-disabled=${page.next ? undefined : "true"}>Next<${Icon} name="right" /></a>
      </nav>
    `}
  `;
}

/** @param {{ count: number }} props */
function WholeActions({ count }) {
  const mayChange = useMayChange();
  if (!mayChange || count === 0) return null;
  const many = count === 1 ? "the dead job" : `all ${COUNT.format(count)} dead jobs`;
  const retryAll = () =>
    doAll(
      { title: `Retry ${many}?`, text: "Their attempts are counted from 0 again.", verb: "Retry" },
      async () => {
        const retried = await changeAll("/api/dlq/retry", { all: true }, "retried");
        return `${COUNT.format(retried)} ${retried === 1 ? "job is" : "jobs are"} pending again`;
      },
    );
  const clear = () =>
    doAll(
      {
        title: `Delete ${many}?`,
        text: "Their output is deleted, too. This can’t be undone.",
        verb: "Delete",
      },
      async () => {
        const deleted = await changeAll("/api/dlq/clear", { all: true }, "deleted");
        return `Deleted ${COUNT.format(deleted)} ${deleted === 1 ? "job" : "jobs"}`;
      },
    );
  return html`
    <div class="actions row">
      <button type="button" class="primary" onClick=${retryAll}>Retry all</button>
      <button type="button" class="danger" onClick=${clear}>Clear</button>
    </div>
  `;
}

/**
 * @param {{ title: string, text: string, verb: string }} question
 * @param {() => Promise<string>} work returns what to say afterwards
 */
async function doAll(question, work) {
  if (!await confirmed(question)) return;
  try {
    say(await work());
  } catch (error) {
    sayRefusal(error);
  }
}

/** @param {{ job: JobSummary }} props */
function Letter({ job }) {
  const mayChange = useMayChange();
  return html`
    <li class="card letter">
      <div class="letter-head">
        <a class="mono job-id" href=${linkToJob(job.id)}>${job.id}</a>
        <span class="quiet small number">${job.attempts}/${job.max_retries} attempts</span>
        <span class="quiet small">in ${job.queue}</span>
        <span class="quiet small">died <${RelativeTime} at=${job.finished_at} /></span>
      </div>
      <code class="cut quiet command" title=${job.command}>${visible(job.command)}</code>
      <pre class="last-error">${visible(job.last_error ?? "")}</pre>
      ${mayChange && html`
        <div class="row letter-actions">
          <button type="button" onClick=${() =>
            act("retry", [job])} aria-label=${`Retry ${job.id}`}>Retry</button>
          <button type="button" class="danger" onClick=${() =>
            act("delete", [job])} aria-label=${`Delete ${job.id}`}>Delete</button>
        </div>
      `}
    </li>
  `;
}
