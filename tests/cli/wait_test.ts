import assert from "node:assert/strict";
import { shellJoin } from "../../src/core/shell_words.ts";
import { programCommand, start } from "../harness/program.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { testWith, TmuxTerminal } from "../harness/tmux_terminal.ts";
import { waitFor } from "../harness/wait_for.ts";
import { gate, isWatching, onTerminal, openGate } from "./gate.ts";
import { assertRefused } from "./refusal.ts";

/** A call that has been started, and how it ends; it listens once its process has the store open. */
async function startWait(home: TemporaryHome, ...args: string[]) {
  const child = start(home.dir, ["wait", ...args]);
  await child.stdin.close();
  const ended = child.output().then(({ code, stdout, stderr }) => ({
    code,
    stdout: new TextDecoder().decode(stdout),
    stderr: new TextDecoder().decode(stderr),
  }));
  await waitFor("it to watch", () => isWatching(child.pid));
  return { child, ended };
}

Deno.test("wait: of one job exits with the job's own code, as soon as it has ended", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "good", command: gate() }, {
      id: "bad",
      command: `${gate()}; exit 7`,
      max_retries: 1,
    });
    await home.startWorkers(2);
    const [good, bad] = [await startWait(home, "good"), await startWait(home, "bad")];
    await openGate(home);
    assert.deepEqual(await good.ended, { code: 0, stdout: "Job good completed\n", stderr: "" });
    assert.deepEqual(await bad.ended, { code: 7, stdout: "Job bad died: exited with 7\n", stderr: "" });
  }));

Deno.test("wait: of a job that ended long ago returns at once, also if a signal ended it", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "kill -KILL $$", max_retries: 1 }, { id: "b", command: "true" });
    await home.startWorkers(1);
    await home.untilJob("b", "completed");
    assert.equal((await home.call(["wait", "a"])).code, 137);
    assert.equal((await home.call(["wait", "b"])).code, 0);
  }));

Deno.test("wait: waits out retries, and takes the last attempt's code", () =>
  TemporaryHome.use(async (home) => {
    const command = "[ $QUEUECTL_ATTEMPT = 2 ] || exit 9";
    await home.enqueue({ id: "a", command, max_retries: 2, backoff_base: 1 });
    await home.startWorkers(1);
    const { code, stdout } = await home.call(["wait", "a"]);
    assert.deepEqual([code, stdout], [0, "Job a completed\n"]);
    assert.equal((await home.json("get", "a")).attempts, 2);
  }));

Deno.test("wait: of several exits with 1 if any failed for good, and tells each", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue(
      { id: "a", command: "true" },
      { id: "b", command: "echo sorry >&2; exit 5", max_retries: 1 },
      { id: "c", command: "true", run_at: "2999-01-01T00:00:00Z" },
    );
    await home.run("cancel", "c");
    await home.startWorkers(1);
    const { code, stdout } = await home.call(["wait", "a", "b", "c"]);
    assert.equal(code, 1);
    assert.equal(stdout, "Job a completed\nJob b died: exited with 5: sorry\nJob c was cancelled\n");
    assert.equal((await home.call(["wait", "a", "a"])).code, 0);
    assert.equal((await home.call(["wait", "a", "c"])).code, 1);
  }));

Deno.test("wait: takes the beginning of an id, and @last", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "build-1", command: "exit 7", max_retries: 1 }, {
      id: "deploy",
      command: "true",
    });
    await home.startWorkers(1);
    assert.equal((await home.call(["wait", "bui"])).code, 7);
    assert.equal(await home.run("wait", "@last"), "Job deploy completed\n");
  }));

Deno.test("wait --any: returns at the first end, with that job's code", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue(
      { id: "slow", command: gate("never") },
      { id: "quick", command: `${gate()}; exit 6`, max_retries: 1 },
    );
    await home.startWorkers(2);
    const { ended } = await startWait(home, "--any", "slow", "quick");
    await openGate(home);
    assert.deepEqual(await ended, { code: 6, stdout: "Job quick died: exited with 6\n", stderr: "" });
  }));

Deno.test("wait --all: until nothing waits or runs, what comes meanwhile included", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: gate() }, {
      id: "old",
      command: "false",
      max_retries: 1,
      priority: 9,
    });
    await home.startWorkers(1);
    await home.untilJob("a", "processing");
    const { ended } = await startWait(home, "--all");
    await home.enqueue({ id: "b", command: "true", queue: "other" });
    await openGate(home);
    const { code, stdout } = await ended;
    assert.deepEqual([code, stdout], [0, "2 completed, 0 failed\n"], "what died before doesn't count");
    assert.equal((await home.json("get", "b")).state, "completed");
  }));

Deno.test("wait --queue: of other queues nothing counts, and a death gives 1", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue(
      { id: "a", command: gate(), queue: "builds" },
      { id: "b", command: `${gate()}; exit 3`, queue: "builds", max_retries: 1 },
      { id: "c", command: gate("never"), queue: "other" },
      { id: "d", command: `${gate()}; exit 3`, queue: "third", max_retries: 1 },
    );
    await home.startWorkers(4);
    await home.untilJob("d", "processing");
    const both = await startWait(home, "--queue", "builds");
    await openGate(home);
    const { code, stdout } = await both.ended;
    assert.deepEqual([code, stdout], [1, "Job b died: exited with 3\n1 completed, 1 failed\n"]);
    assert.equal(
      (await home.call(["wait", "--queue", "builds,third"])).code,
      0,
      "there is nothing to wait for",
    );
  }));

Deno.test("wait --timeout: exits with 124 and says how many are left", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "true" }, { id: "b", command: "true" });
    for (const args of [["a", "b"], ["--all"], ["--any", "a"], ["--queue", "default"]]) {
      const { code, stderr } = await home.call(["wait", "--timeout", "50ms", ...args]);
      assert.equal(code, 124, args.join(" "));
      assert.match(stderr, /^Error: [12] job\(s\) have not ended after 50ms$/m);
      assert.match(stderr, /^Try: /m);
    }
    assert.equal((await home.call(["wait", "--timeout", "0", "a"])).code, 124);
  }));

Deno.test("wait: an unknown id is refused with 3, before anything is waited for", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "true" });
    assertRefused(await home.call(["wait", "nowhere"]), 3, /no job nowhere/);
    assertRefused(await home.call(["wait", "a", "nowhere"]), 3, /no job nowhere/);
  }));

Deno.test("wait: a job that is deleted meanwhile is told, exit 3", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "true" });
    const one = await startWait(home, "a");
    await home.run("clear", "--yes");
    const result = await one.ended;
    assert.equal(result.code, 3);
    assert.match(result.stderr, /no job a any more: it was deleted while waiting/);

    await home.enqueue({ id: "a", command: "true" }, { id: "b", command: "true" });
    const two = await startWait(home, "a", "b");
    await home.run("clear", "--yes");
    const { code, stdout } = await two.ended;
    assert.deepEqual([code, stdout], [3, "Job a was deleted\nJob b was deleted\n"]);
  }));

Deno.test("wait: another job that takes a deleted one's id is not the one waited for", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "true" });
    const { ended } = await startWait(home, "a");
    await home.run("clear", "--yes");
    await home.enqueue({ id: "a", command: "true" });
    assert.equal((await ended).code, 3);
  }));

Deno.test("wait: a job that is retried while others are waited for is waited for again", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "[ -e fixed ]", max_retries: 1 }, { id: "b", command: gate() });
    await home.startWorkers(2);
    await home.untilJob("a", "dead");
    const { ended } = await startWait(home, "a", "b");
    await openGate(home, "fixed");
    await home.run("retry", "a");
    await home.untilJob("a", "completed");
    await openGate(home);
    assert.equal((await ended).code, 0);
  }));

Deno.test("wait --json: one document with how it ended", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "exit 4", max_retries: 1 }, { id: "b", command: "true" });
    const early = await home.call(["wait", "a", "b", "--json", "--timeout", "0"]);
    assert.equal(JSON.parse(early.stdout).outcome, "timed_out");
    assert.deepEqual([early.code, JSON.parse(early.stdout).left], [124, 2]);
    await home.startWorkers(1);
    const { code, stdout } = await home.call(["wait", "a", "b", "--json"]);
    const { jobs, ...rest } = JSON.parse(stdout);
    assert.equal(code, 1);
    assert.deepEqual(rest, { outcome: "ended", exit_status: 1, done: 2, failed: 1, left: 0 });
    assert.deepEqual(jobs.map((job: { id: string; state: string }) => [job.id, job.state]), [
      ["a", "dead"],
      ["b", "completed"],
    ]);
  }));

Deno.test("wait: says so when no worker is up", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "true" });
    const { stderr } = await home.call(["wait", "a", "--timeout", "1.5"]);
    assert.match(stderr, /^No worker is up.* queuectl worker start$/m);
  }));

Deno.test("wait: with --quiet and without a terminal nothing but errors is printed", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: gate() });
    await home.startWorkers(1);
    const { ended } = await startWait(home, "a", "--quiet");
    await openGate(home);
    assert.deepEqual(await ended, { code: 0, stdout: "", stderr: "" });
  }));

for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test(`wait: ${signal} ends the wait with ${status}, and not the job`, () =>
    TemporaryHome.use(async (home) => {
      await home.enqueue({ id: "a", command: gate() });
      await home.startWorkers(1);
      const { child, ended } = await startWait(home, "a");
      child.kill(signal);
      assert.equal((await ended).code, status);
      await home.untilJob("a", "processing");
    }));
}

await testWith(
  ["tmux"],
  "wait: on a terminal a line shows how it stands, and is gone at the end",
  () =>
    TemporaryHome.use(async (home) => {
      await home.enqueue({ id: "a", command: `echo queuectl:progress 40 Building; ${gate()}` });
      await home.startWorkers(1);
      await TmuxTerminal.use(home, onTerminal("wait", "a"), { columns: 60 }, async (terminal) => {
        await terminal.until(/^a: █{8}░{12} 40% Building, \d/m);
        await terminal.resize(30, 10);
        await terminal.until(/^a: █{8}░{12} 40% …$/m);
        await openGate(home);
        const screen = await terminal.until(/status 0/);
        assert.match(screen, /Job a completed\nstatus 0\n/);
        assert.ok(!screen.trimEnd().includes("░\nJob a"), screen);
      });
    }),
);

await testWith(
  ["tmux"],
  "wait: on a terminal the line of several tells how many are done, running, failed",
  () =>
    TemporaryHome.use(async (home) => {
      await home.enqueue(
        { id: "a", command: "false", max_retries: 1 },
        { id: "b", command: gate() },
        { id: "c", command: "true" },
      );
      await home.startWorkers(1);
      await home.untilJob("b", "processing");
      await TmuxTerminal.use(home, onTerminal("wait", "a", "b", "c"), {}, async (terminal) => {
        await terminal.until(/^█{6}░{14} 1\/3 done, 1 running, 1 failed, \d/m);
        await openGate(home);
        const screen = await terminal.until(/status 1/);
        assert.equal(screen.trim(), "Job a died: exited with 1\nJob b completed\nJob c completed\nstatus 1");
      });
    }),
);

await testWith(
  ["tmux"],
  "wait: Ctrl-C on a terminal takes the line away and leaves the job alone",
  () =>
    TemporaryHome.use(async (home) => {
      await home.enqueue({ id: "a", command: gate() });
      await home.startWorkers(1);
      await TmuxTerminal.use(home, onTerminal("wait", "--all"), {}, async (terminal) => {
        await terminal.until(/0\/1 done, 1 running/);
        await terminal.press("C-c");
        const screen = await terminal.until(/status 130/);
        assert.ok(!screen.includes("░"), screen);
      });
      await home.untilJob("a", "processing");
    }),
);

Deno.test("wait, drain: a job's command can't wait for itself, but for others", () =>
  TemporaryHome.use(async (home) => {
    const program = shellJoin(programCommand());
    const calls = ["wait --all", "wait --queue default", "wait outer", "drain"].map((args) =>
      `${program} ${args}; echo "exit $?"`
    );
    const allowed = [
      `${program} wait other`,
      `${program} wait --queue empty`,
      `${program} drain --queue mail`,
    ];
    await home.enqueue(
      { id: "other", command: "true", priority: 9 },
      { id: "outer", command: [...calls, ...allowed].join("; ") },
      { id: "mail", command: "true", queue: "mail" },
    );
    await home.startWorkers(1, "--queue", "default");
    const { state } = await home.untilJob("outer", "completed");
    assert.equal(state, "completed");
    const { stdout, stderr } = await home.json("output", "get", "outer");
    assert.match(stdout, /^(exit 4\n){4}Job other completed\n0 completed, 0 failed\n✓ mail completed/);
    assert.equal(
      stderr.match(/^Error: Cannot (wait|drain) .*(itself|the job that asks)/gm)?.length,
      4,
      stderr,
    );
  }));

Deno.test("wait: what can't be waited for is refused", () =>
  TemporaryHome.use(async (home) => {
    assertRefused(await home.call(["wait"]), 2, /nothing to wait for/);
    assertRefused(await home.call(["wait", "a", "--all"]), 2, /several ways/);
    assertRefused(await home.call(["wait", "--all", "--queue", "q"]), 2, /several ways/);
    assertRefused(await home.call(["wait", "a", "--timeout", "soon"]), 2, /--timeout "soon"/);
    assertRefused(await home.call(["wait", "--queue", ""]), 2, /without a name/);
  }));
