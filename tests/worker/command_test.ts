import assert from "node:assert/strict";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { isGone, waitFor } from "../harness/wait_for.ts";

Deno.test("command: three workers run 500 jobs, each exactly once", () =>
  TemporaryHome.use(async (home) => {
    const jobs = Array.from(
      { length: 500 },
      (_, index) => ({ id: `job${index}`, command: `echo ${index} >>lines`, cwd: home.dir }),
    );
    await home.enqueue(...jobs);
    await home.startWorkers(3);
    await waitFor("all to be completed", async () => (await home.json("status")).jobs.completed === 500);
    const lines = (await Deno.readTextFile(`${home.dir}/lines`)).trim().split("\n");
    assert.deepEqual(
      lines.map(Number).sort((a, b) => a - b),
      jobs.map((_, index) => index),
    );
    const listed = await home.json("list");
    assert.ok(listed.every((job: { attempts: number }) => job.attempts === 1));
  }));

Deno.test("command: failures are retried with growing delays, then the job is dead", () =>
  TemporaryHome.use(async (home) => {
    await home.startWorkers(1);
    await home.enqueue({ id: "bad", command: "echo oops >&2; exit 7", backoff_base: 2, max_retries: 3 });
    const job = await home.untilJob("bad", "dead");
    const starts = job.attempt_history.map((attempt: { started_at: string }) =>
      Date.parse(attempt.started_at)
    );
    const ends = job.attempt_history.map((attempt: { finished_at: string }) =>
      Date.parse(attempt.finished_at)
    );
    assert.equal(starts.length, 3);
    // Never early; the upper bounds only tell 2 s from 4 s.
    const [first, second] = [starts[1] - ends[0], starts[2] - ends[1]];
    assert.ok(first >= 2000 && first < 4000, `first delay ${first} ms`);
    assert.ok(second >= 4000 && second < 8000, `second delay ${second} ms`);
    assert.match(await home.run("dlq", "list"), /^bad +echo oops >&2; exit 7 +3\/3 +exited with 7: oops /m);
    await home.run("worker", "stop");
    await home.run("dlq", "retry", "bad");
    const retried = await home.json("get", "bad");
    assert.deepEqual([retried.state, retried.attempts], ["pending", 0]);
  }));

Deno.test("command: how it ended is told apart: exit code, signal, no such directory", () =>
  TemporaryHome.use(async (home) => {
    const once = { max_retries: 1 };
    await home.enqueue(
      { id: "code", command: "exit 42", ...once },
      { id: "signal", command: "kill -SEGV $$", ...once },
      { id: "missing", command: "no-such-command-at-all", ...once },
      { id: "directory", command: "true", cwd: "/no/such/directory", ...once },
      { id: "syntax", command: "if then", ...once },
    );
    await home.startWorkers(1);
    await home.untilJob("syntax", "dead");
    const error = async (id: string) => (await home.json("get", id)).last_error;
    assert.equal(await error("code"), "exited with 42");
    assert.equal(await error("signal"), "ended by SIGSEGV");
    assert.match(await error("missing"), /^exited with 127: .*no-such-command-at-all: not found$/);
    assert.equal(await error("directory"), "no such directory: /no/such/directory");
    assert.match(await error("syntax"), /^exited with 2: .*[Ss]yntax error/);
  }));

Deno.test("command: it runs as with a plain sh -c: variables, directory, no input, line numbers", () =>
  TemporaryHome.use(async (home) => {
    const script = 'echo "$0|$#|$FOO|$PWD|$QUEUECTL_JOB_ID|$QUEUECTL_ATTEMPT"; cat; no-such-command';
    await home.enqueue({
      id: "job1",
      command: script,
      cwd: home.dir,
      env: { FOO: "a b\n'c' $d" },
      max_retries: 1,
    });
    await home.startWorkers(1);
    await home.untilJob("job1", "dead");
    assert.equal(await home.run("logs", "job1", "--stdout"), `/bin/sh|0|a b\n'c' $d|${home.dir}|job1|1\n`);
    const plain = await new Deno.Command("/bin/sh", { args: ["-c", script], stdin: "null" }).output();
    assert.equal(await home.run("logs", "job1", "--stderr"), new TextDecoder().decode(plain.stderr));
  }));

Deno.test("command: it inherits no descriptor of the worker: it has those of a plain sh -c", () =>
  TemporaryHome.use(async (home) => {
    const command = "ls /proc/$$/fd; readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2";
    await home.enqueue({ id: "job1", command });
    await home.startWorkers(1);
    await home.untilJob("job1", "completed");
    const lines = (await home.run("logs", "job1")).trim().split("\n");
    const plain = await new Deno.Command("/bin/sh", { args: ["-c", command], stdin: "null" }).output();
    const plainLines = new TextDecoder().decode(plain.stdout).trim().split("\n");
    assert.deepEqual(lines.slice(0, -3), plainLines.slice(0, -3));
    const paths = (await home.run("logs", "job1", "--path")).trim().split("\n");
    assert.deepEqual(lines.slice(-3), ["/dev/null", ...paths]);
  }));

Deno.test("command: a script's kill 0 at its exit hits neither its worker nor its neighbour", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({
      id: "neighbour",
      command: "while [ ! -e gate ]; do sleep 0.02; done",
      cwd: home.dir,
    });
    const pids = await home.startWorkers(2);
    await home.untilJob("neighbour", "processing");
    await home.enqueue({ id: "rude", command: "trap 'kill 0' EXIT; true", max_retries: 1 });
    await waitFor("the rude job to end", async () => (await home.json("history", "rude"))[0]?.finished_at);
    await Deno.writeTextFile(`${home.dir}/gate`, "");
    assert.equal((await home.untilJob("neighbour", "completed")).attempt_history.length, 1);
    assert.deepEqual(pids.filter(isGone), []);
  }));

Deno.test("command: one that ignores SIGTERM and has started a daemon is gone after its timeout", () =>
  TemporaryHome.use(async (home) => {
    await home.run("config", "set", "kill_grace_seconds", "1");
    await home.startWorkers(1);
    const command =
      `trap '' TERM; setsid sh -c 'trap "" TERM; echo $$ >daemon; sleep 60; sleep 60' & echo $$ >leader; sleep 60; sleep 60`;
    await home.enqueue({ id: "job1", command, cwd: home.dir, timeout: 1, max_retries: 1 });
    const job = await home.untilJob("job1", "dead");
    assert.equal(job.last_error, "timed out after 1s");
    assert.equal(job.attempt_history[0].outcome, "timed_out");
    const took = job.attempt_history[0].duration_seconds;
    assert.ok(took >= 2, `the grace was waited out (${took} s)`);
    for (const name of ["leader", "daemon"]) {
      assert.ok(isGone(Number(await Deno.readTextFile(`${home.dir}/${name}`))), name);
    }
    assert.deepEqual(
      (await home.processes()).filter((pid) => !isGone(pid)).length,
      1,
      "only the worker is left",
    );
  }));

Deno.test("command: what it leaves running in the background ends with it", () =>
  TemporaryHome.use(async (home) => {
    await home.startWorkers(1);
    await home.enqueue({ id: "job1", command: "sleep 60 & echo $! >child", cwd: home.dir });
    await home.untilJob("job1", "completed");
    assert.ok(isGone(Number(await Deno.readTextFile(`${home.dir}/child`))));
  }));

Deno.test("command: what it leaves running outside its process group is ended soon after", () =>
  TemporaryHome.use(async (home) => {
    await home.startWorkers(1);
    await home.enqueue({
      id: "job1",
      command: "setsid sh -c 'echo $$ >daemon; sleep 60' & while [ ! -s daemon ]; do sleep 0.02; done",
      cwd: home.dir,
    });
    await home.untilJob("job1", "completed");
    const pid = Number(await Deno.readTextFile(`${home.dir}/daemon`));
    await waitFor("the daemon to be gone", () => isGone(pid));
  }));

Deno.test("cancel: a running command is ended, with all it started", () =>
  TemporaryHome.use(async (home) => {
    await home.startWorkers(1);
    await home.enqueue({
      id: "job1",
      command: "echo $$ >leader; sleep 60 & echo $! >child; wait",
      cwd: home.dir,
    });
    await home.untilJob("job1", "processing");
    await waitFor("the child", () => Deno.readTextFile(`${home.dir}/child`).catch(() => null));
    assert.equal(await home.run("cancel", "job1"), "Cancelling job job1: its command is being ended\n");
    const job = await home.untilJob("job1", "cancelled");
    assert.equal(job.attempt_history[0].outcome, "cancelled");
    for (const name of ["leader", "child"]) {
      assert.ok(isGone(Number(await Deno.readTextFile(`${home.dir}/${name}`))), name);
    }
  }));

Deno.test("command: output over max_output_bytes is cut, and the job goes on", () =>
  TemporaryHome.use(async (home) => {
    await home.run("config", "set", "max_output_bytes", "100000");
    await home.startWorkers(1);
    await home.enqueue({ id: "job1", command: "head -c 3000000 /dev/zero | tr '\\0' x; echo end >&2" });
    await home.untilJob("job1", "completed");
    const path = (await home.run("logs", "job1", "--path", "--stdout")).trim();
    assert.equal((await Deno.stat(path)).size, 100_000);
    assert.equal(await home.run("logs", "job1", "--stderr"), "end\n");
  }));

Deno.test("command: binary output is kept byte for byte", () =>
  TemporaryHome.use(async (home) => {
    await home.startWorkers(1);
    await home.enqueue({ id: "job1", command: "printf '\\000\\377\\033[31m\\r\\n\\200'" });
    await home.untilJob("job1", "completed");
    const path = (await home.run("logs", "job1", "--path", "--stdout")).trim();
    assert.deepEqual([...await Deno.readFile(path)], [0, 255, 27, 91, 51, 49, 109, 13, 10, 128]);
  }));

Deno.test("command: a job that starts workers doesn't end them when it ends", () =>
  TemporaryHome.use(async (home) => {
    await home.startWorkers(1);
    const program = await programScript(home);
    await home.enqueue({ id: "job1", command: `${program} worker start` });
    await home.untilJob("job1", "completed");
    await home.enqueue({ id: "job2", command: "true" });
    await home.untilJob("job2", "completed");
    const workers = await home.json("worker", "list");
    assert.deepEqual(workers.map((worker: { state: string }) => worker.state), ["idle", "idle"]);
  }));

Deno.test("retention_days: workers delete what is older, with its output", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "old", command: "echo out" });
    await home.startWorkers(1);
    await home.untilJob("old", "completed");
    const path = (await home.run("logs", "old", "--path", "--stdout")).trim();
    await home.run("config", "set", "retention_days", "0.000001");
    await waitFor("the job to be deleted", async () => (await home.json("list")).length === 0);
    await waitFor("its output to be deleted", () => Deno.stat(path).then(() => false, () => true));
  }));

/** A script that calls the program under test. */
async function programScript(home: TemporaryHome): Promise<string> {
  const { programCommand } = await import("../harness/program.ts");
  const path = `${home.dir}/program.sh`;
  await Deno.writeTextFile(path, `#!/bin/sh\nexec ${programCommand().join(" ")} "$@"\n`, { mode: 0o700 });
  return path;
}
