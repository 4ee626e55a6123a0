/**
 * `reports`: the views for dashboards show what the lists do, in pages, at a bounded cost.
 */

import assert from "node:assert/strict";
import type { NewJob } from "../../src/core/job.ts";
import type { ArrivalRange, JobOrder, Page, PageRequest } from "../../src/core/reports.ts";
import type { Store } from "../../src/core/store.ts";
import type { Behaviour } from "./store_under_test.ts";
import { allEvents, endAttempt, enqueueIds } from "./samples.ts";

const NOW = 1_800_000_000_000;

function newJob(id: string, over: Partial<NewJob> = {}): NewJob {
  return {
    ...{
      id,
      command: `echo ${id}`,
      queue: "default",
      priority: 0,
      maxRetries: 1,
      timeoutMs: 0,
      backoffBase: 2,
    },
    ...{ cwd: "/", env: {}, runAt: 0 },
    ...over,
  };
}

/** Claims the next job and ends its attempt. */
async function attempt(
  store: Store,
  outcome: "succeeded" | "failed",
  at: number,
  tookMs = 10,
): Promise<void> {
  const token = crypto.randomUUID();
  const job = (await store.claim({ workerId: 1, queues: [], mode: "fifo", token }, at - tookMs))!;
  const end = { outcome, exitCode: 1, signal: null, error: outcome === "failed" ? "no luck" : null };
  const ref = { jobSeq: job.seq, attemptId: job.claim.attemptId, token };
  await endAttempt(store, ref, end, { now: at, maxBackoffMs: 1000 });
}

function request(over: Partial<PageRequest> = {}): PageRequest {
  return { order: "created", direction: "ascending", from: null, limit: 10, ...over };
}

/** The ids of all pages together, and how many pages that were. */
async function walk(store: Store, asked: PageRequest): Promise<{ ids: string[]; pages: Page[] }> {
  const pages: Page[] = [];
  let from = asked.from;
  do {
    const page = await store.reports.page({ ...asked, from });
    pages.push(page);
    from = page.end;
  } while (from !== null);
  return { ids: pages.flatMap(({ jobs }) => jobs.map(({ id }) => id)), pages };
}

/** Registers what the views must do. */
export function reportBehaviours(behaviour: Behaviour): void {
  behaviour(
    "reports.page: every order goes through all of its jobs once, in pages, up and down",
    async ({ store }) => {
      await store.enqueue(Array.from({ length: 25 }, (_, index) => newJob(`j${index}`)), NOW);
      const later = Array.from(
        { length: 15 },
        (_, index) => newJob(`l${index}`, { runAt: NOW * 2 - (index >> 1) }),
      );
      await store.enqueue(later, NOW);
      // Several jobs end at the same moment.
      for (let index = 0; index < 20; index++) {
        await attempt(store, index % 3 === 0 ? "failed" : "succeeded", NOW + 1000 + (index >> 2));
      }
      const orders: [JobOrder, number][] = [["created", 40], ["finished", 20], ["due", 15]];
      for (const [order, count] of orders) {
        for (const limit of [1, 7, 100]) {
          const up = await walk(store, request({ order, limit }));
          assert.equal(new Set(up.ids).size, count, `${order} ${limit}`);
          assert.equal(up.ids.length, count);
          const down = await walk(store, request({ order, limit, direction: "descending" }));
          assert.deepEqual(down.ids, up.ids.toReversed());
          const times = up.pages.flatMap(({ jobs }) => jobs.map((job) => job.finishedAt ?? job.runAt ?? 0));
          if (order !== "created") assert.deepEqual(times, times.toSorted((a, b) => a - b));
        }
      }
    },
  );

  behaviour(
    "reports.page: states, queue and text restrict every order as they restrict a list",
    async ({ store }) => {
      await store.enqueue(
        Array.from(
          { length: 60 },
          (_, index) =>
            newJob(`job-${index}`, {
              queue: index % 2 ? "odd" : "even",
              command: index % 5 ? "make" : "MAKE tea",
            }),
        ),
        NOW,
      );
      for (let index = 0; index < 30; index++) {
        await attempt(store, index % 4 ? "succeeded" : "failed", NOW + index);
      }
      const filters = [
        { states: ["dead"] },
        { states: ["dead", "pending"] },
        { queue: "odd" },
        { states: ["completed"], queue: "even" },
        { search: "make TEA" },
        { search: "job-1", states: ["pending", "completed"], queue: "odd" },
      ] as const;
      for (const filter of filters) {
        const wanted = (await store.jobs(filter)).map(({ id }) => id);
        assert.ok(wanted.length > 0);
        assert.deepEqual((await walk(store, request({ ...filter, limit: 4 }))).ids, wanted);
        const finished = (await walk(store, request({ ...filter, order: "finished", limit: 4 }))).ids;
        const ended = (await store.jobs(filter)).filter((job) => "finishedAt" in job).map(({ id }) => id);
        assert.deepEqual(finished, ended);
        const everything = { afterSeq: 0, upToSeq: await store.reports.newestSeq() };
        const counted = await store.reports.countMatching(filter, everything);
        assert.deepEqual(counted, { count: wanted.length, end: null });
        if (!("search" in filter)) {
          const { states, queue } = filter as { states?: ("dead")[]; queue?: string };
          assert.equal(await store.reports.count(states, queue), wanted.length);
        }
      }
    },
  );

  behaviour(
    "reports.page: looks at a bounded number of jobs, says that it stopped, and goes on from there",
    async ({ store }) => {
      const jobs = Array.from({ length: 120_000 }, (_, index) => newJob(`j${index}`));
      await store.enqueue([newJob("needle-first"), ...jobs, newJob("needle-last")], NOW);
      const first = await store.reports.page(request({ search: "NEEDLE", direction: "descending" }));
      assert.deepEqual([first.jobs.map(({ id }) => id), first.isPartial], [["needle-last"], true]);
      const { ids, pages } = await walk(store, request({ search: "needle", direction: "descending" }));
      assert.deepEqual(ids, ["needle-last", "needle-first"]);
      assert.ok(pages.length > 2 && pages.length < 6, `${pages.length} pages`);
      assert.equal(pages.at(-1)!.isPartial, false);
    },
  );

  behaviour(
    "reports.countMatching: looks at a bounded number of jobs of a stretch, and goes on from there",
    async ({ store }) => {
      const { reports } = store;
      assert.equal(await reports.newestSeq(), 0);
      const count = (search: string, range: ArrivalRange) => reports.countMatching({ search }, range);
      assert.deepEqual(await count("j", { afterSeq: 0, upToSeq: 0 }), { count: 0, end: null });
      const jobs = Array.from({ length: 60_000 }, (_, index) => newJob(`j${index}`));
      await store.enqueue([newJob("needle-first"), ...jobs, newJob("needle-last")], NOW);
      const upToSeq = await reports.newestSeq();
      await store.enqueue([newJob("needle-later")], NOW);
      const part = await count("NEEDLE", { afterSeq: 0, upToSeq });
      assert.equal(part.count, 1);
      assert.ok(part.end !== null && part.end >= 50_000 && part.end < upToSeq, `${part.end}`);
      assert.deepEqual(await count("needle", { afterSeq: part.end, upToSeq }), { count: 1, end: null });
      assert.deepEqual(await count("needle", { afterSeq: 0, upToSeq: 1 }), { count: 1, end: null });
      assert.equal(await reports.newestSeq(), upToSeq + 1);
    },
  );

  behaviour("reports.page: a summary is cut where a text is very long", async ({ store }) => {
    await store.enqueue([newJob("long", { command: "ü".repeat(100_000) })], NOW);
    const [job] = (await store.reports.page(request())).jobs;
    assert.deepEqual([job!.command.length, job!.commandLength], [500, 100_000]);
  });

  behaviour(
    "reports.oldestReadyAt: is when the job became ready that waits longest, with or without a worker",
    async ({ store }) => {
      const { reports } = store;
      assert.equal(await reports.oldestReadyAt(null, NOW), null);
      await store.enqueue([newJob("later", { runAt: NOW + 5000, queue: "q" })], NOW);
      assert.equal(await reports.oldestReadyAt(null, NOW), null);
      // Its time has come, but nobody has claimed anything since.
      assert.equal(await reports.oldestReadyAt(null, NOW + 6000), NOW + 5000);
      await store.enqueue([newJob("ready", { runAt: NOW + 5500 })], NOW + 5500);
      assert.equal(await reports.oldestReadyAt(null, NOW + 6000), NOW + 5000);
      assert.equal(await reports.oldestReadyAt("default", NOW + 6000), NOW + 5500);
      assert.equal(await reports.oldestReadyAt("q", NOW + 6000), NOW + 5000);
      assert.equal(await reports.oldestReadyAt("other", NOW + 6000), null);
    },
  );

  behaviour(
    "reports.tally: counts the ends of a time by outcome, newest attempts first, a slice at a time",
    async ({ store }) => {
      await store.enqueue(Array.from({ length: 10 }, (_, index) => newJob(`j${index}`)), NOW);
      for (let index = 0; index < 10; index++) {
        await attempt(store, index < 4 ? "failed" : "succeeded", NOW + index * 1000, 100);
      }
      const options = { fromMs: NOW + 1000, toMs: NOW + 8000, stretchMs: 5000, limit: 4 };
      const found = new Map<string, number>();
      let before: number | null = null;
      let slices = 0;
      do {
        const slice: Awaited<ReturnType<typeof store.reports.tally>> = await store.reports.tally(
          before,
          options,
        );
        for (const { stretch, outcome, count, totalMs } of slice.tallies) {
          const key = `${stretch - NOW / 5000} ${outcome}`;
          found.set(key, (found.get(key) ?? 0) + count);
          assert.equal(totalMs, count * 100);
        }
        before = slice.before;
        slices++;
      } while (before !== null);
      assert.equal(slices, 3);
      assert.deepEqual(Object.fromEntries(found), { "0 failed": 3, "0 succeeded": 1, "1 succeeded": 4 });
    },
  );

  behaviour(
    "reports.queueDepths: the queues with the most to do come first, and the rest is counted",
    async ({ store }) => {
      const jobs = ["a", "b", "b", "c", "c", "c"].map((queue, index) => newJob(`j${index}`, { queue }));
      await store.enqueue(jobs, NOW);
      const { queues, total } = await store.reports.queueDepths(2);
      assert.deepEqual(queues.map(({ queue, counts }) => [queue, counts.pending]), [["c", 3], ["b", 2]]);
      assert.equal(total, 3);
    },
  );

  behaviour(
    "reports.entriesBefore: is what the log says next before each entry about the same job",
    async ({ store }) => {
      await store.enqueue([newJob("a"), newJob("b")], NOW);
      await attempt(store, "failed", NOW + 1000);
      assert.equal(await store.reports.lastEntryId(), 4);
      const entries = await store.events(0, 10);
      const before = await store.reports.entriesBefore(entries);
      assert.deepEqual(before.map((entry) => entry?.event.type ?? null), [null, null, "enqueued", "claimed"]);
      assert.deepEqual(before[2], entries[0]);
      await store.delete({ ids: ["a"] }, { now: NOW, limit: 10 });
      assert.equal(await store.reports.lastEntryId(), 5);
    },
  );

  behaviour("reports.lastEntryId: a watcher that begins there sees only what comes", async ({ store }) => {
    assert.equal(await store.reports.lastEntryId(), 0);
    await enqueueIds(store, ["a", "b"]);
    const newest = await store.reports.lastEntryId();
    assert.equal(newest, (await allEvents(store)).at(-1)!.id);
    await enqueueIds(store, ["c"]);
    assert.deepEqual((await store.events(newest, 10)).map(({ jobId }) => jobId), ["c"]);
  });
}
