/**
 * `jobs`, `counts` and `processing`: what listings show.
 */

import assert from "node:assert/strict";
import { JOB_STATES } from "../../src/core/job.ts";
import type { Store } from "../../src/core/store.ts";
import { claimed, endClaim, enqueueIds, FAILED, idsOf, newJob, recount, SUCCEEDED, T0 } from "./samples.ts";
import type { Behaviour } from "./store_under_test.ts";

/** Ends the first four of six jobs so that there is one in each state, in the order of `JOB_STATES`. */
async function oneInEachState(store: Store): Promise<void> {
  const claimNamed = async (id: string) => await claimed(store, { queues: [id] }, T0);
  await store.enqueue(JOB_STATES.map((id) => newJob(id, { queue: id, maxRetries: 2 })), T0);
  await claimNamed("processing");
  await endClaim(store, await claimNamed("completed"), SUCCEEDED, T0 + 30);
  await endClaim(store, await claimNamed("failed"), FAILED, T0 + 40);
  await store.apply(["dead"], { type: "cancel_requested" }, T0);
  await store.apply(["dead"], { type: "retried", keepAttempts: false }, T0);
  for (let now = T0; (await store.job("dead"))!.state !== "dead"; now += 4000) {
    await endClaim(store, await claimed(store, { queues: ["dead"] }, now), FAILED, now);
  }
  await store.apply(["cancelled"], { type: "cancel_requested" }, T0 + 60);
}

/** Registers what listings must do. */
export function listingBehaviours(behaviour: Behaviour): void {
  filterBehaviours(behaviour);
  searchBehaviours(behaviour);
  pageBehaviours(behaviour);

  behaviour("counts: every state has a number, 0 in an empty store", async ({ store }) => {
    assert.deepEqual(await store.counts(), {
      ...{ pending: 0, processing: 0, completed: 0, failed: 0, dead: 0, cancelled: 0 },
    });
  });

  behaviour("counts: each state is counted over all queues", async ({ store }) => {
    await oneInEachState(store);
    await store.enqueue([newJob("x", { queue: "x" }), newJob("y", { queue: "y", runAt: T0 + 1000 })], T0);
    assert.deepEqual(await store.counts(), {
      ...{ pending: 3, processing: 1, completed: 1, failed: 1, dead: 1, cancelled: 1 },
    });
    assert.deepEqual(await store.counts(), await recount(store));
  });

  behaviour("processing: the jobs that are held, oldest first", async ({ store }) => {
    await enqueueIds(store, ["a", "b", "c"]);
    const [a, b] = [await claimed(store), await claimed(store, { workerId: 2 })];
    assert.deepEqual(await store.processing(), [a, b]);
    await endClaim(store, a, SUCCEEDED);
    assert.deepEqual(await store.processing(), [b]);
  });
}

function filterBehaviours(behaviour: Behaviour): void {
  behaviour("jobs: without a filter, all in order of arrival", async ({ store }) => {
    await oneInEachState(store);
    assert.deepEqual(await idsOf(store, {}), [...JOB_STATES]);
  });

  behaviour("jobs: those in one state, or in several", async ({ store }) => {
    await oneInEachState(store);
    for (const state of JOB_STATES) assert.deepEqual(await idsOf(store, { states: [state] }), [state]);
    assert.deepEqual(await idsOf(store, { states: ["dead", "pending", "completed"] }), [
      ...["pending", "completed", "dead"],
    ]);
    assert.deepEqual(await idsOf(store, { states: [] }), []);
  });

  behaviour("jobs: those of one queue, by its exact name", async ({ store }) => {
    await store.enqueue([newJob("a", { queue: "Mail" }), newJob("b", { queue: "mail" })], T0);
    assert.deepEqual(await idsOf(store, { queue: "mail" }), ["b"]);
    assert.deepEqual(await idsOf(store, { queue: "m%" }), []);
  });

  behaviour("jobs: those whose last transition was before a time", async ({ store }) => {
    await oneInEachState(store);
    assert.deepEqual(await idsOf(store, { updatedBefore: T0 + 1 }), ["pending", "processing"]);
    assert.deepEqual(await idsOf(store, { updatedBefore: T0 + 40, states: ["failed"] }), []);
    assert.deepEqual(await idsOf(store, { updatedBefore: T0 + 41, states: ["failed"] }), ["failed"]);
    const finals = ["completed", "cancelled"] as const;
    assert.deepEqual(await idsOf(store, { updatedBefore: T0 + 30, states: finals }), []);
    assert.deepEqual(await idsOf(store, { updatedBefore: T0 + 31, states: finals }), ["completed"]);
    assert.deepEqual(await idsOf(store, { updatedBefore: T0 + 61, states: [...finals, "failed"] }), [
      ...["completed", "failed", "cancelled"],
    ]);
  });

  behaviour("jobs: all conditions together", async ({ store }) => {
    await store.enqueue([
      newJob("a", { queue: "x", command: "ls" }),
      newJob("b", { queue: "x", command: "find" }),
      newJob("c", { queue: "y", command: "find" }),
      newJob("d", { queue: "x", command: "find /" }),
    ], T0);
    await store.apply(["b"], { type: "cancel_requested" }, T0);
    const afterSeq = (await store.job("a"))!.seq;
    assert.deepEqual(
      await idsOf(store, {
        ...{ states: ["pending"], queue: "x", search: "find", updatedBefore: T0 + 1, afterSeq, limit: 5 },
      }),
      ["d"],
    );
  });
}

function searchBehaviours(behaviour: Behaviour): void {
  behaviour(
    "jobs: search looks into id and command, whatever the case of ASCII letters",
    async ({ store }) => {
      await store.enqueue([
        newJob("Report-1", { command: "true" }),
        newJob("x", { command: "./REPORT.sh" }),
        newJob("y", { command: "true", queue: "report", cwd: "/report" }),
      ], T0);
      for (const search of ["report", "REPORT", "ePoR"]) {
        assert.deepEqual(await idsOf(store, { search }), ["Report-1", "x"], search);
      }
    },
  );

  behaviour("jobs: search finds letters beyond ASCII, in their own case", async ({ store }) => {
    await store.enqueue([newJob("a", { command: "echo Äpfel" }), newJob("b", { command: "echo Apfel" })], T0);
    assert.deepEqual(await idsOf(store, { search: "Äpfel" }), ["a"]);
    assert.deepEqual(await idsOf(store, { search: "Ä" }), ["a"]);
  });

  behaviour("jobs: an empty search restricts nothing", async ({ store }) => {
    await enqueueIds(store, ["a", "b"]);
    assert.deepEqual(await idsOf(store, { search: "" }), ["a", "b"]);
  });

  behaviour("jobs: search takes wildcards, backslashes and quotes literally", async ({ store }) => {
    await store.enqueue([
      newJob("percent", { command: "date +%F" }),
      newJob("under", { command: "echo a_b" }),
      newJob("back", { command: "printf a\\b" }),
      newJob("quote", { command: `echo "it's"` }),
      newJob("both", { command: "printf \\%d" }),
      newJob("star", { command: "ls *.[ch]?" }),
      newJob("plain", { command: "echo aXb" }),
    ], T0);
    const found = {
      "%": ["percent", "both"],
      "_": ["under"],
      "a_b": ["under"],
      "\\": ["back", "both"],
      "a\\b": ["back"],
      "\\%": ["both"],
      "%%": [],
      "'": ["quote"],
      '"': ["quote"],
      "' OR 1=1 --": [],
      "*": ["star"],
      "[ch]?": ["star"],
    };
    for (const [search, ids] of Object.entries(found)) {
      assert.deepEqual(await idsOf(store, { search }), ids, search);
    }
  });

  behaviour("jobs: search for something very long finds what contains it", async ({ store }) => {
    const long = "x".repeat(60_000);
    await store.enqueue([newJob("a", { command: `echo ${long}` }), newJob("b")], T0);
    assert.deepEqual(await idsOf(store, { search: long }), ["a"]);
  });
}

function pageBehaviours(behaviour: Behaviour): void {
  behaviour("jobs: the pages after each other are the whole list", async ({ store }) => {
    const ids = Array.from({ length: 25 }, (_, index) => `job${index}`);
    await enqueueIds(store, ids);
    const listed: string[] = [];
    let afterSeq = 0;
    for (let page; (page = await store.jobs({ afterSeq, limit: 10 })).length > 0;) {
      assert.ok(page.length <= 10);
      listed.push(...page.map((job) => job.id));
      afterSeq = page.at(-1)!.seq;
    }
    assert.deepEqual(listed, ids);
  });

  behaviour("jobs: a limit takes the oldest, 0 takes none", async ({ store }) => {
    await enqueueIds(store, ["a", "b", "c"]);
    assert.deepEqual(await idsOf(store, { limit: 2 }), ["a", "b"]);
    assert.deepEqual(await idsOf(store, { limit: 0 }), []);
    assert.deepEqual(await idsOf(store, { limit: 99 }), ["a", "b", "c"]);
  });
}
