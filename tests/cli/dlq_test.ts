import assert from "node:assert/strict";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { enqueueEveryState, statesOf, untilStates } from "./every_state.ts";
import { assertRefused } from "./refusal.ts";
import { callOnTerminal } from "./terminal.ts";

/** Enqueues jobs that die at once, and stops the worker, so that what is retried stays pending. */
async function enqueueDead(home: TemporaryHome, ...ids: string[]): Promise<void> {
  const jobs = ids.map((id) => ({ id, command: "echo oops >&2; exit 3", max_retries: 3, backoff_base: 0 }));
  await home.enqueue(...jobs);
  await home.startWorkers(1);
  await untilStates(home, Object.fromEntries(ids.map((id) => [id, "dead"])));
  await home.run("worker", "stop");
}

async function attemptsOf(home: TemporaryHome, id: string): Promise<unknown[]> {
  const job = await home.json("get", id);
  return [job.state, job.attempts, job.max_retries];
}

Deno.test("dlq list: has a dead job's id, command, attempts, last error and when it died", () =>
  TemporaryHome.use(async (home) => {
    await enqueueDead(home, "a");
    const [head, row, ...rest] = (await home.run("dlq", "list")).split("\n");
    assert.match(head!, /^ID +COMMAND +ATTEMPTS +LAST ERROR +DIED$/);
    assert.match(row!, /^a +echo oops >&2; exit 3 +3\/3 +\S.*3.* +(just now|\d.* ago)$/);
    assert.deepEqual(rest, [""]);
  }));

Deno.test("dlq list: has dead jobs alone, and --json shows them in full", () =>
  TemporaryHome.use(async (home) => {
    await enqueueEveryState(home);
    const [job, ...rest] = await home.json("dlq", "list");
    assert.deepEqual(rest, []);
    assert.deepEqual([job.id, job.state, job.attempts, job.max_retries], ["dead", "dead", 1, 1]);
    assert.match(job.last_error, /3/);
  }));

Deno.test("dlq list: an empty one says so on stderr, and is an empty array in JSON", () =>
  TemporaryHome.use(async (home) => {
    const { code, stdout, stderr } = await home.call(["dlq", "list"]);
    assert.deepEqual([code, stdout], [0, ""]);
    assert.match(stderr, /dead letter queue is empty/);
    assert.deepEqual(await home.json("dlq", "list"), []);
  }));

Deno.test("dlq list --limit: has the oldest", () =>
  TemporaryHome.use(async (home) => {
    await enqueueDead(home, "a", "b", "c");
    const jobs: { id: string }[] = await home.json("dlq", "list", "--limit", "2");
    assert.deepEqual(jobs.map((job) => job.id), ["a", "b"]);
  }));

Deno.test("dlq show: shows a dead job in full, with its attempts", () =>
  TemporaryHome.use(async (home) => {
    await enqueueDead(home, "a");
    assert.equal(await home.run("dlq", "show", "a"), await home.run("get", "a"));
    assert.match(await home.run("dlq", "show", "a"), /^3 +1 .* failed +3 /m);
    assert.equal((await home.json("dlq", "show", "a")).attempt_history.length, 3);
  }));

Deno.test("dlq show: a job that isn't dead is a conflict, an unknown one exits with 3", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "true" });
    assertRefused(await home.call(["dlq", "show", "a"]), 4, /a: it is pending, not dead/);
    assertRefused(await home.call(["dlq", "show", "nope"]), 3, /no job nope/);
  }));

Deno.test("dlq retry: dead jobs become pending now, with attempts 0", () =>
  TemporaryHome.use(async (home) => {
    await enqueueDead(home, "a", "b");
    const told = await home.run("dlq", "retry", "a", "b");
    assert.equal(told, "Job a is pending again, attempts 0/3\nJob b is pending again, attempts 0/3\n");
    for (const id of ["a", "b"]) assert.deepEqual(await attemptsOf(home, id), ["pending", 0, 3]);
    assert.deepEqual(await home.json("dlq", "list"), []);
  }));

Deno.test("dlq retry: a retried job runs its attempts anew", () =>
  TemporaryHome.use(async (home) => {
    await enqueueDead(home, "a");
    await home.run("dlq", "retry", "a");
    await home.startWorkers(1);
    await home.untilJob("a", "dead");
    assert.equal((await home.json("history", "a")).length, 6);
  }));

Deno.test("dlq retry --reset-attempts: is the default", () =>
  TemporaryHome.use(async (home) => {
    await enqueueDead(home, "a", "b");
    await home.run("dlq", "retry", "a", "--reset-attempts");
    assert.deepEqual(await attemptsOf(home, "a"), ["pending", 0, 3]);
    await home.run("dlq", "retry", "b", "--reset_attempts");
    assert.deepEqual(await attemptsOf(home, "b"), ["pending", 0, 3]);
  }));

Deno.test("dlq retry --keep-attempts: grants one more attempt", () =>
  TemporaryHome.use(async (home) => {
    await enqueueDead(home, "a");
    const told = await home.run("dlq", "retry", "a", "--keep-attempts");
    assert.equal(told, "Job a is pending again, attempts 3/4\n");
    await home.startWorkers(1);
    await home.untilJob("a", "dead");
    assert.deepEqual(await attemptsOf(home, "a"), ["dead", 4, 4]);
    assert.equal((await home.json("history", "a")).length, 4);
  }));

Deno.test("dlq retry --all: retries every dead job and no other", () =>
  TemporaryHome.use(async (home) => {
    await enqueueDead(home, "a", "b");
    await home.enqueue({ id: "c", command: "true" });
    await home.run("cancel", "c");
    assert.equal(await home.run("dlq", "retry", "--all"), "Retried 2 job(s)\n");
    assert.deepEqual(await statesOf(home), { a: "pending", b: "pending", c: "cancelled" });
    assert.equal(await home.run("dlq", "retry", "--all"), "Retried 0 job(s)\n");
  }));

Deno.test("dlq retry --all --keep-attempts: grants each one more attempt", () =>
  TemporaryHome.use(async (home) => {
    await enqueueDead(home, "a", "b");
    await home.run("dlq", "retry", "--all", "--keep-attempts");
    for (const id of ["a", "b"]) assert.deepEqual(await attemptsOf(home, id), ["pending", 3, 4]);
  }));

Deno.test("dlq retry: a job that isn't dead is a conflict that says its state", () =>
  TemporaryHome.use(async (home) => {
    await enqueueEveryState(home);
    for (const state of ["pending", "processing", "completed", "failed", "cancelled"]) {
      const says = new RegExp(`Cannot retry ${state}: it is ${state}, not dead`);
      assertRefused(await home.call(["dlq", "retry", state]), 4, says);
      assertRefused(await home.call(["dlq", "retry", "dead", state]), 4, says);
    }
    assert.equal((await statesOf(home)).dead, "dead");
  }));

Deno.test("dlq retry: unknown jobs, no jobs, and flags that contradict each other are refused", () =>
  TemporaryHome.use(async (home) => {
    assertRefused(await home.call(["dlq", "retry", "nope"]), 3, /no job nope/);
    assertRefused(await home.call(["dlq", "retry"]), 2, /no job to retry/);
    assertRefused(await home.call(["dlq", "retry", "a", "--all"]), 2, /all jobs and some/);
    const both = ["dlq", "retry", "--all", "--keep-attempts", "--reset-attempts"];
    assertRefused(await home.call(both), 2, /--keep-attempts and --reset-attempts/);
  }));

Deno.test("dlq clear: demands --yes without a terminal, asks on one, and deletes dead jobs alone", () =>
  TemporaryHome.use(async (home) => {
    await enqueueDead(home, "a", "b");
    await home.enqueue({ id: "c", command: "true" });
    assertRefused(await home.call(["dlq", "clear"]), 2, /without being sure/);
    const { screen } = await callOnTerminal(home, ["dlq", "clear"], { typed: "n\n" });
    assert.match(screen, /dead letter queue.*\?.*Nothing was deleted/s);
    assert.equal((await home.json("dlq", "list")).length, 2);
    assert.equal(await home.run("dlq", "clear", "--yes"), "Deleted 2 job(s)\n");
    assert.deepEqual(await statesOf(home), { c: "pending" });
  }));
