import assert from "node:assert/strict";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { statesOf } from "./every_state.ts";
import { assertRefused } from "./refusal.ts";

Deno.test("ids: every command that takes one takes an unambiguous beginning, and @last", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue(
      { id: "alpha", command: "echo hello" },
      { id: "broken", command: "exit 1", max_retries: 1 },
    );
    await home.startWorkers(1);
    await home.untilJob("alpha", "completed");
    await home.untilJob("broken", "dead");
    await home.run("worker", "stop");
    for (const [word, id] of [["al", "alpha"], ["@last", "broken"]] as const) {
      for (const command of [["get"], ["status"]]) assert.equal((await home.json(...command, word)).id, id);
      for (const command of [["logs"], ["history"]]) {
        assert.equal([await home.json(...command, word)].flat()[0].job, id);
      }
      assert.equal((await home.json("output", "get", word)).id, id);
    }
    assert.equal((await home.json("dlq", "show", "b")).id, "broken");
    assert.match(await home.run("dlq", "retry", "@last"), /^Job broken is pending again/);
    assert.match(await home.run("cancel", "bro"), /^Cancelled job broken$/m);
    assert.match(await home.run("retry", "al", "br"), /^Job alpha is .*\nJob broken is /);
    assert.deepEqual(await statesOf(home), { alpha: "pending", broken: "pending" });
  }));

Deno.test("ids: an ambiguous beginning exits with 2, names some it could be, and changes nothing", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue(...["job1", "job2", "job3", "job4", "x"].map((id) => ({ id, command: "true" })));
    const result = await home.call(["cancel", "x", "job"]);
    assertRefused(result, 2, /id job is ambiguous: it begins job1, job2, job3 and more/);
    assert.match(result.stderr, /^Try: queuectl cancel job1$/m);
    assert.deepEqual(new Set(Object.values(await statesOf(home))), new Set(["pending"]));
  }));

Deno.test("ids: a mistyped one exits with 3 and the nearest", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "backup-db", command: "true" }, { id: "it's", command: "true" });
    const cures: [string[], string][] = [
      [["get", "bakcup-db"], "queuectl get backup-db"],
      [["status", "bakcup-db"], "queuectl status backup-db"],
      [["cancel", "@lats"], "queuectl cancel @last"],
      [["wait", "last"], "queuectl wait @last"],
      [["get", "q"], "queuectl list"],
      [["cancel", "backup-bd"], "queuectl cancel backup-db"],
      [["dlq", "show", "packup-db"], "queuectl dlq show backup-db"],
      [["logs", "its"], `queuectl logs 'it'\\''s'`],
      [["logs", "something-else"], "queuectl list"],
    ];
    for (const [args, cure] of cures) {
      const result = await home.call(args);
      assertRefused(result, 3, /no job/);
      assert.equal(result.stderr.split("\n")[1], `Try: ${cure}`);
    }
  }));

Deno.test("ids: a mistyped one among very many jobs is answered with the one that is one slip away", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue(
      ...Array.from({ length: 5000 }, (_, index) => ({ id: `job${index}`, command: "true" })),
      ...Array.from({ length: 300 }, (_, index) => ({ id: `x${index}`, command: "true" })),
    );
    for (const typed of ["jobb3117", "jbo3117", "jab3117", "kob3117", "ob3117"]) {
      const result = await home.call(["get", typed]);
      assertRefused(result, 3, /no job/);
      assert.equal(result.stderr.split("\n")[1], "Try: queuectl get job3117");
    }
  }));

Deno.test("ids: an empty word, as of an unset variable, means no job", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "only", command: "true" });
    assertRefused(await home.call(["cancel", ""]), 3, /empty id/);
    assert.deepEqual(await statesOf(home), { only: "pending" });
  }));

Deno.test("@last: without a job exits with 3", () =>
  TemporaryHome.use(async (home) => {
    assertRefused(await home.call(["get", "@last"]), 3, /no job @last/);
  }));
