/**
 * Metrics in Prometheus' text format.
 */

import { JOB_STATES } from "../core/job.ts";
import { workerState } from "../core/json_view.ts";
import type { Site } from "./site.ts";
import type { Histogram } from "./tallies.ts";

/** More queues than that are told as one, so that made-up names don't flood whoever collects this. */
const MAX_QUEUES = 200;

type Labels = Readonly<Record<string, string | number>>;

/** All metrics, as they are now. */
export async function metricsText(site: Site): Promise<string> {
  const { store, tallies, now } = site;
  const text = new MetricsText();
  const { queues } = await store.reports.queueDepths(MAX_QUEUES);
  const counts = await store.counts();
  text.head(
    "queuectl_jobs",
    "gauge",
    'Jobs by state and queue; smaller queues than the 200 fullest are queue="".',
  );
  const rest = { ...counts };
  for (const { queue, counts: ofQueue } of queues) {
    for (const state of JOB_STATES) {
      rest[state] -= ofQueue[state];
      text.sample("queuectl_jobs", { state, queue }, ofQueue[state]);
    }
  }
  for (const state of JOB_STATES) {
    // The counts of all queues were read a moment later; a job may have moved meanwhile.
    if (rest[state] > 0 || queues.length === 0) {
      text.sample("queuectl_jobs", { state, queue: "" }, Math.max(0, rest[state]));
    }
  }
  text.head(
    "queuectl_attempts_total",
    "counter",
    "Attempts that have ended since this server started, by outcome.",
  );
  for (const [outcome, count] of Object.entries(tallies.outcomes)) {
    text.sample("queuectl_attempts_total", { outcome }, count);
  }
  text.histogram("queuectl_attempt_duration_seconds", "How long attempts took.", tallies.durations);
  text.histogram(
    "queuectl_job_wait_seconds",
    "How long jobs were ready before the first attempt of a round.",
    tallies.waits,
  );
  const workers = await site.workers();
  text.head("queuectl_workers", "gauge", "Workers by state.");
  for (const state of ["idle", "busy", "stopping", "dead"]) {
    text.sample("queuectl_workers", { state }, workers.filter((view) => workerState(view) === state).length);
  }
  const oldest = await store.reports.oldestReadyAt(null, now());
  text.head(
    "queuectl_oldest_ready_seconds",
    "gauge",
    "How long the ready job that has waited longest waits; 0: none.",
  );
  text.sample("queuectl_oldest_ready_seconds", {}, oldest === null ? 0 : Math.max(0, now() - oldest) / 1000);
  text.head("queuectl_streams", "gauge", "Open streams of events.");
  text.sample("queuectl_streams", {}, site.live.streams);
  text.head("queuectl_build_info", "gauge", "The version of this server.");
  text.sample("queuectl_build_info", { version: site.version }, 1);
  return text.toString();
}

/** Lines of the format. */
class MetricsText {
  readonly #lines: string[] = [];

  head(name: string, type: "counter" | "gauge" | "histogram", help: string): void {
    this.#lines.push(`# HELP ${name} ${help.replaceAll("\\", "\\\\")}`, `# TYPE ${name} ${type}`);
  }

  sample(name: string, labels: Labels, value: number): void {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escape(String(text))}"`);
    this.#lines.push(`${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}`);
  }

  histogram(name: string, help: string, { bounds, counts, count, sumSeconds }: Histogram): void {
    this.head(name, "histogram", help);
    let below = 0;
    for (const [index, bound] of bounds.entries()) {
      below += counts[index]!;
      this.sample(`${name}_bucket`, { le: bound }, below);
    }
    this.sample(`${name}_bucket`, { le: "+Inf" }, count);
    this.sample(`${name}_sum`, {}, sumSeconds);
    this.sample(`${name}_count`, {}, count);
  }

  toString(): string {
    return `${this.#lines.join("\n")}\n`;
  }
}

function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
