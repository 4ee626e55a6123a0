/**
 * A home with one job in each state.
 */

import type { TemporaryHome } from "../harness/temporary_home.ts";
import { waitFor } from "../harness/wait_for.ts";

/** The states, in the order in which the jobs of `enqueueEveryState` arrive. */
export const STATES = ["pending", "processing", "completed", "failed", "dead", "cancelled"] as const;

/** A command that runs until there is a file `release` in the directory where it was enqueued. */
export const GATED = "until [ -e release ]; do sleep 0.02; done";

const NEVER = "2999-01-01T00:00:00Z";

/** Enqueues a job for each state, with the state as its id, and waits until each is in that state. */
export async function enqueueEveryState(home: TemporaryHome): Promise<void> {
  await home.enqueue(
    { id: "pending", command: "true", run_at: NEVER },
    { id: "processing", command: GATED },
    { id: "completed", command: "echo done" },
    { id: "failed", command: "echo oops >&2; exit 7", backoff_base: 1000 },
    { id: "dead", command: "exit 3", max_retries: 1 },
    { id: "cancelled", command: "true", run_at: NEVER },
  );
  await home.run("cancel", "cancelled");
  await home.startWorkers(1, "--concurrency", "4");
  await untilStates(home, Object.fromEntries(STATES.map((state) => [state, state])));
}

/** Waits until the jobs named are in the states named. */
export async function untilStates(home: TemporaryHome, wanted: Record<string, string>): Promise<void> {
  await waitFor(`the states ${JSON.stringify(wanted)}`, async () => {
    const states = await statesOf(home);
    return Object.entries(wanted).every(([id, state]) => states[id] === state);
  });
}

/** The state of every job, by id. */
export async function statesOf(home: TemporaryHome): Promise<Record<string, string>> {
  const jobs: { id: string; state: string }[] = await home.json("list");
  return Object.fromEntries(jobs.map((job) => [job.id, job.state]));
}
