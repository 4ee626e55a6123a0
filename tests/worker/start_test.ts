import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { start } from "../harness/program.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { isGone, waitFor } from "../harness/wait_for.ts";

Deno.test("worker start: tells the pids and ids of workers that have registered", () =>
  TemporaryHome.use(async (home) => {
    const told = await home.run("worker", "start", "--count", "3");
    const [, pids] = /^Started 3 worker\(s\) in the background with PIDs: \[(.*)\]\n/.exec(told)!;
    assert.match(told, /\nWorker ids: \[1, 2, 3\]\n$/);
    const registered = await home.json("worker", "list");
    assert.deepEqual(registered.map((worker: { pid: number }) => worker.pid).join(", "), pids);
    assert.match(await home.run("status"), /^Found 3 active worker\(s\): \[1, 2, 3\]\n/);
  }));

Deno.test("worker start: workers of two starts add up and stop together from a third call", () =>
  TemporaryHome.use(async (home) => {
    const pids = [...await home.startWorkers(2), ...await home.startWorkers(2)];
    assert.equal((await home.json("worker", "status")).length, 4);
    await home.enqueue({ id: "job1", command: "while [ ! -e gate ]; do sleep 0.02; done", cwd: home.dir });
    await home.untilJob("job1", "processing");
    const stopping = home.run("worker", "stop");
    await waitFor("the workers to be told to stop", async () => {
      return (await home.json("worker", "list")).some(({ state }: { state: string }) => state === "stopping");
    });
    await Deno.writeTextFile(`${home.dir}/gate`, "");
    assert.equal(await stopping, "Stopped 4 worker(s): [1, 2, 3, 4]\n");
    assert.deepEqual(pids.filter((pid) => !isGone(pid)), []);
    assert.equal((await home.json("get", "job1")).state, "completed");
    assert.deepEqual(await home.json("worker", "list"), []);
  }));

Deno.test("worker start: background workers outlive the session of the terminal that started them", () =>
  TemporaryHome.use(async (home) => {
    const [pid] = await home.startWorkers(1);
    const read = new Deno.Command("/bin/sh", { args: ["-c", `cat /proc/${pid}/stat`] });
    const stat = new TextDecoder().decode((await read.output()).stdout);
    const [, , group, session, terminal] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").map(Number);
    assert.deepEqual({ group, session, terminal }, { group: pid, session: pid, terminal: 0 });
  }));

Deno.test("worker start --queue: only the jobs of those queues are claimed", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue(
      { id: "other", command: "true" },
      { id: "first", command: "true", queue: "a" },
      { id: "second", command: "true", queue: "b" },
    );
    await home.startWorkers(1, "--queue", "a", "b");
    await home.untilJob("first", "completed");
    await home.untilJob("second", "completed");
    assert.equal((await home.json("get", "other")).state, "pending");
  }));

Deno.test("worker start --concurrency: one worker runs as many jobs at once as it has slots", () =>
  TemporaryHome.use(async (home) => {
    const meet = (own: string, other: string) => `touch ${own}; while [ ! -e ${other} ]; do sleep 0.02; done`;
    await home.enqueue(
      { id: "one", command: meet("a", "b"), cwd: home.dir },
      { id: "two", command: meet("b", "a"), cwd: home.dir },
    );
    await home.startWorkers(1, "--concurrency", "2");
    await home.untilJob("one", "completed");
    await home.untilJob("two", "completed");
  }));

Deno.test("worker start --foreground: blocks until SIGTERM, and finishes its job first", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "job1", command: "touch started; sleep 0.3" });
    const child = start(home.dir, ["worker", "start", "--foreground"]);
    await waitFor("the job to start", () => exists(`${home.dir}/started`));
    child.kill("SIGTERM");
    await child.stdin.close();
    const { code, stdout } = await child.output();
    assert.equal(code, 0);
    assert.equal(new TextDecoder().decode(stdout), "Started 1 worker(s) in the foreground: [1]\n");
    assert.equal((await home.json("get", "job1")).state, "completed");
  }));

Deno.test("worker start --foreground: told to stop before it could register itself, it leaves nothing behind", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "job1", command: "true" });
    const db = new DatabaseSync(`${home.dir}/queue.db`);
    db.exec("BEGIN IMMEDIATE");
    const child = start(home.dir, ["worker", "start", "--foreground"]);
    const said = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ""; !text.includes("keeps the store locked");) {
      const { value, done } = await said.read();
      assert.ok(!done, text);
      text += value;
    }
    child.kill("SIGTERM");
    db.exec("ROLLBACK");
    db.close();
    await child.stdin.close();
    await child.stdout.cancel();
    assert.equal((await child.status).code, 0);
    await said.cancel();
    assert.deepEqual(await home.json("worker", "list"), []);
    assert.equal((await home.json("get", "job1")).state, "pending");
  }));

Deno.test("worker start --foreground: a second SIGINT ends the command, and its job is pending again", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "job1", command: "touch started; sleep 60" });
    const child = start(home.dir, ["worker", "start"], { env: { QUEUECTL_FOREGROUND: "1" } });
    await waitFor("the job to start", () => exists(`${home.dir}/started`));
    child.kill("SIGINT");
    await waitFor(
      "the worker to be stopping",
      async () => (await home.json("worker", "list"))[0].state === "stopping",
    );
    assert.equal((await home.json("get", "job1")).state, "processing");
    child.kill("SIGINT");
    await child.stdin.close();
    assert.equal((await child.output()).code, 0);
    const job = await home.json("get", "job1");
    assert.deepEqual([job.state, job.attempts], ["pending", 0]);
  }));

Deno.test("worker start --foreground --count: no worker outlives the process, even when it is killed", () =>
  TemporaryHome.use(async (home) => {
    const child = start(home.dir, ["worker", "start", "--foreground", "--count", "2"]);
    await waitFor("both workers", async () => (await home.json("worker", "list")).length === 2);
    await home.enqueue({ id: "job1", command: "sleep 60" });
    await home.untilJob("job1", "processing");
    child.kill("SIGKILL");
    await child.stdin.close();
    await child.output();
    await waitFor("all processes to end", async () => (await home.processes()).every(isGone));
    const job = await home.json("get", "job1");
    assert.deepEqual([job.state, job.attempts], ["pending", 0]);
  }));

Deno.test("worker start --foreground --count: SIGTERM stops all of them", () =>
  TemporaryHome.use(async (home) => {
    const child = start(home.dir, ["worker", "start", "--foreground", "-c", "2"]);
    await waitFor("both workers", async () => (await home.json("worker", "list")).length === 2);
    child.kill("SIGTERM");
    await child.stdin.close();
    assert.equal((await child.output()).code, 0);
    assert.deepEqual(await home.json("worker", "list"), []);
  }));

Deno.test("worker start --daemon: is the default, and contradicts --foreground", () =>
  TemporaryHome.use(async (home) => {
    assert.match(await home.run("worker", "start", "--daemon"), /^Started 1 worker\(s\) in the background/);
    assert.equal((await home.call(["worker", "start", "--daemon", "--foreground"])).code, 2);
  }));

Deno.test("worker start: a number that makes no sense is refused", () =>
  TemporaryHome.use(async (home) => {
    for (const count of ["0", "-1", "1.5", "many", "257"]) {
      const { code, stderr } = await home.call(["worker", "start", `--count=${count}`]);
      assert.equal(code, 2);
      assert.match(stderr, /--count .* is a whole number from 1 to 256/);
    }
  }));

Deno.test("worker start: an idle worker is woken by an enqueue, not by its next look", () =>
  TemporaryHome.use(async (home) => {
    await home.run("config", "set", "poll_interval_ms", "60000");
    await home.startWorkers(1);
    await home.enqueue({ id: "job1", command: "true" });
    await home.untilJob("job1", "completed");
  }));

Deno.test("worker start: an idle worker wakes when a job becomes due", () =>
  TemporaryHome.use(async (home) => {
    await home.run("config", "set", "poll_interval_ms", "60000");
    await home.startWorkers(1);
    const { run_at } = await home.json("enqueue", "--id", "job1", "--delay", "500ms", "--command", "true");
    const [attempt] = (await home.untilJob("job1", "completed")).attempt_history;
    assert.ok(Date.parse(attempt.started_at) >= Date.parse(run_at));
  }));

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
