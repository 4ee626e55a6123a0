import assert from "node:assert/strict";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { enqueueEveryState, STATES, statesOf, untilStates } from "./every_state.ts";
import { assertRefused } from "./refusal.ts";
import { callOnTerminal } from "./terminal.ts";

async function enqueueTwo(home: TemporaryHome): Promise<void> {
  await home.enqueue({ id: "a", command: "true" }, { id: "b", command: "true" });
}

async function total(home: TemporaryHome): Promise<number> {
  return (await home.json("status")).jobs.total;
}

Deno.test("clear: without a terminal it demands --yes and deletes nothing", () =>
  TemporaryHome.use(async (home) => {
    await enqueueTwo(home);
    const result = await home.call(["clear"], { stdin: "y\n" });
    assertRefused(result, 2, /without being sure/);
    assert.match(result.stderr, /Try: .*--yes/);
    assert.equal(await total(home), 2);
  }));

Deno.test("clear --yes: deletes the jobs without asking", () =>
  TemporaryHome.use(async (home) => {
    await enqueueTwo(home);
    assert.equal(await home.run("clear", "--yes"), "Deleted 2 job(s)\n");
    assert.deepEqual(await home.json("list"), []);
    assert.deepEqual(await home.json("clear", "-y"), { deleted: 0 });
  }));

Deno.test("clear: on a terminal it asks, and y deletes", () =>
  TemporaryHome.use(async (home) => {
    await enqueueTwo(home);
    const { code, screen } = await callOnTerminal(home, ["clear"], { typed: "y\n" });
    assert.match(screen, /Delete all jobs.*\?.*\[y\/N\].*Deleted 2 job\(s\)\n/s);
    assert.equal(code, 0);
    assert.equal(await total(home), 0);
  }));

Deno.test("clear: on a terminal anything but yes deletes nothing", () =>
  TemporaryHome.use(async (home) => {
    await enqueueTwo(home);
    for (const typed of ["n\n", "\n", "yikes\n"]) {
      const { screen } = await callOnTerminal(home, ["clear"], { typed });
      assert.match(screen, /Nothing was deleted/);
    }
    assert.equal(await total(home), 2);
  }));

Deno.test("clear --state: on a terminal it asks, too", () =>
  TemporaryHome.use(async (home) => {
    await enqueueTwo(home);
    const { screen } = await callOnTerminal(home, ["clear", "--state", "pending"], { typed: "no\n" });
    assert.match(screen, /Delete all pending jobs.*\?/);
    assert.equal(await total(home), 2);
  }));

Deno.test("clear --state: without a terminal it does as told", () =>
  TemporaryHome.use(async (home) => {
    await enqueueEveryState(home);
    assert.equal(await home.run("clear", "--state", "completed"), "Deleted 1 job(s)\n");
    assert.equal(await home.run("clear", "--state", "dead,cancelled"), "Deleted 2 job(s)\n");
    assert.deepEqual(Object.keys(await statesOf(home)), ["pending", "processing", "failed"]);
  }));

Deno.test("clear: a job that is processing is never deleted, and goes on", () =>
  TemporaryHome.use(async (home) => {
    await enqueueEveryState(home);
    assert.equal(await home.run("clear", "--yes"), `Deleted ${STATES.length - 1} job(s)\n`);
    assert.deepEqual(await statesOf(home), { processing: "processing" });
    await Deno.writeTextFile(`${home.dir}/release`, "");
    await untilStates(home, { processing: "completed" });
  }));

Deno.test("clear --state processing: is refused", () =>
  TemporaryHome.use(async (home) => {
    await enqueueEveryState(home);
    assertRefused(await home.call(["clear", "--state", "processing", "--yes"]), 2, /processing/);
    assertRefused(await home.call(["clear", "--state", "dead,processing"]), 2, /processing/);
    assert.equal(await total(home), STATES.length);
  }));

Deno.test("clear: an unknown state is refused with the nearest one, and nothing is deleted", () =>
  TemporaryHome.use(async (home) => {
    await enqueueTwo(home);
    const result = await home.call(["clear", "--state", "pendng", "--yes"]);
    assertRefused(result, 2, /no state "pendng"/);
    assert.match(result.stderr, /Try: .*pending/);
    assert.equal(await total(home), 2);
  }));

Deno.test("clear: the files with the output go with the jobs, and the history, too", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "echo secret" }, { id: "b", command: "echo kept", priority: 1 });
    await home.startWorkers(1);
    await untilStates(home, { a: "completed", b: "completed" });
    const paths = (await home.run("logs", "a", "--path")).trim().split("\n");
    await home.enqueue({ id: "c", command: "true", run_at: "2999-01-01T00:00:00Z" });
    await home.run("retry", "b");
    await untilStates(home, { b: "completed" });
    assert.equal(await home.run("clear", "--yes"), "Deleted 3 job(s)\n");
    for (const path of paths) await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
    assert.deepEqual(await home.json("history"), []);
    const left = await new Deno.Command("grep", { args: ["-rlE", "secret|kept", `${home.dir}/logs`] })
      .output();
    assert.equal(new TextDecoder().decode(left.stdout), "");
  }));

Deno.test("clear: the id of a deleted job may be used again", () =>
  TemporaryHome.use(async (home) => {
    await enqueueTwo(home);
    await home.run("clear", "--yes");
    await enqueueTwo(home);
    assert.equal(await total(home), 2);
  }));

Deno.test("clear --older-than: spares jobs that were touched since", () =>
  TemporaryHome.use(async (home) => {
    await enqueueTwo(home);
    assert.deepEqual(await home.json("clear", "--older-than", "1h", "--yes"), { deleted: 0 });
    await home.run("cancel", "a");
    assert.deepEqual(await home.json("clear", "--older_than", "0s", "--state", "cancelled"), { deleted: 1 });
    assert.deepEqual(Object.keys(await statesOf(home)), ["b"]);
  }));

Deno.test("clear --older-than: alone, without a terminal, it demands --yes", () =>
  TemporaryHome.use(async (home) => {
    await enqueueTwo(home);
    assertRefused(await home.call(["clear", "--older-than", "0s"]), 2, /without being sure/);
    assert.equal(await total(home), 2);
  }));

Deno.test("clear --older-than: what is no length of time is refused", () =>
  TemporaryHome.use(async (home) => {
    await enqueueTwo(home);
    for (const age of ["old", "-1d", ""]) {
      assertRefused(await home.call(["clear", `--older-than=${age}`, "--yes"]), 2, /older-than/);
    }
    assert.equal(await total(home), 2);
  }));

Deno.test("clear: many jobs are all deleted", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue(...Array.from({ length: 2500 }, () => ({ command: "true" })));
    assert.equal(await home.run("clear", "--state", "pending"), "Deleted 2500 job(s)\n");
    assert.equal(await total(home), 0);
  }));
