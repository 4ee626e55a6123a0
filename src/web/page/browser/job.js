/**
 * A job: all that is stored of it, its attempts and what they printed, and what can be done with it.
 */

import { useEffect, useState } from "preact/hooks";
import { AttemptsCard, fullName } from "./attempts.js";
import { ProgressBar, StateBadge } from "./badges.js";
import { act, allows, VERBS, WORDS } from "./bulk_actions.js";
import { html } from "./html.js";
import { useMayChange } from "./live.js";
import { say } from "./notices.js";
import { OutputCard } from "./output.js";
import { useRemote } from "./remote.js";
import { allFailed, attemptNames } from "./rounds.js";
import { go, jobPath, linkTo } from "./route.js";
import { Elapsed, formatDuration, formatExact, RelativeTime } from "./times.js";
import { visible } from "./visible.js";

/** @import { Job, Progress } from "./shapes.d.ts" */
/** @import { Route } from "./route.js" */
/** @import { Verb } from "./bulk_actions.js" */

/** @param {{ route: Route }} props */
export function JobView({ route: { id, query } }) {
  const { data, error } = useRemote(jobPath("/api/jobs", id), {
    concerns: ({ job }) => job === id,
    pauseMs: 250,
  });
  /** @type {Job | null} */
  const job = data;
  const isGone = error?.code === "not_found";
  if (job === null || isGone) return html`<${Missing} id=${id} error=${error} wasThere=${job !== null} />`;
  const wanted = Number(query.get("attempt"));
  const attempt = job.attempt_history.find((one) => one.id === wanted) ?? job.attempt_history.at(-1) ?? null;
  const names = attemptNames(job.attempt_history);
  return html`
    <${Head} job=${job} />
    ${error && html`<p class="refusal" role="alert">${error.message}</p>`}
    <div class="job-view">
      <${Story} job=${job} />
      <div class="job-main">
        <${Command} job=${job} />
        <${AttemptsCard} job=${job} names=${names} shown=${attempt} />
        ${attempt && html`
          <${OutputCard} key=${attempt.id} job=${job.id} attempt=${attempt}
            name=${fullName(attempt.id, names)} />
        `}
      </div>
      <${Facts} job=${job} />
    </div>
  `;
}

/** @param {{ id: string, error: { message: string } | null, wasThere: boolean }} props */
function Missing({ id, error, wasThere }) {
  return html`
    <div class="view-head">
      <h1 class="mono">${id}</h1>
    </div>
    <p role="status">${error === null
      ? "Loading…"
      : wasThere
      ? "This job has been deleted."
      : `${error.message}.`}
      ${error && html`
        ${" "}<a href="/jobs">See all jobs</a>
      `}</p>
  `;
}

/** @param {{ job: Job }} props */
function Head({ job }) {
  const mayChange = useMayChange();
  return html`
    <p class="trail small"><a href="/jobs">Jobs</a> <span aria-hidden="true">/</span></p>
    <div class="view-head">
      <h1 class="mono job-title">${job.id}</h1>
      <${StateBadge} state=${job.state} isCancelling=${job.cancel_requested} />
      ${mayChange && html`<div class="actions row" role="group" aria-label="What can be done with this job">
        ${
        VERBS.filter((verb) => allows(verb, job)).map((verb) =>
          html`<${ActionButton} key=${verb} verb=${verb} job=${job} />`
        )
      }
        <a class="button" href=${linkTo("/enqueue", { like: job.id })}>Enqueue a copy</a>
      </div>`}
    </div>
  `;
}

/** @param {{ verb: Verb, job: Job }} props */
function ActionButton({ verb, job }) {
  const [isBusy, setBusy] = useState(false);
  const onClick = async () => {
    setBusy(true);
    const isDone = await act(verb, [job]);
    setBusy(false);
    if (isDone && verb === "delete") go("/jobs");
  };
  const look = verb === "delete" ? "danger" : verb === "retry" && job.state !== "completed" ? "primary" : "";
  return html`<button type="button" class=${look} disabled=${isBusy} onClick=${onClick}>${
    WORDS[verb].text
  }</button>`;
}

/**
 * What is happening to the job, in a sentence.
 *
 * @param {{ job: Job }} props
 */
function Story({ job }) {
  const running = job.attempt_history.findLast(({ outcome }) => outcome === "running");
  return html`
    <section class=${`card story ${job.state}`} aria-label="What is happening">
      <p class="story-line">${storyOf(job)}</p>
      ${job.last_error && html`<pre class="last-error">${visible(job.last_error)}</pre>`}
      ${running?.progress &&
        html`<${ProgressBar} progress=${/** @type {Progress} */ (running.progress)} label="Progress" />`}
    </section>
  `;
}

/** @param {Job} job */
function storyOf(job) {
  const { state, attempts, max_retries: allowed, run_at: due, finished_at: ended } = job;
  const count = `${attempts} of ${allowed}`;
  switch (state) {
    case "pending":
      return due !== null && Date.parse(due) > Date.now()
        ? html`Will be due <${RelativeTime} at=${due} />.`
        : html`Waits for a worker, since <${RelativeTime} at=${due ?? job.updated_at} />.`;
    case "processing":
      return html`${
        job.cancel_requested ? "Being cancelled. " : ""
      }Attempt ${count} runs on worker ${job.worker},
        for <strong><${Elapsed} since=${job.started_at ?? job.updated_at} /></strong>.`;
    case "completed":
      return html`Succeeded <${RelativeTime} at=${ended} />, at attempt ${count}.`;
    case "failed":
      return html`Attempt ${count} failed; the next is due <${RelativeTime} at=${due} />.`;
    case "dead":
      return html`Dead since <${RelativeTime} at=${ended} />: ${
        attempts >= allowed ? allFailed(allowed) : "it was given up"
      }.`;
    default:
      return html`Cancelled <${RelativeTime} at=${ended} />.`;
  }
}

/** @param {{ job: Job }} props */
function Command({ job }) {
  return html`
    <section class="card command-card" aria-labelledby="command-title">
      <div class="card-head">
        <h2 id="command-title">Command</h2>
        <${CopyButton} text=${job.command} />
      </div>
      <pre class="command-text" tabindex="0">${job.command.split("\n").map(visible).join("\n")}</pre>
    </section>
  `;
}

/** @param {{ text: string }} props */
function CopyButton({ text }) {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    const timer = isCopied ? setTimeout(() => setCopied(false), 1500) : undefined;
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => setCopied(true),
      () => say("The browser does not let this page copy", { kind: "bad" }),
    );
  return html`<button type="button" class="plain small" onClick=${copy}>${
    isCopied ? "Copied" : "Copy"
  }</button>`;
}

/** @param {{ job: Job }} props */
function Facts({ job }) {
  const env = Object.entries(job.env);
  return html`
    <section class="card facts" aria-labelledby="facts-title">
      <div class="card-head">
        <h2 id="facts-title">Details</h2>
      </div>
      <dl>
        <${Fact} name="Queue"><a href=${linkTo("/jobs", { queue: job.queue })}>${job.queue}</a><//>
        <${Fact} name="Priority"><span class="number">${job.priority}</span><//>
        <${Fact} name="Attempts"><span class="number">${job.attempts} of ${job.max_retries}</span><//>
        <${Fact} name="Timeout"><span class="number">${job.timeout === 0
          ? "none"
          : formatDuration(1000 * job.timeout)}</span><//>
        <${Fact} name="Backoff base"><span class="number">${job.backoff_base}</span><//>
        ${job.worker !== null && html`<${Fact} name="Worker"><span class="number">${job.worker}</span><//>`}
        <${TimeFact} name="Created" at=${job.created_at} />
        <${TimeFact} name="Last change" at=${job.updated_at} />
        <${TimeFact} name="Due" at=${job.run_at} />
        <${TimeFact} name="Started" at=${job.started_at} />
        <${TimeFact} name="Ended" at=${job.finished_at} />
        <${Fact} name="Directory" isWide><code>${visible(job.cwd)}</code><//>
        <${Fact} name="Environment" isWide>${env.length === 0
          ? html`<span class="quiet">nothing added</span>`
          : env.map(([name, value]) =>
            html`<code key=${name} class="variable">${name}=${visible(value)}</code>`
          )}<//>
      </dl>
    </section>
  `;
}

/** @param {{ name: string, isWide?: boolean, children?: any }} props */
function Fact({ name, isWide = false, children }) {
  return html`
    <div class=${isWide ? "fact wide" : "fact"}>
      <dt>${name}</dt>
      <dd>${children}</dd>
    </div>
  `;
}

/** @param {{ name: string, at: string | null }} props */
function TimeFact({ name, at }) {
  if (at === null) return null;
  return html`<${Fact} name=${name}>
    <${RelativeTime} at=${at} /> <span class="quiet small exact">${formatExact(at)}</span><//>`;
}
