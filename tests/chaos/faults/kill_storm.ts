/**
 * Workers are killed at random while clients enqueue and are killed, too; some workers in their graceful stop.
 */

import type { Evidence } from "../evidence.ts";
import { type ChaosJob, type Ground, recoveryTimes, type Tally } from "../ground.ts";

/** How big the storm is. */
export interface StormSize {
  readonly jobs: number;
  readonly kills: number;
}

const WORKERS = 4;
/** Jobs that a client enqueues at once. */
const BATCH = 50;

/** Runs the storm and returns the records of it. */
export async function killStorm(
  ground: Ground,
  size: StormSize,
): Promise<{ evidence: Evidence; tally: Tally }> {
  await ground.home.startWorkers(WORKERS);
  const clients = enqueueAll(ground, size.jobs);
  for (let kill = 0; kill < size.kills; kill++) {
    await new Promise((resolve) => setTimeout(resolve, ground.between(0, 150)));
    await killOne(ground, kill);
  }
  await clients;
  await ground.untilDrained(600_000);
  await ground.home.run("worker", "stop");
  const evidence = await ground.evidence();
  return { evidence, tally: { jobs: size.jobs, faults: size.kills, recoveriesMs: recoveryTimes(evidence) } };
}

/** Kills a worker, every fifth time in its graceful stop, and starts another one in its place. */
async function killOne(ground: Ground, kill: number): Promise<void> {
  const workers = await ground.livingWorkers();
  const victim = workers[ground.between(0, workers.length - 1)];
  if (victim !== undefined) {
    try {
      if (kill % 5 === 4) Deno.kill(victim.pid, "SIGTERM");
      ground.strike(victim, "kill");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // its graceful stop was faster
    }
  }
  await ground.home.startWorkers(1);
}

/** Enqueues jobs batch by batch; every fourth client is killed somewhere on its way. */
async function enqueueAll(ground: Ground, count: number): Promise<void> {
  for (let first = 0; first < count; first += BATCH) {
    const size = Math.min(BATCH, count - first);
    const jobs = Array.from({ length: size }, (_, index) => stormJob(ground, `job-${first + index}`));
    if (ground.between(0, 3) === 0) await ground.enqueueAndKill(jobs, ground.between(20, 200));
    else await ground.enqueue(jobs);
  }
}

/** Most jobs are short; some take a while, some fail once or twice, some for good, some are due later. */
function stormJob(ground: Ground, id: string): ChaosJob {
  const kind = ground.between(0, 99);
  const priority = ground.between(0, 10);
  if (kind < 8) return ground.job(id, { seconds: ground.between(1, 8) / 10, priority });
  if (kind < 14) return ground.job(id, { failures: ground.between(1, 2), priority });
  if (kind < 16) return ground.job(id, { failures: 9, max_retries: 2, priority });
  if (kind < 20) {
    return ground.job(id, { run_at: new Date(Date.now() + ground.between(0, 3000)).toISOString(), priority });
  }
  return ground.job(id, { priority });
}
