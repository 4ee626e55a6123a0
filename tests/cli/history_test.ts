import assert from "node:assert/strict";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { GATED, untilStates } from "./every_state.ts";
import { assertRefused } from "./refusal.ts";

Deno.test("history: without attempts the table says so on stderr, and the JSON is an empty array", () =>
  TemporaryHome.use(async (home) => {
    const { code, stdout, stderr } = await home.call(["history"]);
    assert.deepEqual([code, stdout], [0, ""]);
    assert.match(stderr, /No attempts yet/);
    assert.deepEqual(await home.json("history"), []);
  }));

Deno.test("history: has job, attempt, worker, start, duration, outcome and exit code of each attempt", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "bad", command: "exit 9", max_retries: 2, backoff_base: 0 });
    await home.startWorkers(1);
    await home.untilJob("bad", "dead");
    await home.enqueue({ id: "good", command: "true" });
    await home.untilJob("good", "completed");
    const [head, ...rows] = (await home.run("history")).trimEnd().split("\n");
    assert.match(head!, /^JOB +ATTEMPT +WORKER +STARTED +TOOK +OUTCOME +EXIT/);
    assert.match(rows[0]!, /^bad +1 +1 +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +\d+ms +failed +9/);
    assert.match(rows[1]!, /^bad +2 +1 .* failed +9/);
    assert.match(rows[2]!, /^good +1 +1 .* succeeded +0/);
    assert.equal(rows.length, 3);
  }));

Deno.test("history ID: has the attempts of that job alone", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "true" }, { id: "b", command: "true" });
    await home.startWorkers(1);
    await untilStates(home, { a: "completed", b: "completed" });
    assert.deepEqual((await home.json("history", "b")).map((attempt: { job: string }) => attempt.job), ["b"]);
    assertRefused(await home.call(["history", "nope"]), 3, /no job nope/);
  }));

Deno.test("history --json: has every attempt's facts", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "exit 9", max_retries: 1 });
    await home.startWorkers(1);
    await home.untilJob("a", "dead");
    const [attempt, ...rest] = await home.json("history");
    assert.deepEqual(rest, []);
    const { job, attempt: number, worker, outcome, exit_code, signal } = attempt;
    assert.deepEqual([job, number, worker, outcome, exit_code, signal], ["a", 1, 1, "failed", 9, null]);
    const tookMs = Date.parse(attempt.finished_at) - Date.parse(attempt.started_at);
    assert.equal(attempt.duration_seconds, tookMs / 1000);
  }));

Deno.test("history: tells a signal, a timeout, a cancel and a running attempt apart", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue(
      { id: "killed", command: "kill -9 $$", max_retries: 1 },
      { id: "slow", command: GATED, timeout: 0.2, max_retries: 1 },
      { id: "unwanted", command: GATED },
      { id: "running", command: GATED },
    );
    await home.startWorkers(1, "--concurrency", "4");
    await untilStates(home, { unwanted: "processing", running: "processing" });
    await home.run("cancel", "unwanted");
    await untilStates(home, { killed: "dead", slow: "dead", unwanted: "cancelled" });
    const attempts: { job: string; outcome: string; signal: string | null }[] = await home.json("history");
    const outcomes = Object.fromEntries(attempts.map(({ job, outcome }) => [job, outcome]));
    const expected = { killed: "failed", slow: "timed_out", unwanted: "cancelled", running: "running" };
    assert.deepEqual(outcomes, expected);
    assert.equal(attempts.find(({ job }) => job === "killed")!.signal, "SIGKILL");
    assert.match(await home.run("history", "killed"), / failed +SIGKILL/);
  }));

Deno.test("history --limit: has the newest attempts, oldest first", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "exit 1", max_retries: 3, backoff_base: 0 });
    await home.startWorkers(1);
    await home.untilJob("a", "dead");
    const numbers = (attempts: { attempt: number }[]) => attempts.map((attempt) => attempt.attempt);
    assert.deepEqual(numbers(await home.json("history", "--limit", "2")), [2, 3]);
    assert.deepEqual(numbers(await home.json("history", "a", "--limit", "1")), [3]);
    assertRefused(await home.call(["history", "--limit", "0"]), 2, /limit/);
  }));

Deno.test("history: keeps the attempts of the round before a manual retry", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "true" });
    await home.startWorkers(1);
    await home.untilJob("a", "completed");
    await home.run("retry", "a");
    await home.untilJob("a", "completed");
    const attempts: { attempt: number; outcome: string }[] = await home.json("history", "a");
    assert.deepEqual(attempts.map(({ attempt, outcome }) => [attempt, outcome]), [
      [1, "succeeded"],
      [1, "succeeded"],
    ]);
  }));
