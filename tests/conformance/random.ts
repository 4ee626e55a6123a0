/**
 * Random histories: after every step a store agrees with a list of jobs in memory that knows only
 * `lifecycle.ts`, its counts agree with a recount, and its log replays to its rows.
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { type AttemptEnd, type Outcome, OUTCOMES } from "../../src/core/attempt.ts";
import type { SchedulingMode } from "../../src/core/config.ts";
import type { Job, NewJob, ProcessingJob } from "../../src/core/job.ts";
import { enqueue, type LifecycleEvent, transition } from "../../src/core/lifecycle.ts";
import type { ClaimRequest, Store, UserEvent } from "../../src/core/store.ts";
import { allEvents, endAttempt, newJob, newWorker, recount, refOf, T0 } from "./samples.ts";
import type { Behaviour, OpenStore, StoreUnderTest } from "./store_under_test.ts";

const QUEUES = ["a", "b", "c"];
const MAX_BACKOFF_MS = 9000;
/** CI asks for more. */
const RUNS = Number(Deno.env.get("QUEUECTL_MODEL_RUNS") ?? 100);

type Step =
  | { do: "enqueue"; jobs: { queue: number; priority: number; maxRetries: number; delayMs: number }[] }
  | { do: "enqueue twice"; pick: number }
  | { do: "claim"; worker: number; queues: number[]; mode: SchedulingMode; byOther: boolean }
  | { do: "end"; pick: number; outcome: Exclude<Outcome, "lost">; late: boolean; takesNext: boolean }
  | { do: "recover"; worker: number }
  | { do: "user"; picks: number[]; event: UserEvent }
  | { do: "delete"; state: number; limit: number }
  | { do: "beat"; worker: number }
  | { do: "crash" }
  | { do: "wait"; ms: number };

const pick = fc.nat(1000);
const queue = fc.nat(QUEUES.length - 1);

/** One step of a history; those that move jobs on come up more often. */
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("enqueue" as const),
      jobs: fc.array(
        fc.record({
          queue,
          priority: fc.nat(10),
          maxRetries: fc.integer({ min: 1, max: 3 }),
          delayMs: fc.constantFrom(0, 0, -500, 1500, 4000),
        }),
        { maxLength: 4 },
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("enqueue twice" as const), pick }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("claim" as const),
      worker: fc.nat(2),
      queues: fc.uniqueArray(queue, { maxLength: 2 }),
      mode: fc.constantFrom("priority" as const, "fifo" as const),
      byOther: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("end" as const),
      pick,
      outcome: fc.constantFrom(...OUTCOMES.filter((outcome) => outcome !== "lost")),
      late: fc.boolean(),
      takesNext: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("recover" as const), worker: fc.nat(2) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("user" as const),
      picks: fc.uniqueArray(pick, { minLength: 1, maxLength: 3 }),
      event: fc.constantFrom<UserEvent[]>(
        { type: "cancel_requested" },
        { type: "retried", keepAttempts: false },
        { type: "retried", keepAttempts: true },
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("delete" as const),
      state: fc.nat(5),
      limit: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("beat" as const), worker: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("crash" as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      // Clocks are set back, too.
      ms: fc.oneof({ weight: 5, arbitrary: fc.nat(5000) }, {
        weight: 1,
        arbitrary: fc.integer({ min: -3000, max: 0 }),
      }),
    }),
  },
);

/** A store, and what should be in it. */
class History {
  #store: Store;
  #other: Store;
  readonly #another: () => Promise<Store>;
  /** In order of arrival. */
  #jobs: Job[] = [];
  /** Waiting jobs whose time has come; once it has, setting the clock back doesn't change that. */
  readonly #ready = new Set<number>();
  readonly #asGiven = new Map<number, NewJob>();
  readonly #workerIds: number[] = [];
  readonly #tokens: string[] = [];
  #lastHeld: ProcessingJob | null = null;
  #now = T0;
  #nextId = 1;

  private constructor(store: Store, other: Store, another: () => Promise<Store>) {
    this.#store = store;
    this.#other = other;
    this.#another = another;
  }

  static async begin({ store, another }: StoreUnderTest): Promise<History> {
    const history = new History(store, await another(), another);
    for (let pid = 1; pid <= 3; pid++) {
      history.#workerIds.push((await store.registerWorker(newWorker(pid), T0)).id);
    }
    return history;
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case "enqueue":
        return await this.#enqueue(step.jobs);
      case "enqueue twice":
        return await this.#enqueueTwice(step.pick);
      case "claim":
        return await this.#claim(step);
      case "end":
        return await this.#end(step);
      case "recover":
        return await this.#recover(step.worker);
      case "user":
        return await this.#user(step);
      case "delete":
        return await this.#delete(step);
      case "beat":
        assert.equal(await this.#store.beat(this.#workerIds[step.worker]!, this.#now), true);
        return;
      case "crash":
        // The connection is left as it is, with nothing said to anyone, and another one goes on.
        [this.#store, this.#other] = [this.#other, await this.#another()];
        return;
      case "wait":
        this.#now += step.ms;
    }
  }

  /** What holds after every step. */
  async check(): Promise<void> {
    assert.deepEqual(await this.#store.jobs({}), this.#jobs);
    assert.deepEqual(await this.#store.counts(), await recount(this.#store));
    const waiting = this.#jobs.filter((job) => job.state === "pending" || job.state === "failed");
    const notReady = waiting.filter((job) => !this.#ready.has(job.seq)).map((job) => job.runAt);
    assert.equal(await this.#store.nextRunAt([]), notReady.length === 0 ? null : Math.min(...notReady));
    const held = this.#jobs.filter((job) => job.state === "processing");
    assert.deepEqual(await this.#store.processing(), held);
    const running = (await this.#store.recentAttempts(100_000)).filter(({ outcome }) => outcome === null);
    assert.deepEqual(
      running.map(({ id, number }) => [id, number]),
      held.map((job) => [job.claim.attemptId, job.attempts]).toSorted(([a], [b]) => a! - b!),
    );
  }

  /** Replays the log from the jobs as they were given. */
  async checkReplay(): Promise<void> {
    const entries = await allEvents(this.#store);
    const text = JSON.stringify(entries);
    for (const token of this.#tokens) assert.ok(!text.includes(token), "a token is in the log");
    const replayed = new Map<number, Job>();
    for (const { jobSeq, event, at } of entries) {
      if (jobSeq === null || event.type === "deleted" || event.type === "progressed") continue;
      if (event.type === "enqueued") {
        replayed.set(jobSeq, enqueue({ ...this.#asGiven.get(jobSeq)!, runAt: event.runAt }, jobSeq, at));
      } else {
        replayed.set(jobSeq, transition(replayed.get(jobSeq)!, event as LifecycleEvent, at));
      }
    }
    const stored = (await this.#store.jobs({})).map((job) =>
      job.state === "processing" ? { ...job, claim: { ...job.claim, token: "" } } : job
    );
    assert.deepEqual([...replayed.values()].toSorted((a, b) => a.seq - b.seq), stored);
  }

  async #enqueue(given: Extract<Step, { do: "enqueue" }>["jobs"]): Promise<void> {
    const jobs = given.map(({ queue, priority, maxRetries, delayMs }) =>
      newJob(`job${this.#nextId++}`, {
        ...{ queue: QUEUES[queue]!, priority, maxRetries, runAt: this.#now + delayMs },
      })
    );
    const stored = await this.#store.enqueue(jobs, this.#now);
    for (const [index, job] of stored.entries()) {
      assert.deepEqual(job, enqueue(jobs[index]!, job.seq, this.#now));
      this.#asGiven.set(job.seq, jobs[index]!);
      this.#jobs.push(job);
      this.#noteReadiness(job);
    }
  }

  async #enqueueTwice(pick: number): Promise<void> {
    const taken = this.#jobs[pick % this.#jobs.length];
    if (taken === undefined) return;
    const batch = [newJob("new", { queue: "d" }), newJob(taken.id, { queue: "d" })];
    await assert.rejects(this.#store.enqueue(batch, this.#now), { code: "conflict", index: 1 });
  }

  async #claim({ worker, queues, mode, byOther }: Extract<Step, { do: "claim" }>): Promise<void> {
    const request = this.#request(worker, { queues: queues.map((queue) => QUEUES[queue]!), mode });
    const expected = this.#nextInLine(request);
    const store = byOther ? this.#other : this.#store;
    this.#checkClaimed(await store.claim(request, this.#now), { request, expected });
  }

  #request(worker: number, from: { queues: string[]; mode: SchedulingMode }): ClaimRequest {
    const token = `token-${crypto.randomUUID()}`;
    this.#tokens.push(token);
    return { workerId: this.#workerIds[worker]!, token, ...from };
  }

  /** What a claim must take now; all whose time has come are ready from then on. */
  #nextInLine({ queues, mode }: ClaimRequest): Job | null {
    const waiting = this.#jobs
      .filter((job) => job.state === "pending" || job.state === "failed")
      .filter((job) => queues.length === 0 || queues.includes(job.queue));
    for (const job of waiting) if (job.runAt <= this.#now) this.#ready.add(job.seq);
    const ready = waiting.filter((job) => this.#ready.has(job.seq))
      .toSorted((a, b) => mode === "fifo" ? a.seq - b.seq : b.priority - a.priority || a.seq - b.seq);
    return ready[0] ?? null;
  }

  #checkClaimed(
    job: ProcessingJob | null,
    { request, expected }: { request: ClaimRequest; expected: Job | null },
  ): void {
    if (expected === null) return assert.equal(job, null);
    // A job that was ready before the clock was set back stays so; its claim is not stamped before its time.
    const at = Math.max(this.#now, "runAt" in expected ? expected.runAt : 0);
    const { workerId, token } = request;
    const claim = { workerId, token, attemptId: job?.claim.attemptId ?? 0, since: at };
    assert.deepEqual(job, transition(expected, { type: "claimed", claim }, at));
    this.#put(job!);
  }

  async #end({ pick, outcome, late, takesNext }: Extract<Step, { do: "end" }>): Promise<void> {
    const held = this.#jobs.filter((job) => job.state === "processing");
    const job = late ? this.#lastHeld : held[pick % held.length] ?? null;
    if (job === null) return;
    const end = this.#endWith(late ? "succeeded" : outcome);
    const options = { now: this.#now, maxBackoffMs: MAX_BACKOFF_MS };
    const expected = late
      ? null
      : transition(job, { type: "ended", end, maxBackoffMs: MAX_BACKOFF_MS }, this.#now);
    if (!late) this.#lastHeld = job;
    if (!takesNext) {
      const ended = await endAttempt(this.#store, refOf(job), end, options);
      assert.deepEqual(ended, expected);
      if (ended !== null) this.#put(ended);
      return;
    }
    const request = this.#request(0, { queues: [], mode: "priority" });
    const { ended: [ended], next } = await this.#store.endAttemptsAndClaim(
      [{ ref: refOf(job), end }],
      () => ({
        ...options,
        next: [request],
      }),
    );
    assert.deepEqual(ended, expected);
    if (ended) this.#put(ended);
    this.#checkClaimed(next[0] ?? null, { request, expected: this.#nextInLine(request) });
  }

  async #recover(worker: number): Promise<void> {
    const id = this.#workerIds[worker]!;
    const held = this.#jobs.filter((job) => job.state === "processing" && job.claim.workerId === id);
    const jobs = await this.#store.recoverWorker(id, this.#now);
    const end = this.#endWith("lost");
    const expected = held.map((job) => transition(job, { type: "ended", end, maxBackoffMs: 0 }, this.#now));
    assert.deepEqual(jobs, expected);
    assert.equal(await this.#other.recoverWorker(id, this.#now), null);
    jobs!.forEach((job) => this.#put(job));
    this.#workerIds[worker] = (await this.#store.registerWorker(newWorker(worker + 1), this.#now)).id;
  }

  async #user({ picks, event }: Extract<Step, { do: "user" }>): Promise<void> {
    if (this.#jobs.length === 0) return;
    const chosen = [...new Set(picks.map((pick) => this.#jobs[pick % this.#jobs.length]!))];
    const ids = chosen.map((job) => job.id);
    let expected: Job[];
    try {
      expected = chosen.map((job) => transition(job, event, this.#now));
    } catch {
      await assert.rejects(this.#other.apply(ids, event, this.#now), { code: "conflict" });
      return;
    }
    assert.deepEqual(await this.#other.apply(ids, event, this.#now), expected);
    expected.forEach((job) => this.#put(job));
  }

  async #delete({ state, limit }: Extract<Step, { do: "delete" }>): Promise<void> {
    const states = (["pending", "processing", "completed", "failed", "dead", "cancelled"] as const)
      .slice(state, state + 2);
    const gone = await this.#store.delete({ states }, { now: this.#now, limit });
    const matching = this.#jobs.filter((job) => job.state !== "processing" && states.includes(job.state));
    assert.equal(gone.length, Math.min(limit, matching.length));
    for (const { seq } of gone) assert.ok(matching.some((job) => job.seq === seq));
    this.#jobs = this.#jobs.filter((job) => !gone.some(({ seq }) => seq === job.seq));
  }

  #endWith(outcome: Outcome): AttemptEnd {
    const error = outcome === "succeeded" ? null : `because it ${outcome}`;
    return { outcome, exitCode: outcome === "failed" ? 3 : null, signal: null, error };
  }

  #put(job: Job): void {
    this.#jobs[this.#jobs.findIndex(({ seq }) => seq === job.seq)] = job;
    this.#noteReadiness(job);
  }

  #noteReadiness(job: Job): void {
    if ("runAt" in job && job.runAt <= this.#now) this.#ready.add(job.seq);
    else this.#ready.delete(job.seq);
  }
}

/** Registers the random histories; each needs a store of its own, so they are given `open`. */
export function randomBehaviours(behaviour: Behaviour, open: OpenStore): void {
  behaviour("counts: agree with a recount, and all else with a model, after random histories", async () => {
    const seed = Number(Deno.env.get("QUEUECTL_MODEL_SEED") ?? Date.now() % 2 ** 31);
    Deno.stderr.writeSync(
      new TextEncoder().encode(`random histories: ${RUNS} runs, QUEUECTL_MODEL_SEED=${seed}\n`),
    );
    const histories = fc.array(step, { minLength: 10, maxLength: 60, size: "max" });
    await fc.assert(
      fc.asyncProperty(histories, async (steps) => {
        const tested = await open();
        try {
          const history = await History.begin(tested);
          for (const step of steps) {
            await history.take(step);
            await history.check();
          }
          await history.checkReplay();
        } finally {
          await tested.close();
        }
      }),
      { numRuns: RUNS, seed },
    );
  });
}
