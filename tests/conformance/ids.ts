/**
 * `ids`: looks at the jobs' ids.
 */

import assert from "node:assert/strict";
import { meantId } from "../../src/core/meant_job.ts";
import type { Store } from "../../src/core/store.ts";
import { enqueueIds, newJob, T0 } from "./samples.ts";
import type { Behaviour } from "./store_under_test.ts";

async function beginning(store: Store, prefix: string, limit = 100): Promise<string[]> {
  return (await store.ids.startingWith(prefix, limit)).map(({ id }) => id);
}

/** Registers what the looks at ids must do. */
export function idBehaviours(behaviour: Behaviour): void {
  behaviour("ids.startingWith: finds exactly the ids that begin so, in their order", async ({ store }) => {
    await enqueueIds(store, ["job2", "job1", "jo", "Job1", "jobb", "joc", "x"]);
    assert.deepEqual(await beginning(store, "job"), ["job1", "job2", "jobb"]);
    assert.deepEqual(await beginning(store, "job1"), ["job1"]);
    assert.deepEqual(await beginning(store, "job11"), []);
    assert.deepEqual(await beginning(store, ""), ["Job1", "jo", "job1", "job2", "jobb", "joc", "x"]);
    assert.deepEqual(await beginning(store, "jo", 2), ["jo", "job1"]);
  });

  behaviour(
    "ids.startingWith: wildcards and characters of all planes are only characters",
    async ({ store }) => {
      const odd = ["a%b", "a_b", "a*b", "aéb", "a\u{d7ff}b", "a\u{e000}b", "a😀b", "a\u{10ffff}b", "axb"];
      await enqueueIds(store, odd);
      for (const id of odd) {
        assert.deepEqual(await beginning(store, [...id].slice(0, 2).join("")), [id]);
      }
      assert.deepEqual((await beginning(store, "a")).toSorted(), odd.toSorted());
    },
  );

  behaviour(
    "ids.newest: the jobs that arrived last, newest first, of one state if asked",
    async ({ store }) => {
      await enqueueIds(store, ["c", "a", "b"]);
      await store.apply(["a"], { type: "cancel_requested" }, T0);
      const ids = async (...args: Parameters<Store["ids"]["newest"]>) =>
        (await store.ids.newest(...args)).map(({ id }) => id);
      assert.deepEqual(await ids(2), ["b", "a"]);
      assert.deepEqual(await ids(5, "pending"), ["b", "c"]);
      assert.deepEqual(await ids(5, "cancelled"), ["a"]);
      assert.deepEqual(await ids(5, "dead"), []);
    },
  );

  behaviour("ids: a look shows the state and the beginning of the command", async ({ store }) => {
    await store.enqueue([newJob("long", { command: "x".repeat(500) })], T0);
    const expected = [{ id: "long", state: "pending", command: "x".repeat(80) }];
    assert.deepEqual(await store.ids.newest(1), expected);
    assert.deepEqual(await store.ids.startingWith("l", 1), expected);
  });

  behaviour("meantId: a whole id wins over the ids that it begins, and over @last", async ({ store }) => {
    await enqueueIds(store, ["job1", "job10", "@last", "z"]);
    assert.equal(await meantId(store, "job1"), "job1");
    assert.equal(await meantId(store, "job10"), "job10");
    assert.equal(await meantId(store, "@last"), "@last");
  });

  behaviour("meantId: a beginning means the only job that begins so, @last the newest", async ({ store }) => {
    await enqueueIds(store, ["alpha", "beta"]);
    assert.equal(await meantId(store, "al"), "alpha");
    assert.equal(await meantId(store, "@last"), "beta");
  });

  behaviour("meantId: refuses what begins several ids, no id, and an empty word", async ({ store }) => {
    await enqueueIds(store, ["job1", "job2", "job3", "job4"]);
    await assert.rejects(meantId(store, "job"), { code: "bad_input", message: /job1, job2, job3 and more$/ });
    await assert.rejects(meantId(store, "x"), { code: "not_found" });
    await assert.rejects(meantId(store, ""), { code: "not_found" });
  });

  behaviour("meantId: in an empty store there is no last job", async ({ store }) => {
    await assert.rejects(meantId(store, "@last"), { code: "not_found" });
  });
}
