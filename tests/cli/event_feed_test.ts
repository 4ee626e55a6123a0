import assert from "node:assert/strict";
import { join } from "node:path";
import { EventFeed } from "../../src/cli/event_feed.ts";
import { resolveHome } from "../../src/home/home.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import { enqueueIds } from "../conformance/samples.ts";
import { waitFor } from "../harness/wait_for.ts";
import { inFolder } from "../store/temporary_disk.ts";

/** The feed looks by itself after longer than this, and gathers changes for less. */
const SHORT_MS = 100;

/** Runs `work` with a feed over a store, and another connection to it, as of another process. */
function feeding(
  work: (staged: { feed: EventFeed; store: SqliteStore; other: SqliteStore }) => Promise<void>,
) {
  return inFolder(async (dir) => {
    const home = resolveHome({ home: dir, db: join(dir, "queue.db") });
    const open = () => SqliteStore.open(home.dbPath, { durability: "normal", lockTimeoutMs: 5000 });
    const [store, other] = [await open(), await open()];
    await enqueueIds(store, ["before"]);
    const feed = await EventFeed.open(store, home);
    try {
      await work({ feed, store, other });
    } finally {
      feed.close();
      await store.close();
      await other.close();
    }
  });
}

/** While it is in use, long waits of this process have no end of their own: only what wakes them ends them. */
class NoLooks {
  /** How many such waits have begun. */
  put = 0;
  readonly #setTimeout = globalThis.setTimeout;

  constructor() {
    const original = this.#setTimeout;
    globalThis.setTimeout = ((work: () => void, ms = 0) => {
      if (ms < SHORT_MS) return original(work, ms);
      this.put++;
      return original(() => {}, 0);
    }) as typeof setTimeout;
  }

  [Symbol.dispose](): void {
    globalThis.setTimeout = this.#setTimeout;
  }
}

const idsOf = (entries: readonly { jobId: string | null }[]) => entries.map(({ jobId }) => jobId);

Deno.test("EventFeed.next: what came since it was opened, once, in order", () =>
  feeding(async ({ feed, other }) => {
    await enqueueIds(other, ["a", "b"]);
    assert.deepEqual(idsOf(await feed.next(10_000)), ["a", "b"]);
    assert.deepEqual(await feed.next(0), []);
    await enqueueIds(other, ["c"]);
    assert.deepEqual(idsOf(await feed.next(0)), ["c"]);
  }));

Deno.test("EventFeed.next: wakes for a commit of somebody else, without looking by itself", () =>
  feeding(async ({ feed, other }) => {
    using looks = new NoLooks();
    for (let round = 0; round < 7; round++) {
      const waiting = feed.next(3_600_000);
      await waitFor("it to wait", () => looks.put === round + 1);
      await enqueueIds(other, [`job${round}`]);
      assert.deepEqual(idsOf(await waiting), [`job${round}`]);
    }
  }));

Deno.test("EventFeed.rest: all that came, however much, without waiting, and not again", () =>
  feeding(async ({ feed, other }) => {
    assert.deepEqual(await feed.rest(), []);
    const ids = Array.from({ length: 2500 }, (_, index) => `job${index}`);
    await enqueueIds(other, ids);
    assert.deepEqual(idsOf(await feed.next(0)), ids.slice(0, 1000), "of much, next gives a page");
    assert.deepEqual(idsOf(await feed.rest()), ids.slice(1000));
    assert.deepEqual(await feed.next(0), []);
  }));

Deno.test("EventFeed.next: an interrupt ends the wait, or the next one", () =>
  feeding(async ({ feed }) => {
    const waiting = feed.next(60_000);
    feed.interrupt();
    assert.deepEqual(await waiting, []);
    feed.interrupt();
    assert.deepEqual(await feed.next(60_000), []);
  }));
