/**
 * A small trial in which everything happens at least once: kills, freezes, forced and graceful stops, clients
 * that are killed, workers that come back from the dead, retries, priorities, schedules. Made to be quick, so
 * that it can be repeated for each planted fault.
 */

import type { Evidence } from "../evidence.ts";
import { type ChaosJob, type Ground, recoveryTimes, type Tally } from "../ground.ts";
import { waitFor } from "../../harness/wait_for.ts";

/** How many rounds of mischief. */
export interface LifeSize {
  readonly rounds: number;
}

const JOBS_A_ROUND = 30;
const KILLED_CLIENTS = 3;
const BULK = 400;

/** Runs the trial and returns the records of it. */
export async function lifeAndDeath(
  ground: Ground,
  size: LifeSize,
): Promise<{ evidence: Evidence; tally: Tally }> {
  await ground.home.run("config", "set", "lock_lease_seconds", "1");
  await ground.home.run("config", "set", "kill_grace_seconds", "1");
  await ground.enqueue(
    Array.from({ length: JOBS_A_ROUND }, (_, index) => mixedJob(ground, `first-${index}`)),
  );
  await ground.home.startWorkers(3);
  for (let round = 0; round < size.rounds; round++) {
    for (let client = 0; client < KILLED_CLIENTS; client++) {
      await killClient(ground, `bulk-${round}-${client}`);
    }
    await ground.enqueue(
      Array.from({ length: JOBS_A_ROUND }, (_, index) => mixedJob(ground, `job-${round}-${index}`)),
    );
    await killBusy(ground, `long-${round}`);
    await forceBusy(ground, `forced-${round}`);
    await stopGracefully(ground, `last-${round}`);
  }
  await cancelBulks(ground);
  await ground.untilDrained(60_000);
  await ground.home.run("worker", "stop");
  const evidence = await ground.evidence();
  return {
    evidence,
    tally: {
      jobs: evidence.jobs.length,
      faults: size.rounds * (KILLED_CLIENTS + 3),
      recoveriesMs: recoveryTimes(evidence),
    },
  };
}

/** Kills a client somewhere on its way through a bulk of jobs that are never due. */
async function killClient(ground: Ground, prefix: string): Promise<void> {
  const options = { queue: "never", run_at: "2099-01-01" };
  const bulk = Array.from({ length: BULK }, (_, index) => ground.job(`${prefix}-${index}`, options));
  await ground.enqueueAndKill(bulk, ground.between(110, 260));
}

/** Kills the worker that runs a long job; once the job runs again, the dead one's claims are tried. */
async function killBusy(ground: Ground, id: string): Promise<void> {
  await ground.enqueue([ground.job(id, { seconds: 1.5, priority: 10 })]);
  const victim = await busyWith(ground, id);
  const claims = ground.claims();
  ground.strike(victim, "kill");
  await ground.home.startWorkers(1);
  await busyWith(ground, id);
  await ground.haunt(claims.filter((claim) => !ground.claims().some((held) => held.token === claim.token)));
}

/** Tells a busy worker to stop at once; its job must be over before it runs again. */
async function forceBusy(ground: Ground, id: string): Promise<void> {
  await ground.enqueue([ground.job(id, { seconds: 1.5, priority: 10 })]);
  ground.strike(await busyWith(ground, id), "force");
  await ground.home.startWorkers(1);
  await busyWith(ground, id);
}

/** Stops a worker gracefully while its job takes longer than the lease: nobody may take it for dead. */
async function stopGracefully(ground: Ground, id: string): Promise<void> {
  await ground.enqueue([ground.job(id, { seconds: 3, priority: 10 })]);
  const worker = await busyWith(ground, id);
  Deno.kill(worker.pid, "SIGTERM");
  await ground.home.startWorkers(1);
  await waitFor(`${id} to end`, async () => (await ground.home.json("get", id)).state !== "processing");
}

async function busyWith(ground: Ground, id: string) {
  return await waitFor(`a worker to run ${id}`, async () => {
    const workers = await ground.livingWorkers();
    return workers.find((worker) => worker.state === "busy" && worker.jobs.some((job) => job.id === id)) ??
      null;
  });
}

/** The bulks were there to be enqueued, not to be run. */
async function cancelBulks(ground: Ground): Promise<void> {
  const waiting = await ground.home.json("list", "--queue", "never", "--state", "pending");
  for (let first = 0; first < waiting.length; first += 200) {
    await ground.home.run(
      "cancel",
      ...waiting.slice(first, first + 200).map((job: { id: string }) => job.id),
    );
  }
}

function mixedJob(ground: Ground, id: string): ChaosJob {
  const kind = ground.between(0, 9);
  const priority = ground.between(0, 9);
  if (kind === 0) return ground.job(id, { failures: 1, backoff_base: 1.5, priority });
  if (kind === 1) return ground.job(id, { failures: 9, max_retries: 2, backoff_base: 1.5, priority });
  if (kind === 2) return ground.job(id, { run_at: new Date(Date.now() + 2000).toISOString(), priority });
  return ground.job(id, { seconds: ground.between(0, 1) / 20, priority });
}
