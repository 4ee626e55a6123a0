import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { programCommand } from "../harness/program.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { isGone, waitFor } from "../harness/wait_for.ts";

/** A command with children, one of which has left the process group; each run adds a line to `runs`. */
const TREE = "echo run >>runs; setsid sleep 60 & sleep 60 & sleep 60";

Deno.test("recovery: a worker is killed, its command's tree dies, and another worker runs the job again", () =>
  TemporaryHome.use(async (home) => {
    await home.startWorkers(2);
    await home.enqueue({ id: "job1", command: TREE, cwd: home.dir });
    await home.untilJob("job1", "processing");
    await waitFor("the whole tree", async () => (await treeOf(home)).length >= 4);
    const before = await treeOf(home);
    const first = await busyWorker(home);
    Deno.kill(first.pid, "SIGKILL");
    await waitFor("another worker to have it", async () => {
      const { worker } = await home.json("get", "job1");
      return worker !== null && worker !== first.id;
    });
    assert.deepEqual(
      before.filter((pid) => !isGone(pid)),
      [],
      "the old tree is gone before the job runs again",
    );
    const job = await home.json("get", "job1");
    assert.equal(job.attempts, 1);
    assert.deepEqual(job.attempt_history.map((attempt: { outcome: string }) => attempt.outcome), [
      "lost",
      "running",
    ]);
  }));

Deno.test("recovery: with no other worker alive, the next worker start does it", () =>
  TemporaryHome.use(async (home) => {
    const [pid] = await home.startWorkers(1);
    await home.enqueue({ id: "job1", command: TREE, cwd: home.dir });
    await home.untilJob("job1", "processing");
    await waitFor("the whole tree", async () => (await treeOf(home)).length >= 4);
    const before = await treeOf(home);
    Deno.kill(pid!, "SIGKILL");
    await waitFor("the worker to be gone", () => isGone(pid!));
    assert.match(await home.run("status"), /^Found 0 active worker\(s\) \(1 died/);
    await home.startWorkers(1);
    await waitFor("the new worker to have it", async () => (await home.json("get", "job1")).worker === 2);
    assert.deepEqual(before.filter((pid) => !isGone(pid)), []);
    assert.equal((await home.json("get", "job1")).attempts, 1);
  }));

Deno.test("recovery: a job that runs longer than the lease of two live workers runs once", () =>
  TemporaryHome.use(async (home) => {
    await home.run("config", "set", "lock_lease_seconds", "1");
    await home.startWorkers(2);
    await home.enqueue({ id: "job1", command: "echo run >>runs; sleep 4", cwd: home.dir });
    const job = await home.untilJob("job1", "completed");
    assert.equal(job.attempt_history.length, 1);
    assert.equal(await Deno.readTextFile(`${home.dir}/runs`), "run\n");
    assert.equal((await home.json("worker", "list")).length, 2);
  }));

Deno.test("recovery: a worker that is alive but silent for a lease is killed first, then its job runs again", () =>
  TemporaryHome.use(async (home) => {
    await home.run("config", "set", "lock_lease_seconds", "1");
    await home.startWorkers(2);
    await home.enqueue({ id: "job1", command: TREE, cwd: home.dir });
    await home.untilJob("job1", "processing");
    const silent = await busyWorker(home);
    Deno.kill(silent.pid, "SIGSTOP");
    await waitFor("another worker to have it", async () => {
      const { worker } = await home.json("get", "job1");
      return worker !== null && worker !== silent.id;
    });
    assert.ok(isGone(silent.pid));
  }));

Deno.test("recovery: a job under which three workers died is dead, with that reason", () =>
  TemporaryHome.use(async (home) => {
    // The command kills the worker that runs it: the parent of what has started it.
    await home.enqueue({
      id: "killer",
      command: "kill -9 $PPID; sleep 60",
    });
    for (let death = 1; death <= 3; death++) {
      const [pid] = await home.startWorkers(1);
      await waitFor("the worker to die", () => isGone(pid!));
    }
    await home.startWorkers(1);
    const job = await home.untilJob("killer", "dead");
    assert.match(job.last_error, /its worker died under it 3 times/);
    assert.equal(job.attempts, 0);
    assert.equal((await home.json("dlq", "list"))[0].id, "killer");
  }));

Deno.test("recovery: after a restart of the machine jobs, configuration and history are the same", () =>
  TemporaryHome.use(async (home) => {
    await home.run("config", "set", "max_retries", "7");
    await home.enqueue({ id: "done", command: "echo done" });
    const [pid] = await home.startWorkers(1);
    await home.untilJob("done", "completed");
    await home.enqueue({ id: "running", command: "sleep 60" }, {
      id: "later",
      command: "true",
      run_at: "2099-01-01",
    });
    await home.untilJob("running", "processing");
    const before = { done: await home.json("get", "done"), later: await home.json("get", "later") };
    await cutPower(home, pid!);

    await home.startWorkers(1);
    const running = await waitFor("the job to run again", async () => {
      const job = await home.json("get", "running");
      return job.worker === 2 ? job : null;
    });
    assert.deepEqual([running.attempts, running.attempt_history[0].outcome], [1, "lost"]);
    assert.deepEqual(
      { done: await home.json("get", "done"), later: await home.json("get", "later") },
      before,
    );
    assert.equal(await home.run("config", "get", "max_retries"), "7\n");
    assert.equal(await home.run("logs", "done"), "done\n");
  }));

Deno.test("recovery: a process that has got a dead worker's pid is neither signalled nor taken for it", () =>
  TemporaryHome.use(async (home) => {
    const [pid] = await home.startWorkers(1);
    Deno.kill(pid!, "SIGKILL");
    await waitFor("the worker to be gone", () => isGone(pid!));
    const stranger = new Deno.Command("sleep", { args: ["60"] }).spawn();
    try {
      const db = new DatabaseSync(`${home.dir}/queue.db`);
      db.prepare("UPDATE workers SET pid = ?").run(stranger.pid);
      db.close();
      assert.equal(await home.run("worker", "stop", "--force"), "No active workers\n");
      await home.startWorkers(1);
      await waitFor(
        "the dead worker's row to be gone",
        async () => (await home.json("worker", "list")).length === 1,
      );
      assert.ok(!isGone(stranger.pid));
    } finally {
      stranger.kill("SIGKILL");
      await stranger.status;
    }
  }));

Deno.test({
  name: "recovery: workers in two pid namespaces don't take each other for dead until one really is",
  ignore: !canUnshare(),
  fn: () =>
    TemporaryHome.use(async (home) => {
      await home.run("config", "set", "lock_lease_seconds", "3600");
      const container = workerUnder("unshare", ["--pid", "--fork", "--kill-child", "--mount-proc"], home);
      await waitFor("the first worker", async () => (await home.json("worker", "list")).length === 1);
      await home.enqueue({ id: "job1", command: "sleep 60" });
      await home.untilJob("job1", "processing");
      await home.startWorkers(1);
      // The second worker's first look at all identities is over once it has run a job of its own.
      await home.enqueue({ id: "job2", command: "true" });
      await home.untilJob("job2", "completed");
      assert.deepEqual((await home.json("get", "job1")).worker, 1);
      container.kill("SIGKILL");
      await container.status;
      await waitFor(
        "the second worker to have it",
        async () => (await home.json("get", "job1")).worker === 2,
      );
    }),
});

Deno.test({
  name:
    "recovery: a worker that is stopped in the middle of a transaction doesn't stop the others (needs strace)",
  ignore: !hasStrace(),
  fn: () =>
    TemporaryHome.use(async (home) => {
      await home.run("config", "set", "lock_lease_seconds", "1");
      await home.startWorkers(1, "--queue", "other");
      const inject = [
        "-e",
        "trace=pwrite64",
        "-P",
        `${home.dir}/queue.db-wal`,
        "-e",
        "inject=pwrite64:signal=SIGSTOP:when=12",
      ];
      const tracer = workerUnder("strace", ["-f", "-qq", "-o", "/dev/null", ...inject], home);
      await tracer.status; // its worker was killed
      await home.enqueue({ id: "job1", command: "true", queue: "other" });
      await home.untilJob("job1", "completed");
    }),
});

/** Starts a foreground worker through another program, such as a tracer. */
function workerUnder(tool: string, args: readonly string[], home: TemporaryHome): Deno.ChildProcess {
  return new Deno.Command(tool, {
    args: [...args, ...programCommand(), "worker", "start", "--foreground"],
    env: { QUEUECTL_HOME: home.dir, QUEUECTL_DB: "" },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

function hasStrace(): boolean {
  try {
    return new Deno.Command("strace", { args: ["-V"] }).outputSync().success;
  } catch {
    return false;
  }
}

function canUnshare(): boolean {
  try {
    const { success } = new Deno.Command("unshare", { args: ["--pid", "--fork", "--mount-proc", "true"] })
      .outputSync();
    return success;
  } catch {
    return false;
  }
}

/** The processes of commands: all of this home but the workers and the call that asks. */
async function treeOf(home: TemporaryHome): Promise<number[]> {
  const { stdout } = await new Deno.Command("/bin/sh", {
    args: [
      "-c",
      `grep -lazF "QUEUECTL_HOME=$1" $(grep -laz "^QUEUECTL_JOB_ID=" /proc/[0-9]*/environ 2>/dev/null)`,
    ]
      .concat("sh", home.dir),
    stdin: "null",
    stderr: "null",
  }).output();
  return [...new TextDecoder().decode(stdout).matchAll(/\/proc\/(\d+)\//g)].map(([, pid]) => Number(pid));
}

async function busyWorker(home: TemporaryHome): Promise<{ id: number; pid: number }> {
  const workers = await home.json("worker", "list");
  return workers.find((worker: { jobs: unknown[] }) => worker.jobs.length > 0);
}

/** Kills everything at once and makes the store look as if it came from another boot. */
async function cutPower(home: TemporaryHome, workerPid: number): Promise<void> {
  for (const pid of await home.processes()) Deno.kill(pid, "SIGKILL");
  await waitFor("everything to be gone", () => isGone(workerPid));
  const db = new DatabaseSync(`${home.dir}/queue.db`);
  db.exec("UPDATE workers SET boot_id = '00000000-0000-0000-0000-000000000000'");
  db.close();
}
