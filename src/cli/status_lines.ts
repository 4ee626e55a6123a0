/**
 * The status at a glance, in lines.
 */

import type { JobState } from "../core/job.ts";
import { statusJson, totalOf } from "../core/json_view.ts";
import { printableLine } from "../core/printable.ts";
import type { JobCounts } from "../core/store.ts";
import type { WorkerView } from "../core/worker_record.ts";
import type { Context } from "./context.ts";
import { lasting } from "./local_time.ts";
import { progressText } from "./progress_bar.ts";

const LABELS: Record<JobState, string> = {
  pending: "Pending",
  processing: "Processing",
  completed: "Completed",
  failed: "Failed",
  dead: "Dead (DLQ)",
  cancelled: "Cancelled",
};

/** Prints the workers, with what they run, and the number of jobs in each state. */
export function printStatus(context: Context, workers: readonly WorkerView[], counts: JobCounts): void {
  const { output } = context;
  if (context.flags.json) return output.json(statusJson(workers, counts));
  output.result(workersLine(workers));
  for (const view of workers) {
    for (const job of view.jobs) {
      const since = `${printableLine(job.id)} for ${lasting(job.claim.since)}`;
      const come = job.progress === null ? "" : `  ${printableLine(progressText(job.progress))}`;
      output.result(`  worker ${view.worker.id}: ${since}${come}`);
    }
  }
  for (const [state, label] of Object.entries(LABELS)) {
    output.result(`${label}: ${counts[state as JobState]}`);
  }
  output.result(`Total: ${totalOf(counts)}`);
}

function workersLine(workers: readonly WorkerView[]): string {
  const active = workers.filter((view) => view.life !== "dead");
  const ids = active.length === 0 ? "" : `: [${active.map((view) => view.worker.id).join(", ")}]`;
  const dead = workers.length - active.length;
  const note = dead === 0 ? "" : ` (${dead} died; the next worker gives back what they held)`;
  return `Found ${active.length} active worker(s)${ids}${note}`;
}
