import assert from "node:assert/strict";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { isGone, waitFor } from "../harness/wait_for.ts";

Deno.test("worker stop: without an active worker it says so and exits 0", () =>
  TemporaryHome.use(async (home) => {
    const { code, stdout } = await home.call(["worker", "stop"]);
    assert.deepEqual([code, stdout], [0, "No active workers\n"]);
  }));

Deno.test("worker stop: a worker finishes what it runs, claims nothing more, and is told to be waited for", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue(
      { id: "running", command: "while [ ! -e gate ]; do sleep 0.02; done", cwd: home.dir },
      { id: "waiting", command: "true" },
    );
    const [pid] = await home.startWorkers(1);
    await home.untilJob("running", "processing");
    const stopping = home.call(["worker", "stop"]);
    await waitFor(
      "the worker to be stopping",
      async () => (await home.json("worker", "list"))[0].state === "stopping",
    );
    await Deno.writeTextFile(`${home.dir}/gate`, "");
    const { code, stdout, stderr } = await stopping;
    assert.deepEqual([code, stdout], [0, "Stopped 1 worker(s): [1]\n"]);
    assert.match(stderr, /Waiting for worker 1, which runs running \(for /);
    assert.ok(isGone(pid!));
    assert.equal((await home.json("get", "running")).state, "completed");
    assert.equal((await home.json("get", "waiting")).state, "pending");
  }));

Deno.test("worker stop ID: stops that worker alone", () =>
  TemporaryHome.use(async (home) => {
    await home.startWorkers(2);
    assert.equal(await home.run("worker", "stop", "2"), "Stopped 1 worker(s): [2]\n");
    assert.deepEqual((await home.json("worker", "list")).map((worker: { id: number }) => worker.id), [1]);
    const { code, stderr } = await home.call(["worker", "stop", "2"]);
    assert.equal(code, 3);
    assert.match(stderr, /There is no active worker 2/);
  }));

Deno.test("worker stop --force: commands are ended and their jobs are pending, at no cost", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "job1", command: "sleep 60 & sleep 60" });
    await home.startWorkers(1);
    await home.untilJob("job1", "processing");
    await home.run("worker", "stop", "--force");
    const job = await home.json("get", "job1");
    assert.deepEqual([job.state, job.attempts], ["pending", 0]);
    assert.equal(job.attempt_history[0].outcome, "released");
    assert.deepEqual((await home.processes()).filter((pid) => !isGone(pid)), []);
  }));

Deno.test("worker stop --timeout: after that long it is forced", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "job1", command: "sleep 60" });
    await home.startWorkers(1);
    await home.untilJob("job1", "processing");
    await home.run("worker", "stop", "--timeout", "0.2");
    assert.equal((await home.json("get", "job1")).state, "pending");
  }));

Deno.test("worker stop --force: a worker that is stopped by SIGSTOP is killed, and its job given back", () =>
  TemporaryHome.use(async (home) => {
    await home.run("config", "set", "kill_grace_seconds", "0");
    await home.enqueue({ id: "job1", command: "sleep 60" });
    const [pid] = await home.startWorkers(1);
    await home.untilJob("job1", "processing");
    Deno.kill(pid!, "SIGSTOP");
    await home.run("worker", "stop", "--force");
    const job = await home.json("get", "job1");
    assert.deepEqual([job.state, job.attempts], ["pending", 0]);
    assert.deepEqual((await home.processes()).filter((pid) => !isGone(pid)), []);
  }));
