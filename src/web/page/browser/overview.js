/**
 * The overview: how many jobs are where, who works on what, what ended lately, and what comes next.
 */

import { JOB_STATES, OutcomeBadge, ProgressBar } from "./badges.js";
import { ThroughputChart } from "./chart.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { useLive } from "./live.js";
import { useRemote } from "./remote.js";
import { linkTo, linkToJob } from "./route.js";
import { Elapsed, formatDuration, formatRelative, RelativeTime, useNow } from "./times.js";
import { visible } from "./visible.js";

/** @import { Attempt, JobState, JobSummary, LogEntry, Overview, Queue, Running, Worker } from "./shapes.d.ts" */
/** @import { Route } from "./route.js" */

const RECENT_ATTEMPTS = 8;
const COUNT = new Intl.NumberFormat("en");

/** @param {{ route: Route }} props */
export function OverviewView({ route }) {
  const { overview } = useLive();
  return html`
    <div class="view-head">
      <h1>Overview</h1>
    </div>
    <div class="overview">
      <${Tiles} overview=${overview} />
      <${ThroughputChart} span=${route.query.get("span") ?? "10m"} />
      <${QueuesCard} overview=${overview} />
      <${WorkersCard} overview=${overview} />
      <${ScheduledCard} jobs=${overview?.scheduled ?? null} />
      <${RecentCard} />
    </div>
  `;
}

/** @param {{ overview: Overview | null }} props */
function Tiles({ overview }) {
  return html`
    <section class="tiles" aria-label="Jobs by state">
      ${JOB_STATES.map((state) =>
        html`
          <${Tile} key=${state} state=${state} count=${overview?.counts[state] ?? null}
            change=${overview?.change[state] ?? 0} seconds=${overview?.change.seconds ?? 60} />
        `
      )}
    </section>
  `;
}

/** @param {{ state: JobState, count: number | null, change: number, seconds: number }} props */
function Tile({ state, count, change, seconds }) {
  const href = state === "dead" ? "/dlq" : linkTo("/jobs", { state });
  const sign = change > 0 ? "+" : change < 0 ? "−" : "±";
  return html`
    <a class=${`tile ${state} ${count === 0 ? "none" : ""}`} href=${href}>
      <span class="tile-name"><${Icon} name=${state} />${state}</span>
      <span class="tile-count number">${count === null ? "–" : COUNT.format(count)}</span>
      <span class="tile-change number">${sign}${COUNT.format(Math.abs(change))} last ${seconds >= 60
        ? "minute"
        : `${Math.round(seconds)} s`}</span>
    </a>
  `;
}

/** @param {{ overview: Overview | null }} props */
function QueuesCard({ overview }) {
  const queues = overview?.queues ?? [];
  const widest = Math.max(
    1,
    ...queues.map(({ pending, failed, processing }) => pending + failed + processing),
  );
  return html`
    <section class="card queues" aria-labelledby="queues-title">
      <div class="card-head">
        <h2 id="queues-title">Queues</h2>
        <${OldestReady} overview=${overview} />
      </div>
      ${overview && queues.length === 0 && html`<p class="empty">Nothing waits, nothing runs.</p>`}
      <ul class="queue-list">
        ${queues.map((queue) => html`<${QueueRow} key=${queue.queue} queue=${queue} widest=${widest} />`)}
      </ul>
      ${overview && overview.more_queues > 0 &&
        html`<p class="quiet small">and ${COUNT.format(overview.more_queues)} more</p>`}
    </section>
  `;
}

/** @param {{ overview: Overview | null }} props */
function OldestReady({ overview }) {
  const now = useNow();
  if (overview === null) return null;
  const at = overview.oldest_ready_at;
  if (at === null) return html`<span class="quiet small">no job is waiting for a worker</span>`;
  const age = formatRelative(Date.parse(at), now).replace(/ ago$/, "");
  return html`<span class="quiet small">oldest ready job waits${" "}
    <time class="strong" datetime=${at}>${age === "just now" ? "0 s" : age}</time></span>`;
}

/** @param {{ queue: Queue, widest: number }} props */
function QueueRow({ queue, widest }) {
  const { pending, processing, failed } = queue;
  const share = (/** @type {number} */ count) => `${100 * count / widest}%`;
  const offset = (/** @type {number} */ count) => `${100 * count / widest}%`;
  return html`
    <li>
      <a class="queue-name" href=${linkTo("/jobs", { queue: queue.queue })} title=${queue.queue}>${queue
        .queue}</a>
      <span class="number small quiet">${[[pending, "pending"], [processing, "processing"], [
        failed,
        "failed",
      ]]
        .filter(([count]) => count !== 0).map(([count, word]) => `${COUNT.format(Number(count))} ${word}`)
        .join(", ") ||
        "empty"}</span>
      <svg class="bar" width="100%" height="6" aria-hidden="true">
        <rect class="bar-ground" width="100%" height="6" rx="3" />
        <rect class="pending" width=${share(pending)} height="6" rx="3" />
        <rect class="processing" x=${offset(pending)} width=${share(processing)} height="6" rx="3" />
        <rect class="failed" x=${offset(pending + processing)} width=${share(failed)} height="6" rx="3" />
      </svg>
    </li>
  `;
}

/** @param {{ overview: Overview | null }} props */
function WorkersCard({ overview }) {
  const workers = overview?.workers ?? [];
  const busy = overview?.running.length ?? 0;
  const slots = workers.reduce((sum, worker) => sum + worker.slots, 0);
  return html`
    <section class="card workers" aria-labelledby="workers-title">
      <div class="card-head">
        <h2 id="workers-title">Workers</h2>
        ${workers.length > 0 &&
          html`<span class="quiet small number">${busy} of ${slots} ${
            slots === 1 ? "slot" : "slots"
          } busy</span>`}
      </div>
      ${overview && workers.length === 0 &&
        html`<p class="empty">No worker is running. Start some:
      <code>queuectl worker start --count 2</code></p>`}
      <ul class="worker-list">
        ${workers.map((worker) =>
          html`<${WorkerRow} key=${worker.id} worker=${worker} running=${overview?.running} />`
        )}
      </ul>
    </section>
  `;
}

/** @param {{ worker: Worker, running: Running[] }} props */
function WorkerRow({ worker, running }) {
  const atHand = running.filter((attempt) => attempt.worker === worker.id);
  const free = Math.max(0, worker.slots - atHand.length);
  return html`
    <li>
      <div class="worker-head">
        <strong>Worker ${worker.id}</strong>
        <span class=${`worker-state ${worker.state}`}>${worker.state}</span>
        <span class="quiet small number">pid ${worker.pid}</span>
        ${worker.queues.length > 0 &&
          html`<span class="quiet small cut">serves ${worker.queues.join(", ")}</span>`}
        <span class="quiet small number worker-done">${COUNT.format(worker.jobs_done)} done,
          ${" "}${COUNT.format(worker.jobs_failed)} failed</span>
      </div>
      <ul class="at-hand">
        ${atHand.map((attempt) => html`<${AtHand} key=${attempt.attempt_id} attempt=${attempt} />`)}
        ${free > 0 && worker.state !== "dead" &&
          html`<li class="free quiet small">${free === 1 ? "one free slot" : `${free} free slots`}</li>`}
      </ul>
    </li>
  `;
}

/** @param {{ attempt: Running }} props */
function AtHand({ attempt }) {
  return html`
    <li>
      <a class="mono" href=${linkToJob(attempt.job)}>${attempt.job}</a>
      <code class="cut quiet" title=${attempt.command}>${visible(attempt.command)}</code>
      <span class="strong"><${Elapsed} since=${attempt.since} /></span>
      ${attempt.progress &&
        html`<${ProgressBar} progress=${attempt.progress} label=${`Progress of ${attempt.job}`} />`}
    </li>
  `;
}

/** @param {{ jobs: JobSummary[] | null }} props */
function ScheduledCard({ jobs }) {
  return html`
    <section class="card scheduled" aria-labelledby="scheduled-title">
      <div class="card-head">
        <h2 id="scheduled-title">Due next</h2>
        ${jobs !== null && jobs.length > 0 &&
          html`<a class="small" href=${linkTo("/jobs", { sort: "run_at" })}>all that wait for a time</a>`}
      </div>
      ${jobs?.length === 0 && html`<p class="empty">No job waits for a time.</p>`}
      <ul class="lines">
        ${jobs?.map((job) =>
          html`
            <li key=${job.id}>
              <${Icon} name=${job.state} />
              <a class="mono cut" href=${linkToJob(job.id)} title=${job.command}>${job.id}</a>
              <span class="quiet small">${job.state === "failed"
                ? `retry ${job.attempts + 1} of ${job.max_retries}`
                : ""}</span>
              <${RelativeTime} at=${job.run_at} />
            </li>
          `
        )}
      </ul>
    </section>
  `;
}

/** @param {LogEntry} entry */
const startsOrEnds = ({ type }) => type !== "progressed" && type !== "enqueued";

function RecentCard() {
  const { data } = useRemote(`/api/attempts?limit=${RECENT_ATTEMPTS}`, {
    concerns: startsOrEnds,
    pauseMs: 700,
  });
  /** @type {Attempt[] | null} */
  const attempts = data?.attempts ?? null;
  return html`
    <section class="card recent" aria-labelledby="recent-title">
      <div class="card-head"><h2 id="recent-title">Latest attempts</h2></div>
      ${attempts?.length === 0 && html`<p class="empty">No job has been run yet.</p>`}
      <ul class="lines">
        ${attempts?.map((attempt) => html`<${RecentAttempt} key=${attempt.id} attempt=${attempt} />`)}
      </ul>
    </section>
  `;
}

/** @param {{ attempt: Attempt }} props */
function RecentAttempt({ attempt }) {
  return html`
    <li>
      <${OutcomeBadge} outcome=${attempt.outcome} />
      <a class="mono cut" href=${linkToJob(attempt.job, { attempt: attempt.id })}>${attempt.job}</a>
      <span class="quiet small cut error-text" title=${attempt.error}>${visible(attempt.error ?? "")}</span>
      <span class="number small">${attempt.duration_seconds === null
        ? html`<${Elapsed} since=${attempt.started_at} />`
        : formatDuration(attempt.duration_seconds * 1000)}</span>
      <span class="small quiet"><${RelativeTime} at=${attempt.finished_at ?? attempt.started_at} /></span>
    </li>
  `;
}
