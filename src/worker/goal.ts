/**
 * When a worker ends by itself.
 */

import { isFinal } from "../core/job.ts";
import type { Store } from "../core/store.ts";

/**
 * What a worker is there for.
 * - `serve`: it works until it is told to stop
 * - `drain`: until nothing is left in its queues that becomes final by itself; jobs that are scheduled for after
 *   `until` (ms since the epoch) are not waited for
 * - `one_job`: it claims this job only, and ends when that is final or deleted
 */
export type Goal =
  | { readonly kind: "serve" }
  | { readonly kind: "drain"; readonly until: number }
  | { readonly kind: "one_job"; readonly jobId: string; readonly jobSeq: number };

/** The goal of a worker that was given none. */
export const SERVE: Goal = { kind: "serve" };

/** Tells a worker process its goal. */
export const GOAL_VARIABLE = "QUEUECTL_GOAL";

/** The goal as a text for `GOAL_VARIABLE`. */
export function goalText(goal: Goal): string {
  return JSON.stringify(goal);
}

/** The goal that this process was given by the one that started it; to serve if none. */
export function ownGoal(): Goal {
  const text = Deno.env.get(GOAL_VARIABLE) ?? "";
  return text === "" ? SERVE : JSON.parse(text);
}

/** Whether there is nothing more to do for a worker of these queues. */
export async function isReached(goal: Goal, store: Store, queues: readonly string[]): Promise<boolean> {
  switch (goal.kind) {
    case "serve":
      return false;
    case "drain":
      return !await store.backlog.isLeft(queues, goal.until);
    case "one_job": {
      const job = await store.job(goal.jobId);
      return job === null || job.seq !== goal.jobSeq || isFinal(job);
    }
  }
}
