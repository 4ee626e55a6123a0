/**
 * The time of day is set while workers and clients are at work: by an hour, by a day, both ways.
 */

import { waitFor } from "../../harness/wait_for.ts";
import { bootTime, type Evidence } from "../evidence.ts";
import { FakeClock } from "../../harness/fake_clock.ts";
import type { ChaosJob, Ground, Tally } from "../ground.ts";
import { skip } from "../skip.ts";

/** Where the clock is set to, one after the other, in seconds from the true time. It shows that at first. */
export interface ClockSize {
  readonly offsets: readonly number[];
}

const HOUR = 3600;
const DAY = 86_400;

/** One step of each kind: +1 h, -1 h, -1 day, +1 day. */
export const SMALL_CLOCK: ClockSize = { offsets: [HOUR, 0, -DAY, 0] };
/** Steps of all kinds from wherever the clock has come to. */
export const FULL_CLOCK: ClockSize = {
  offsets: [
    HOUR,
    0,
    -HOUR,
    0,
    DAY,
    DAY + HOUR,
    DAY,
    0,
    -DAY,
    -DAY - HOUR,
    -DAY,
    0,
    HOUR,
    2 * HOUR,
    DAY,
    -DAY,
  ],
};

const WORKERS = 2;
/** How long a job may take that has nothing to wait for. */
const STUCK_AFTER_MS = 30_000;
/** Due within the next step forwards, but not before. */
const FAR_SECONDS = 1800;
/** A job's own record of its start has steps of 10 ms. */
const SLACK_MS = 30;
const NO_LIBRARY = "the clock can't be set for single processes: libfaketime is missing, or doesn't work";

/**
 * At each step long jobs are running (the lease is one second), others are ready and one is due in half an
 * hour; after it more are enqueued, of which one fails once, one is due soon and one exceeds its timeout. No
 * worker may be taken for dead, nothing begin before its time by the clock as it is then, nothing be stuck.
 */
export async function clockSteps(
  ground: Ground,
  size: ClockSize,
): Promise<{ evidence: Evidence; tally: Tally }> {
  return await withClock(ground, async (clock) => {
    const due: Due[] = [];
    for (const [round, offset] of size.offsets.entries()) {
      due.push(...await step(ground, clock, { round, offset }));
    }
    clock.set(Math.max(...size.offsets) + DAY); // so that what is due far from now may run
    await ground.untilDrained(STUCK_AFTER_MS);
    await ground.home.run("worker", "stop");
    const evidence = await ground.evidence({ clockWasSet: true });
    refuseRescues(evidence);
    refuseEarlyStarts(evidence, due);
    return { evidence, tally: tallyOf(evidence, size.offsets.length) };
  });
}

/**
 * The clock is set back by an hour while a failed job waits for its next attempt in three seconds. The delay
 * is a length of time, not a time of day: the job must not wait for an hour.
 */
export async function setBackInBackoff(ground: Ground): Promise<{ evidence: Evidence; tally: Tally }> {
  return await withClock(ground, async (clock) => {
    const job = ground.job("waiting", { failures: 1, backoff_base: 3 });
    await enqueue(ground, clock, [job]);
    await waitFor("the first attempt to fail", async () => (await stateOf(ground, job.id)) === "failed");
    clock.set(-HOUR);
    await untilCompleted(ground, [job], "the clock was set back by an hour during its backoff delay");
    await ground.home.run("worker", "stop");
    const evidence = await ground.evidence({ clockWasSet: true });
    return { evidence, tally: tallyOf(evidence, 1) };
  });
}

async function withClock(
  ground: Ground,
  trial: (clock: FakeClock) => Promise<{ evidence: Evidence; tally: Tally }>,
): Promise<{ evidence: Evidence; tally: Tally }> {
  const clock = await FakeClock.create(ground.home.dir);
  if (clock === null) return await skip(ground, NO_LIBRARY);
  try {
    await ground.home.run("config", "set", "lock_lease_seconds", "1");
    await ground.home.run("config", "set", "kill_grace_seconds", "1");
    const { code, stderr } = await clock.call(["worker", "start", "--count", String(WORKERS)]);
    if (code !== 0) throw new Error(`Workers can't be started with libfaketime: ${stderr}`);
    return await trial(clock);
  } finally {
    for (const worker of await ground.livingWorkers()) Deno.kill(worker.pid, "SIGKILL");
    clock.tidy();
  }
}

/** A start that must not come before a time, in ms since the epoch by the true clock. */
interface Due {
  readonly jobId: string;
  readonly attempt: number;
  readonly at: number;
}

/** One round; returns which starts must not have come before which time. */
async function step(
  ground: Ground,
  clock: FakeClock,
  { round, offset }: { round: number; offset: number },
): Promise<Due[]> {
  const isForwards = offset * 1000 > clock.offsetMs;
  const long = [0, 1].map((index) => ground.job(`long-${round}-${index}`, { seconds: 2.5 }));
  const ready = [0, 1, 2].map((index) => ground.job(`ready-${round}-${index}`));
  const far = ground.job(`far-${round}`, { queue: "far", run_at: iso(clock.now() + FAR_SECONDS * 1000) });
  await enqueue(ground, clock, [...long, ...ready, far]);
  for (const { id } of long) await ground.home.untilJob(id, "processing");
  clock.set(offset);

  const soonAt = clock.now() + 1500;
  const fresh = [0, 1, 2].map((index) => ground.job(`fresh-${round}-${index}`));
  const failing = ground.job(`failing-${round}`, { failures: 1 });
  const soon = ground.job(`soon-${round}`, { run_at: iso(soonAt) });
  const overdue = ground.job(`overdue-${round}`, { seconds: 30, timeout: 1, max_retries: 1 });
  await enqueue(ground, clock, [...fresh, failing, soon, overdue]);
  const what = `the clock was set to ${offset} s from the true time`;
  await untilCompleted(ground, [...long, ...ready, ...fresh, failing, soon], what);
  await ground.home.untilJob(overdue.id, "dead", STUCK_AFTER_MS);
  if (isForwards) await untilCompleted(ground, [far], what);
  else if (await stateOf(ground, far.id) !== "pending") {
    throw new Error(`${far.id} was run though the clock was set back before it was due`);
  }
  return [{ jobId: soon.id, attempt: 1, at: soonAt - clock.offsetMs }];
}

async function enqueue(ground: Ground, clock: FakeClock, jobs: readonly ChaosJob[]): Promise<void> {
  const { code, stderr } = await clock.call(["enqueue", "-"], JSON.stringify(jobs));
  ground.acknowledge(jobs, code === 0 ? "ok" : "fail");
  if (code !== 0) throw new Error(`A client saw an error: ${stderr}`);
}

async function untilCompleted(ground: Ground, jobs: readonly ChaosJob[], what: string): Promise<void> {
  const wanted = new Set(jobs.map((job) => job.id));
  let left: string[] = [];
  await waitFor("the jobs", async () => {
    const listed: { id: string; state: string }[] = await ground.home.json("list");
    left = listed.filter((job) => wanted.has(job.id) && job.state !== "completed")
      .map((job) => `${job.id} is ${job.state}`);
    return left.length === 0;
  }, STUCK_AFTER_MS).catch(() => {
    throw new Error(`Stuck for ${STUCK_AFTER_MS} ms after ${what}: ${left.join(", ")}`);
  });
}

async function stateOf(ground: Ground, id: string): Promise<string> {
  return (await ground.home.json("get", id)).state;
}

function refuseRescues({ events }: Evidence): void {
  const lost = events.filter(({ event }) => event.type === "worker_lost").length;
  if (lost > 0) {
    throw new Error(`False rescue: ${lost} workers were taken for dead because the clock was set`);
  }
}

/** Judged by the jobs' own records, in time since boot: the store's times could be wrong together. */
function refuseEarlyStarts({ ledger }: Evidence, due: readonly Due[]): void {
  const bootAt = bootTime();
  const starts = new Map(
    ledger.filter((line) => line.kind === "S").map((line) => [`${line.jobId} ${line.attempt}`, line.bootMs]),
  );
  for (const { jobId, attempt, at } of due) {
    const startedMs = starts.get(`${jobId} ${attempt}`);
    if (startedMs === undefined) throw new Error(`${jobId} has no record of attempt ${attempt}`);
    const earlyMs = at - (bootAt + startedMs);
    if (earlyMs > SLACK_MS) throw new Error(`${jobId} began ${earlyMs} ms before its time`);
  }
  for (const line of ledger.filter(({ kind, attempt }) => kind === "E" && attempt === 1)) {
    const next = starts.get(`${line.jobId} 2`);
    const delayMs = 1000; // the base of the backoff is 1
    if (next !== undefined && next - line.bootMs < delayMs - SLACK_MS) {
      throw new Error(
        `${line.jobId} was tried again after ${next - line.bootMs} ms, before its backoff delay`,
      );
    }
  }
}

function tallyOf(evidence: Evidence, faults: number): Tally {
  return { jobs: evidence.jobs.length, faults, recoveriesMs: [] };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
