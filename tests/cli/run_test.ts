import assert from "node:assert/strict";
import { shellJoin } from "../../src/core/shell_words.ts";
import { programCommand, start } from "../harness/program.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { testWith, TmuxTerminal } from "../harness/tmux_terminal.ts";
import { isGone, waitFor } from "../harness/wait_for.ts";
import { gate, onTerminal, openGate } from "./gate.ts";
import { assertRefused } from "./refusal.ts";
import { callOnTerminal } from "./terminal.ts";

async function untilStored(home: TemporaryHome, id: string): Promise<void> {
  await waitFor(`${id} to be stored`, async () => (await home.call(["get", id])).code === 0);
}

/** A `run` that has been started, and everything it has printed on stdout so far. */
function startRun(home: TemporaryHome, ...args: string[]) {
  const child = start(home.dir, ["run", ...args]);
  const printed = { stdout: "", stderr: "" };
  const reading = (["stdout", "stderr"] as const).map(async (stream) => {
    for await (const piece of child[stream].pipeThrough(new TextDecoderStream())) printed[stream] += piece;
  });
  const ended = (async () => {
    const [{ code }] = await Promise.all([child.status, ...reading]);
    await child.stdin.close();
    return { code, ...printed };
  })();
  return { child, printed, ended };
}

Deno.test("run: passes both streams on byte for byte, and exits with the job's code", () =>
  TemporaryHome.use(async (home) => {
    const script = "printf 'no newline \\000\\377\\033[31m'; printf 'err\\r' >&2; exit 7";
    const [program, ...rest] = programCommand();
    const output = await new Deno.Command(program!, {
      args: [...rest, "run", "--max-retries", "1", "--quiet", "--", script],
      env: { QUEUECTL_HOME: home.dir },
    }).output();
    const expected = [
      ...new TextEncoder().encode("no newline "),
      0,
      255,
      ...new TextEncoder().encode("\x1b[31m"),
    ];
    assert.deepEqual([...output.stdout], expected);
    assert.equal(new TextDecoder().decode(output.stderr), "err\r");
    assert.equal(output.code, 7);
  }));

Deno.test("run: all of ten megabytes arrives", () =>
  TemporaryHome.use(async (home) => {
    const { code, stdout } = await home.call(["run", "--", "seq 1400000"]);
    assert.equal(code, 0);
    assert.equal(stdout.length, lengthOfSeq(1_400_000));
    assert.ok(stdout.endsWith("\n1400000\n"));
  }));

/** How many bytes `seq n` prints. */
function lengthOfSeq(n: number): number {
  let bytes = 0;
  for (let digits = 1, from = 1; from <= n; digits++, from *= 10) {
    bytes += (Math.min(n, from * 10 - 1) - from + 1) * (digits + 1);
  }
  return bytes;
}

Deno.test("run: output comes while the job runs", () =>
  TemporaryHome.use(async (home) => {
    const { printed, ended } = startRun(home, "--", `echo first; ${gate()}; echo second`);
    await waitFor("the first line", () => printed.stdout === "first\n");
    await openGate(home);
    assert.deepEqual([(await ended).code, printed.stdout], [0, "first\nsecond\n"]);
  }));

Deno.test("run: a job that a signal ended exits with 128 and its number", () =>
  TemporaryHome.use(async (home) => {
    const result = await home.call(["run", "--max-retries", "1", "--", "kill -KILL $$"]);
    assert.equal(result.code, 137);
    assert.match(result.stderr, /out of attempts \(1\/1\): ended by SIGKILL/);
  }));

Deno.test("run, wait: a job that took too long exits with 124, and says so", () =>
  TemporaryHome.use(async (home) => {
    const command = `trap 'exit 0' TERM; ${gate("never")}`;
    const result = await home.call([
      "run",
      "--id",
      "a",
      "--max-retries",
      "1",
      "--timeout",
      "0.1",
      "--",
      command,
    ]);
    assert.equal(result.code, 124);
    assert.match(result.stderr, /job a: out of attempts \(1\/1\): timed out after 100ms/);
    assert.equal((await home.call(["wait", "a"])).code, 124);
  }));

Deno.test("run: without workers up it runs this job alone, and leaves no worker behind", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "other", command: "true", priority: 10 });
    assert.equal((await home.call(["run", "--id", "mine", "--", "echo hello"])).stdout, "hello\n");
    assert.equal((await home.json("get", "other")).state, "pending");
    assert.equal((await home.json("get", "mine")).state, "completed");
    assert.deepEqual(await home.json("worker", "list"), []);
    assert.deepEqual(await home.processes(), []);
  }));

Deno.test("run: a worker that is up and serves the queue runs the job", () =>
  TemporaryHome.use(async (home) => {
    await home.startWorkers(1, "--queue", "builds");
    await home.run("run", "-q", "builds", "--id", "a", "--", "true");
    await home.run("run", "--id", "b", "--", "true");
    const workerOf = async (id: string) => (await home.json("get", id)).attempt_history[0].worker;
    assert.equal(await workerOf("a"), 1);
    assert.equal(await workerOf("b"), 2, "nobody served its queue, so it ran it itself");
  }));

Deno.test("run: two at once without workers up don't count on each other's", () =>
  TemporaryHome.use(async (home) => {
    const first = startRun(home, "--id", "first", "--", `echo 1; ${gate()}`);
    await waitFor("the first to run", () => first.printed.stdout === "1\n");
    assert.match(await home.run("worker", "list"), / one job /);
    const second = await home.call(["run", "--", "echo 2"]);
    assert.deepEqual([second.code, second.stdout], [0, "2\n"]);
    assert.equal((await home.json("get", "first")).state, "processing", "the second didn't wait for it");
    await openGate(home);
    assert.equal((await first.ended).code, 0);
  }));

Deno.test("run: called by a job's command it doesn't wait for the slot that this job occupies", () =>
  TemporaryHome.use(async (home) => {
    const program = shellJoin(programCommand());
    await home.enqueue({
      id: "outer",
      command: `${program} run --id inner --backoff-base 0 -- 'echo inside; exit 3'`,
      max_retries: 1,
    });
    await home.startWorkers(1);
    const outer = await home.untilJob("outer", "dead");
    assert.equal(outer.attempt_history[0].exit_code, 3);
    assert.equal(await home.run("logs", "outer", "--stdout"), "inside\n".repeat(3));
  }));

Deno.test("run: goes on by itself when the workers that it counted on have gone", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "long", command: gate("never") });
    await home.startWorkers(1);
    await home.untilJob("long", "processing");
    const { ended } = startRun(home, "--id", "mine", "--", "echo done");
    await untilStored(home, "mine");
    await home.run("worker", "stop", "--force");
    const { code, stdout } = await ended;
    assert.deepEqual([code, stdout], [0, "done\n"]);
    assert.equal((await home.json("get", "long")).state, "pending");
  }));

Deno.test("run: when all workers are stopped by force, its own one with them, the job is cancelled", () =>
  TemporaryHome.use(async (home) => {
    await home.run("config", "set", "kill_grace_seconds", "600");
    const { printed, ended } = startRun(home, "--id", "a", "--", `trap '' TERM; echo started; ${gate()}`);
    await waitFor("the start", () => printed.stdout === "started\n");
    await home.run("worker", "stop", "--force");
    assert.equal((await ended).code, 131);
    assert.equal((await home.json("get", "a")).state, "cancelled");
    assert.deepEqual(await home.json("worker", "list"), []);
    assert.deepEqual(await home.processes(), []);
  }));

Deno.test("run: a job that is retried says so on stderr, and the last attempt's code counts", () =>
  TemporaryHome.use(async (home) => {
    const args = ["run", "--id", "a", "--max-retries", "3", "--backoff-base", "0", "--"];
    const flaky = await home.call([...args, "echo try $QUEUECTL_ATTEMPT; exit $((3 - QUEUECTL_ATTEMPT))"]);
    assert.deepEqual([flaky.code, flaky.stdout], [0, "try 1\ntry 2\ntry 3\n"]);
    const told = /job a: attempt 1\/3 failed \(exited with 2\); the next one now\n.*attempt 2\/3 failed/;
    assert.match(flaky.stderr, told);
    const dead = await home.call([
      "run",
      "--max-retries",
      "2",
      "--backoff-base",
      "0",
      "--",
      "exit $QUEUECTL_ATTEMPT",
    ]);
    assert.equal(dead.code, 2);
    assert.match(dead.stderr, /out of attempts \(2\/2\): exited with 2/);
  }));

for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
  Deno.test(`run: ${signal} cancels the job by the ladder and exits with ${status}`, () =>
    TemporaryHome.use(async (home) => {
      const { child, printed, ended } = startRun(
        ...[home, "--id", "a", "--"] as const,
        `trap 'echo cleaned up; exit 0' TERM; echo started; ${gate()}`,
      );
      await waitFor("the start", () => printed.stdout === "started\n");
      child.kill(signal);
      const { code, stdout } = await ended;
      assert.deepEqual([code, stdout], [status, "started\ncleaned up\n"]);
      assert.equal((await home.json("get", "a")).state, "cancelled");
      assert.deepEqual(await home.processes(), []);
    }));
}

Deno.test("run: a second Ctrl-C kills a command that ignores the first", () =>
  TemporaryHome.use(async (home) => {
    await home.run("config", "set", "kill_grace_seconds", "600");
    const { child, printed, ended } = startRun(home, "--id", "a", "--", `trap '' TERM; echo $$; ${gate()}`);
    const pid = Number(await waitFor("the pid", () => printed.stdout.trim() || null));
    child.kill("SIGINT");
    await waitFor("the first to be noticed", async () => (await home.json("get", "a")).cancel_requested);
    assert.equal(isGone(pid), false);
    child.kill("SIGINT");
    assert.equal((await ended).code, 130);
    assert.ok(isGone(pid));
  }));

await testWith(
  ["tmux"],
  "run: on a terminal Ctrl-C reaches this program alone, and the job by the ladder",
  () =>
    TemporaryHome.use(async (home) => {
      const command = `trap 'echo by TERM; exit' TERM; trap 'echo by INT; exit' INT; echo started; ${gate()}`;
      await TmuxTerminal.use(home, onTerminal("run", "--id", "a", "--", command), {}, async (terminal) => {
        await terminal.until(/^started$/m);
        await terminal.press("C-c");
        // The shell may tell of its own child, which the same signal has ended.
        assert.match(await terminal.until(/status 130/), /^started\n(\^C)?(Terminated\n)?by TERM\n/);
      });
      assert.equal((await home.json("get", "a")).state, "cancelled");
    }),
);

Deno.test("run: Ctrl-C cancels a job that another worker runs, too", () =>
  TemporaryHome.use(async (home) => {
    await home.startWorkers(1);
    const { child, printed, ended } = startRun(home, "--id", "a", "--", `echo started; ${gate()}`);
    await waitFor("the start", () => printed.stdout === "started\n");
    child.kill("SIGINT");
    assert.equal((await ended).code, 130);
    assert.equal((await home.json("get", "a")).state, "cancelled");
    assert.equal((await home.json("worker", "list")).length, 1);
  }));

Deno.test("run: a job that somebody else cancels doesn't exit with 0", () =>
  TemporaryHome.use(async (home) => {
    const { printed, ended } = startRun(home, "--id", "a", "--", `echo started; ${gate()}`);
    await waitFor("the start", () => printed.stdout === "started\n");
    await home.run("cancel", "a");
    const { code, stderr } = await ended;
    assert.equal(code, 143);
    assert.match(stderr, /job a: cancelled/);
  }));

Deno.test("run: a job that is deleted before it ran is told, exit 3", () =>
  TemporaryHome.use(async (home) => {
    const { ended } = startRun(home, "--id", "a", "--delay", "1h", "--", "true");
    await untilStored(home, "a");
    await home.run("clear", "--yes");
    const { code, stderr } = await ended;
    assert.equal(code, 3);
    assert.match(stderr, /deleted/);
  }));

Deno.test("run --detach: prints the id, and the job runs though no worker was up", () =>
  TemporaryHome.use(async (home) => {
    const id = (await home.run("run", "--detach", "--", "echo hello")).trim();
    await home.untilJob(id, "completed");
    assert.equal(await home.run("logs", id), "hello\n");
    await waitFor("its worker to end", async () => (await home.processes()).length === 0);
  }));

Deno.test("run: its standard input is not the command's, which has none", () =>
  TemporaryHome.use(async (home) => {
    const { stdout } = await home.call(["run", "--", "cat; echo end"], { stdin: "typed" });
    assert.equal(stdout, "end\n");
  }));

await testWith(
  ["tmux"],
  "run --detach: the job goes on when the terminal is closed",
  () =>
    TemporaryHome.use(async (home) => {
      const args = ["run", "--detach", "--id", "a", "--", gate()];
      await TmuxTerminal.use(home, onTerminal(...args), {}, async (terminal) => {
        await terminal.until(/^a\nstatus 0/m);
      });
      await openGate(home);
      await home.untilJob("a", "completed");
    }),
);

Deno.test("run --detach: leaves the job to a worker that is up", () =>
  TemporaryHome.use(async (home) => {
    await home.startWorkers(1);
    const id = (await home.run("run", "--detach", "--", "true")).trim();
    await home.untilJob(id, "completed");
    assert.equal((await home.json("get", id)).attempt_history[0].worker, 1);
    assert.equal((await home.json("worker", "list")).length, 1);
  }));

Deno.test("run --json: prints one document with the job, its output and its exit status", () =>
  TemporaryHome.use(async (home) => {
    const args = ["run", "--json", "--id", "a", "--max-retries", "1", "--", "echo out; echo err >&2; exit 4"];
    const { code, stdout } = await home.call(args);
    assert.equal(code, 4);
    const shown = JSON.parse(stdout);
    assert.deepEqual(
      [shown.id, shown.state, shown.exit_status, shown.stdout, shown.stderr],
      ["a", "dead", 4, "out\n", "err\n"],
    );
  }));

Deno.test("run: when nobody reads the output any more the job ends, as it would by itself", () =>
  TemporaryHome.use(async (home) => {
    const script = '{ "$@" 2>stderr; echo $? >code; } | head -n 1';
    const { stdout } = await new Deno.Command("/bin/sh", {
      args: ["-c", script, "sh", ...programCommand(), "run", "--id", "a", "--", "while :; do echo y; done"],
      ...{ cwd: home.dir, env: { QUEUECTL_HOME: home.dir, QUEUECTL_DB: "" } },
    }).output();
    assert.equal(new TextDecoder().decode(stdout), "y\n");
    assert.equal((await Deno.readTextFile(`${home.dir}/code`)).trim(), "141");
    assert.equal((await home.json("get", "a")).state, "cancelled");
  }));

Deno.test("run: says so when it printed more than is kept", () =>
  TemporaryHome.use(async (home) => {
    await home.run("config", "set", "max_output_bytes", "100");
    const { code, stdout, stderr } = await home.call(["run", "--", "seq 1000"]);
    assert.deepEqual([code, stdout.length], [0, 100]);
    assert.match(stderr, /max_output_bytes/);
  }));

Deno.test("run: says what it waits for when the workers are busy", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "long", command: gate() });
    await home.startWorkers(1);
    await home.untilJob("long", "processing");
    const { child, printed, ended } = startRun(home, "--id", "mine", "--", "true");
    await waitFor("it to say so", () => /job mine: waiting for one of 1 worker\(s\)/.test(printed.stderr));
    await openGate(home);
    assert.equal((await ended).code, 0);
    assert.ok(isGone(child.pid));
  }));

Deno.test("run: what it says itself begins on a line of its own where the job has left one unfinished", () =>
  TemporaryHome.use(async (home) => {
    const args = ["run", "--id", "a", "--max-retries", "1", "--", "sh", "-c", "printf abc; exit 3"];
    const { code, screen } = await callOnTerminal(home, args);
    assert.equal(code, 3);
    assert.match(screen, /^abc\r?\nqueuectl: job a: out of attempts/m);
    // What is no terminal gets the job's bytes and nothing else.
    assert.equal((await home.call(["run", "--", "printf", "abc"])).stdout, "abc");
  }));

Deno.test("run: what is not one job is refused, and nothing is stored", () =>
  TemporaryHome.use(async (home) => {
    assertRefused(await home.call(["run", "make", "test"]), 2, /stands behind --/);
    assertRefused(await home.call(["run"]), 2, /no job.*\nTry: queuectl run -- /);
    assertRefused(
      await home.call(["run", '[{"command": "true"}, {"command": "true"}]']),
      2,
      /2 jobs at once/,
    );
    assertRefused(await home.call(["run", "--priority", "99", "--", "true"]), 2, /priority/);
    assert.deepEqual(await home.json("list"), []);
  }));

Deno.test("run: a JSON object and an id that is taken are treated as enqueue does", () =>
  TemporaryHome.use(async (home) => {
    assert.equal(await home.run("run", '{"id": "a", "command": "echo json"}'), "json\n");
    assertRefused(await home.call(["run", "--id", "a", "--", "true"]), 4, /exists/);
  }));
