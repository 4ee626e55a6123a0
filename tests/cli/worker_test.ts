import assert from "node:assert/strict";
import { start } from "../harness/program.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { isGone, waitFor } from "../harness/wait_for.ts";
import { GATED, untilStates } from "./every_state.ts";
import { assertRefused } from "./refusal.ts";

Deno.test("worker start: tells the pids and ids of the workers, which live on", () =>
  TemporaryHome.use(async (home) => {
    for (
      const [flags, count] of [[["--count", "2"], 2], [["-c", "2"], 2], [["--daemon"], 1], [[], 1]] as const
    ) {
      const told = await home.run("worker", "start", ...flags);
      const pids = new RegExp(
        `^Started ${count} worker\\(s\\) in the background with PIDs: \\[([\\d, ]+)\\]$`,
        "m",
      )
        .exec(told)?.[1]?.split(", ").map(Number);
      assert.equal(pids?.length, count, told);
      for (const pid of pids!) assert.ok(!isGone(pid));
    }
    assert.match(await home.run("status"), /^Found 6 active worker\(s\): \[1, 2, 3, 4, 5, 6\]$/m);
  }));

Deno.test("worker stop: stops all workers and says which", () =>
  TemporaryHome.use(async (home) => {
    const pids = await home.startWorkers(2);
    assert.equal(await home.run("worker", "stop"), "Stopped 2 worker(s): [1, 2]\n");
    for (const pid of pids) assert.ok(isGone(pid));
    assert.match(await home.run("status"), /^Found 0 active worker\(s\)$/m);
  }));

Deno.test("worker stop ID: stops that worker alone, and an unknown one exits with 3", () =>
  TemporaryHome.use(async (home) => {
    await home.startWorkers(2);
    assertRefused(await home.call(["worker", "stop", "1", "9"]), 3, /no active worker 9/);
    assert.equal(await home.run("worker", "stop", "1"), "Stopped 1 worker(s): [1]\n");
    assert.match(await home.run("status"), /^Found 1 active worker\(s\): \[2\]$/m);
    assertRefused(await home.call(["worker", "stop", "one"]), 2, /one/);
  }));

Deno.test("worker stop: with none alive it says so and exits with 0", () =>
  TemporaryHome.use(async (home) => {
    const { code, stdout, stderr } = await home.call(["worker", "stop"]);
    assert.equal(code, 0);
    assert.match(stdout + stderr, /No active workers/);
    assert.deepEqual(await home.json("worker", "stop"), []);
  }));

Deno.test("worker stop: waits for what runs, and says what it waits for", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "long", command: GATED });
    await home.startWorkers(1);
    await home.untilJob("long", "processing");
    const stopping = start(home.dir, ["worker", "stop"]);
    await waitFor("the worker to be stopping", async () => {
      return (await home.json("worker", "list"))[0].state === "stopping";
    });
    assert.equal((await home.json("get", "long")).state, "processing");
    await Deno.writeTextFile(`${home.dir}/release`, "");
    const [{ code, stdout, stderr }] = await Promise.all([stopping.output(), stopping.stdin.close()]);
    assert.equal(code, 0);
    assert.match(new TextDecoder().decode(stderr), /Waiting for worker 1, which runs long/);
    assert.match(new TextDecoder().decode(stdout), /Stopped 1 worker/);
    const job = await home.json("get", "long");
    assert.deepEqual([job.state, job.attempts], ["completed", 1]);
  }));

Deno.test("worker stop --force, --timeout: end the commands, and the jobs are pending again", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "long", command: GATED });
    for (const flags of [["--force"], ["--timeout", "0.2"], ["--timeout=200ms"]]) {
      await home.startWorkers(1);
      await home.untilJob("long", "processing");
      await home.run("worker", "stop", ...flags);
      const job = await home.json("get", "long");
      assert.deepEqual([job.state, job.attempts], ["pending", 0]);
      assert.deepEqual(await home.processes(), []);
    }
    assertRefused(await home.call(["worker", "stop", "--timeout", "soon"]), 2, /timeout "soon"/);
  }));

Deno.test("worker status, worker list: id, pid, state, job at hand, since when, jobs done and failed", () =>
  TemporaryHome.use(async (home) => {
    const [pid] = await home.startWorkers(1, "--concurrency", "3");
    await home.enqueue(
      { id: "good", command: "true" },
      { id: "bad", command: "false", max_retries: 1 },
      { id: "long", command: GATED },
    );
    await untilStates(home, { good: "completed", bad: "dead", long: "processing" });
    for (const name of ["status", "list"]) {
      const [head, row] = (await home.run("worker", name)).split("\n");
      assert.match(head!, /^ID +PID +STATE +JOB +SINCE +DONE +FAILED/);
      assert.match(row!, new RegExp(`^1 +${pid} +busy +long +\\S.* 1 +1 `));
    }
    const [worker] = await home.json("worker", "status");
    assert.deepEqual([worker.id, worker.pid, worker.jobs_done, worker.jobs_failed], [1, pid, 1, 1]);
    assert.deepEqual(worker.jobs.map((job: { id: string }) => job.id), ["long"]);
  }));

Deno.test("worker list: without workers it says so, and is an empty array in JSON", () =>
  TemporaryHome.use(async (home) => {
    const { code, stdout, stderr } = await home.call(["worker", "list"]);
    assert.deepEqual([code, stdout], [0, ""]);
    assert.match(stderr, /No active workers/);
    assert.deepEqual(await home.json("worker", "status"), []);
  }));

Deno.test("worker start --queue: serves these queues only", () =>
  TemporaryHome.use(async (home) => {
    await home.startWorkers(1, "--queue", "a", "--queue", "b");
    await home.enqueue(
      { id: "other", command: "true", queue: "c", priority: 10 },
      { id: "a", command: "true", queue: "a" },
      { id: "b", command: "true", queue: "b" },
    );
    await untilStates(home, { a: "completed", b: "completed" });
    assert.equal((await home.json("get", "other")).state, "pending");
  }));

Deno.test("worker start --foreground: stays until it is told to stop, and none is left", () =>
  TemporaryHome.use(async (home) => {
    const starts: [string[], Record<string, string>][] = [
      [["--foreground"], {}],
      [["--foreground", "--count", "2"], {}],
      [[], { QUEUECTL_FOREGROUND: "1" }],
    ];
    for (const [flags, env] of starts) {
      const child = start(home.dir, ["worker", "start", ...flags], { env });
      const id = (await home.json("enqueue", "--command", "true")).id;
      await home.untilJob(id, "completed");
      child.kill("SIGTERM");
      const [{ code, stdout }] = await Promise.all([child.output(), child.stdin.close()]);
      assert.equal(code, 0);
      assert.match(new TextDecoder().decode(stdout), /^Started \d worker\(s\) in the foreground/);
      assert.deepEqual(await home.processes(), []);
    }
  }));

Deno.test("worker start: bad counts and flags that contradict each other are refused", () =>
  TemporaryHome.use(async (home) => {
    const bad: [string[], RegExp][] = [
      [["--count", "0"], /--count 0.*from 1 to 256/],
      [["--count", "1000"], /--count 1000/],
      [["--count", "two"], /--count two/],
      [["--concurrency", "0"], /--concurrency 0/],
      [["--queue", ""], /queue without a name/],
      [["--foreground", "--daemon"], /--foreground and --daemon/],
    ];
    for (const [flags, says] of bad) {
      assertRefused(await home.call(["worker", "start", ...flags]), 2, says);
    }
    assert.deepEqual(await home.json("worker", "list"), []);
  }));

Deno.test("worker start: on a machine without setsid it exits with 1 and says what is missing", () =>
  TemporaryHome.use(async (home) => {
    const result = await home.call(["worker", "start"], { env: { PATH: "/nonexistent" } });
    assertRefused(result, 1, /Cannot start a worker: .*setsid/);
  }));

Deno.test("worker: jobs of higher priority run first, equal ones in order of arrival", () =>
  TemporaryHome.use(async (home) => {
    const jobs = [["low", "low"], ["first", "medium"], ["second", 5], ["high", "high"]];
    await home.enqueue(...jobs.map(([id, priority]) => ({ id, command: `echo ${id} >>order`, priority })));
    await home.startWorkers(1);
    await home.untilJob("low", "completed");
    assert.equal(await Deno.readTextFile(`${home.dir}/order`), "high\nfirst\nsecond\nlow\n");
  }));
