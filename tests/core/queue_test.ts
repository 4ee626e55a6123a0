import assert from "node:assert/strict";
import { join } from "node:path";
import { Queue } from "../../src/core/queue.ts";
import type { ListingFilter } from "../../src/core/reports.ts";
import type { Store } from "../../src/core/store.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";

const NOW = 1_800_000_000_000;

/** Calls `work` with a queue over a store of its own. */
async function withQueue(work: (queue: Queue, store: Store) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "queuectl-test-" });
  const store = await SqliteStore.open(join(dir, "queue.db"), {
    durability: "normal",
    lockTimeoutMs: 20_000,
  });
  let made = 0;
  try {
    const ports = {
      store,
      now: () => NOW,
      newId: () => `made${made++}`,
      wake: () => {},
      deleteOutput: () => {},
    };
    await work(new Queue(ports), store);
  } finally {
    await store.close();
    await Deno.remove(dir, { recursive: true });
  }
}

function enqueue(queue: Queue, count: number, command = "true") {
  return queue.enqueue(Array.from({ length: count }, () => ({ input: { command }, where: "" })), "/");
}

async function states(store: Store): Promise<Record<string, number>> {
  return Object.fromEntries(Object.entries(await store.counts()).filter(([, count]) => count > 0));
}

Deno.test("Queue.changeMatching: goes on where it was stopped, and leaves alone what came later", () =>
  withQueue(async (queue, store) => {
    await enqueue(queue, 2500);
    const upToSeq = await store.reports.newestSeq();
    await enqueue(queue, 3);
    const counts: number[] = [];
    let afterSeq: number | null = 0;
    while (afterSeq !== null) {
      const part: { count: number; end: number | null } = await queue.changeMatching("cancel", {}, {
        ...{ afterSeq, upToSeq },
        mayGoOn: () => false,
      });
      counts.push(part.count);
      afterSeq = part.end;
    }
    assert.deepEqual(counts, [1000, 1000, 500]);
    assert.deepEqual(await states(store), { pending: 3, cancelled: 2500 });
  }));

Deno.test("Queue: a change of many jobs waits for the word whether to go on, so that others have their turn", () =>
  withQueue(async (queue, store) => {
    await enqueue(queue, 2500);
    const asked: number[] = [];
    const mayGoOn = async (done: number) => {
      asked.push(done);
      await new Promise((resolve) => setTimeout(resolve, 0));
      return false;
    };
    const all = { afterSeq: 0, upToSeq: await store.reports.newestSeq(), mayGoOn };
    assert.equal((await queue.changeMatching("cancel", {}, all)).count, 1000);
    assert.equal(await queue.clear({ states: ["pending"] }, mayGoOn), 1000);
    assert.deepEqual(asked, [1000, 1000]);
    assert.deepEqual(await states(store), { pending: 500, cancelled: 1000 });
  }));

Deno.test("Queue.changeMatching: a job that is in its state again is not met twice", () =>
  withQueue(async (queue, store) => {
    const jobs = await enqueue(queue, 1500);
    await queue.cancel(jobs.map(({ id }) => id));
    const upToSeq = await store.reports.newestSeq();
    const first = await queue.changeMatching("retry", {}, { afterSeq: 0, upToSeq, mayGoOn: () => false });
    assert.equal(first.count, 1000);
    await queue.cancel(jobs.slice(0, 700).map(({ id }) => id));
    const range = { afterSeq: first.end!, upToSeq, mayGoOn: () => true };
    assert.deepEqual(await queue.changeMatching("retry", {}, range), { count: 500, end: null });
    assert.deepEqual(await states(store), { pending: 800, cancelled: 700 });
  }));

Deno.test("Queue.changeMatching: changes what matches and allows it, and refuses states that never do", () =>
  withQueue(async (queue, store) => {
    await enqueue(queue, 3, "tar c");
    const others = await enqueue(queue, 3, "mail bob");
    await queue.cancel(others.slice(1).map(({ id }) => id));
    const all = { afterSeq: 0, upToSeq: await store.reports.newestSeq(), mayGoOn: () => true };
    const change = async (verb: "retry" | "cancel" | "delete", filter: ListingFilter) =>
      (await queue.changeMatching(verb, filter, all)).count;
    assert.equal(await change("retry", { search: "MAIL" }), 2);
    assert.equal(await change("cancel", { search: "tar", queue: "other" }), 0);
    assert.equal(await change("cancel", { states: ["pending"], search: "tar" }), 3);
    assert.equal(await change("delete", { states: ["cancelled"] }), 3);
    const claim = { workerId: 1, queues: [], mode: "fifo", token: "token" } as const;
    const running = (await store.claim(claim, NOW))!;
    assert.equal(await change("cancel", {}), 3);
    // It is being cancelled: once is enough.
    assert.equal(await change("cancel", {}), 0);
    assert.equal(await change("delete", {}), 2);
    assert.deepEqual(await states(store), { processing: 1 });
    assert.equal((await queue.job(running.id)).state, "processing");
    const wrong = [["retry", "pending"], ["cancel", "dead"], ["delete", "processing"]] as const;
    for (const [verb, state] of wrong) {
      await assert.rejects(
        change(verb, { states: [state] }),
        new RegExp(`Cannot ${verb} jobs that are ${state}`),
      );
    }
  }));
