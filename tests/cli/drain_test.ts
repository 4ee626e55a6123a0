import assert from "node:assert/strict";
import { start } from "../harness/program.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { testWith, TmuxTerminal } from "../harness/tmux_terminal.ts";
import { waitFor } from "../harness/wait_for.ts";
import { gate, onTerminal, openGate } from "./gate.ts";
import { assertRefused } from "./refusal.ts";

/** A call that has been started, and how it ends. */
function startCall(home: TemporaryHome, ...args: string[]) {
  const child = start(home.dir, args);
  const ended = child.stdin.close().then(() => child.output()).then(({ code, stdout, stderr }) => ({
    code,
    stdout: new TextDecoder().decode(stdout),
    stderr: new TextDecoder().decode(stderr),
  }));
  return { child, ended };
}

async function statesOf(home: TemporaryHome): Promise<Record<string, string>> {
  const jobs: { id: string; state: string }[] = await home.json("list");
  return Object.fromEntries(jobs.map(({ id, state }) => [id, state]));
}

/** Nothing of a drain is left: no worker in the store, no process. */
async function assertAllGone(home: TemporaryHome): Promise<void> {
  assert.deepEqual(await home.json("worker", "list"), []);
  assert.deepEqual(await home.processes(), []);
}

for (const count of ["1", "3"]) {
  Deno.test(`drain: ${count} worker(s) run everything, tell each job, and end`, () =>
    TemporaryHome.use(async (home) => {
      const ids = Array.from({ length: 8 }, (_, index) => `job${index}`);
      await home.enqueue(...ids.map((id) => ({ id, command: "true", queue: id })));
      const { code, stdout, stderr } = await home.call(["drain", "-c", count]);
      assert.deepEqual([code, stderr], [0, ""]);
      const lines = stdout.trimEnd().split("\n");
      assert.deepEqual(lines.slice(0, -1).map((line) => line.split(" ").slice(0, 3).join(" ")).sort(), [
        ...ids.map((id) => `✓ ${id} completed`),
      ]);
      assert.match(lines.at(-1)!, /^Drained 8 job\(s\) in \S+: 8 completed, 0 died$/);
      await assertAllGone(home);
    }));
}

Deno.test("drain: waits out retries, and exits with 1 if a job died", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue(
      { id: "flaky", command: "[ $QUEUECTL_ATTEMPT = 2 ]", backoff_base: 1 },
      { id: "bad", command: "echo sorry >&2; exit 4", max_retries: 2, backoff_base: 1 },
    );
    const { code, stdout } = await home.call(["drain"]);
    assert.equal(code, 1);
    assert.match(stdout, /^flaky: attempt 1\/3 failed: exited with 1; the next one in \S+$/m);
    assert.match(stdout, /^✓ flaky completed in /m);
    assert.match(stdout, /^bad: attempt 1\/2 failed: exited with 4: sorry; the next one in \S+$/m);
    assert.match(stdout, /^✗ bad died after 2 of 2 attempts, \S+: exited with 4: sorry$/m);
    assert.match(stdout, /^Drained 2 job\(s\) in \S+: 1 completed, 1 died, 2 attempt\(s\) made again$/m);
  }));

Deno.test("drain: every retry and end is told once, however fast they follow each other", () =>
  TemporaryHome.use(async (home) => {
    const flaky = { command: "[ $QUEUECTL_ATTEMPT = 4 ]", max_retries: 5, backoff_base: 0 };
    await home.enqueue(...["a", "b", "c"].map((id) => ({ id, ...flaky })));
    const { stdout } = await home.call(["drain", "-c", "2"]);
    for (const id of ["a", "b", "c"]) {
      const told = stdout.split("\n").filter((line) => line.includes(`${id}: `) || line.includes(` ${id} `));
      assert.deepEqual(told.map((line) => /\d\/5|completed/.exec(line)?.[0]), [
        "1/5",
        "2/5",
        "3/5",
        "completed",
      ]);
    }
    assert.match(stdout, /3 completed, 0 died, 9 attempt\(s\) made again$/m);
  }));

Deno.test("drain: what died before doesn't count, and with nothing to do it ends at once", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "old", command: "false", max_retries: 1 });
    assert.equal((await home.call(["drain"])).code, 1);
    const { code, stdout } = await home.call(["drain"]);
    assert.equal(code, 0);
    assert.match(stdout, /^Drained 0 job\(s\)/);
  }));

Deno.test("drain --horizon: waits for jobs scheduled within it, and tells how many are left beyond", () =>
  TemporaryHome.use(async (home) => {
    await home.run("enqueue", "--id", "later", "--delay", "1h", "--", "true");
    const none = await home.call(["drain", "--horizon", "0"]);
    assert.equal(none.code, 0);
    assert.match(
      none.stdout,
      /^Drained 0 .*\n1 job\(s\) are left that are scheduled for later than the horizon/,
    );
    await home.run("enqueue", "--id", "soon", "--delay", "2s", "--", "true");
    const { code, stdout } = await home.call(["drain", "--horizon", "10m"]);
    assert.equal(code, 0);
    assert.match(stdout, /✓ soon completed/);
    assert.match(stdout, /^1 job\(s\) are left that are scheduled for later than the horizon of 10m$/m);
    assert.deepEqual(await statesOf(home), { soon: "completed", later: "pending" });
  }));

Deno.test("drain --queue: other queues are left alone", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue(
      { id: "a", command: "true", queue: "builds" },
      { id: "b", command: "true", queue: "mail" },
      { id: "c", command: "false", queue: "other", max_retries: 1 },
    );
    const { code, stdout } = await home.call(["drain", "--queue", "builds", "--queue", "mail"]);
    assert.equal(code, 0);
    assert.match(stdout, /^Drained 2 job\(s\)/m);
    assert.equal((await statesOf(home)).c, "pending");
  }));

Deno.test("drain: waits for a job that another worker runs, and counts it", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "held", command: `${gate()}; exit 3`, max_retries: 1 });
    await home.startWorkers(1);
    await home.untilJob("held", "processing");
    await home.enqueue({ id: "mine", command: `${gate("two")}` });
    const { ended } = startCall(home, "drain");
    await home.untilJob("mine", "processing");
    await openGate(home, "two");
    await home.untilJob("mine", "completed");
    await openGate(home);
    const { code, stdout } = await ended;
    assert.equal(code, 1);
    assert.match(stdout, /^Drained 2 job\(s\) in \S+: 1 completed, 1 died$/m);
    assert.equal((await home.json("worker", "list")).length, 1, "the other worker goes on");
  }));

Deno.test("drain --fail-fast: stops at the first death; what runs is ended and given back", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue(
      { id: "long", command: `trap 'echo ended; exit 0' TERM; echo started; ${gate("never")}`, priority: 9 },
      {
        id: "bad",
        command: "while [ ! -s logs/*/0/1-1.out ]; do sleep 0.02; done; exit 1",
        max_retries: 1,
        priority: 5,
      },
      ...["x", "y", "z"].map((id) => ({ id, command: "sleep 30" })),
    );
    const { code, stdout } = await home.call(["drain", "--concurrency", "2", "--fail-fast"]);
    assert.equal(code, 1);
    assert.match(stdout, /^Stopped at a death after 1 job\(s\) in \S+: 0 completed, 1 died$/m);
    assert.match(stdout, /^4 job\(s\) are left that could run$/m);
    const { bad, ...rest } = await statesOf(home);
    assert.equal(bad, "dead");
    assert.deepEqual(new Set(Object.values(rest)), new Set(["pending"]));
    assert.equal((await home.json("get", "long")).attempts, 0);
    assert.match((await home.json("output", "get", "long")).stdout, /started\nended\n/);
    await assertAllGone(home);
  }));

Deno.test("drain: SIGTERM finishes what runs, leaves the rest, and exits with 143", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: gate() }, { id: "b", command: "true" });
    const { child, ended } = startCall(home, "drain");
    await home.untilJob("a", "processing");
    child.kill("SIGTERM");
    await waitFor(
      "the worker to stop",
      async () => (await home.json("worker", "list"))[0]?.state === "stopping",
    );
    await openGate(home);
    const { code, stdout } = await ended;
    assert.equal(code, 143);
    assert.match(stdout, /^Stopped after 1 job\(s\) in \S+: 1 completed, 0 died\n1 job\(s\) are left/m);
    assert.deepEqual(await statesOf(home), { a: "completed", b: "pending" });
  }));

for (const count of ["1", "2"]) {
  Deno.test(`drain: a second Ctrl-C ends what ${count} worker(s) run, too`, () =>
    TemporaryHome.use(async (home) => {
      await home.enqueue({ id: "a", command: gate("never") });
      const { child, ended } = startCall(home, "drain", "-c", count);
      await home.untilJob("a", "processing");
      // One that is killed before it has begun to work is known as dead, until another looks.
      await waitFor("all workers", async () => (await home.json("worker", "list")).length === Number(count));
      child.kill("SIGINT");
      await waitFor("the workers to stop", async () => {
        const workers: { state: string }[] = await home.json("worker", "list");
        return workers.some(({ state }) => state === "stopping");
      });
      child.kill("SIGINT");
      assert.equal((await ended).code, 130);
      assert.deepEqual(await statesOf(home), { a: "pending" });
      await assertAllGone(home);
    }));
}

Deno.test("drain: nothing of it outlives it when it is killed", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: gate("never") });
    const { child, ended } = startCall(home, "drain", "-c", "2");
    await home.untilJob("a", "processing");
    child.kill("SIGKILL");
    await ended;
    await home.untilJob("a", "pending");
    await waitFor("its workers to end", async () => (await home.processes()).length === 0);
  }));

for (const [count, status] of [["1", 131], ["2", 1]] as const) {
  Deno.test(`drain: stops when somebody stops its ${count} worker(s) by force; what runs is given back`, () =>
    TemporaryHome.use(async (home) => {
      await home.enqueue({ id: "a", command: gate("never") });
      const { ended } = startCall(home, "drain", "-c", count);
      await home.untilJob("a", "processing");
      await home.run("worker", "stop", "--force");
      const { code, stdout } = await ended;
      assert.equal(code, status);
      assert.match(stdout, /^Stopped after 0 job\(s\).*\n1 job\(s\) are left that could run$/m);
      assert.deepEqual(await statesOf(home), { a: "pending" });
    }));
}

Deno.test("drain --junit, --summary: the files tell how it went", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue(
      { id: "a", command: "echo hello" },
      { id: "b", command: "echo '<sorry>' >&2; exit 4", max_retries: 1, queue: "mail" },
    );
    const args = ["drain", "--junit", "new/folder/jobs.xml", "--summary-file", "summary.json"];
    assert.equal((await home.call(args)).code, 1);
    const junit = await Deno.readTextFile(`${home.dir}/new/folder/jobs.xml`);
    assert.match(
      junit,
      /<testcase name="a" classname="default" time="0\.\d{3}">\s+<system-out>hello\n<\/system-out>/,
    );
    assert.match(junit, /<failure message="exited with 4: &lt;sorry&gt;" type="dead">/);
    const summary = JSON.parse(await Deno.readTextFile(`${home.dir}/summary.json`));
    assert.deepEqual([summary.completed, summary.dead, summary.failed_jobs[0].id], [1, 1, "b"]);
  }));

Deno.test("drain --summary md: is added to the file, as a CI step's page wants it", () =>
  TemporaryHome.use(async (home) => {
    await Deno.writeTextFile(`${home.dir}/page.md`, "# Before\n");
    for (const id of ["a", "b"]) {
      await home.enqueue({ id, command: "true" });
      await home.run("drain", "--summary", "md", "--summary-file", "page.md");
    }
    const page = await Deno.readTextFile(`${home.dir}/page.md`);
    assert.match(page, /^# Before\n### ✅ Drained 1 job\(s\)[^]*\n### ✅ Drained 1 job\(s\)/);
  }));

Deno.test("drain --summary, --json: without a file the document alone is on stdout", () =>
  TemporaryHome.use(async (home) => {
    for (const args of [["--summary", "json"], ["--json"], ["--json", "--summary-file", "x.md"]]) {
      await home.enqueue({ id: args.join(), command: "true" });
      const { stdout, stderr } = await home.call(["drain", ...args]);
      assert.equal(JSON.parse(stdout).completed, 1);
      assert.match(stderr, /^✓ \S+ completed in /);
    }
    const { stdout } = await home.call(["drain", "--summary", "md"]);
    assert.match(stdout, /^### ✅ Drained 0 job\(s\)/);
  }));

Deno.test("drain: a report that can't be written is refused before anything runs", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "true" });
    await Deno.writeTextFile(`${home.dir}/file`, "");
    assertRefused(await home.call(["drain", "--junit", "file/jobs.xml"]), 2, /Cannot write the report/);
    assertRefused(await home.call(["drain", "--junit", "/proc/nowhere"]), 2, /Cannot write the report/);
    assertRefused(await home.call(["drain", "--summary", "xml"]), 2, /json or md/);
    assertRefused(await home.call(["drain", "--horizon", "soon"]), 2, /--horizon "soon"/);
    assertRefused(await home.call(["drain", "-c", "0"]), 2, /--count 0/);
    assert.deepEqual(await statesOf(home), { a: "pending" });
  }));

Deno.test("drain: in GitHub Actions it prints groups, and an annotation for each death", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue(
      { id: "a", command: "echo ::error::fake" },
      { id: "b", command: "printf 'no newline'; exit 4", max_retries: 1 },
    );
    const { stdout } = await home.call(["drain"], { env: { GITHUB_ACTIONS: "true" } });
    const lines = stdout.split("\n");
    assert.match(lines[0]!, /^::group::✓ a completed in /);
    const token = /^::stop-commands::(\S{36})$/.exec(lines[1]!)![1];
    assert.deepEqual(lines.slice(2, 5), ["::error::fake", `::${token}::`, "::endgroup::"]);
    assert.ok(
      !stdout.includes(`::stop-commands::${token}`, stdout.indexOf(`::${token}::`)),
      "a token is used once",
    );
    assert.deepEqual(lines.slice(7, 8), ["no newline"]);
    assert.equal(lines[10], "::error title=Job b died::exited with 4");
  }));

await testWith(
  ["tmux"],
  "drain: a bar on a terminal shows how far it has come, deaths above it, and goes",
  () =>
    TemporaryHome.use(async (home) => {
      await home.enqueue(
        { id: "a", command: "true" },
        { id: "bad", command: "exit 4", max_retries: 1 },
        { id: "b", command: gate() },
        { id: "c", command: "true" },
      );
      await TmuxTerminal.use(home, onTerminal("drain"), { columns: 72 }, async (terminal) => {
        const before = await terminal.until(/^█{10}░{10} 2\/4 done, 1 running, 1 failed, \d+\.\d\/s, eta /m);
        assert.match(before, /^✗ bad died after 1 of 1 attempts, \S+: exited with 4\n█/);
        await openGate(home);
        const screen = await terminal.until(/status 1/);
        assert.match(screen, /^✗ bad died .*\nDrained 4 job\(s\) in .*: 3 completed, 1 died\nstatus 1\n/);
      });
    }),
);

Deno.test("drain --quiet: prints nothing, and tells by its exit status alone", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "false", max_retries: 1 });
    assert.deepEqual(await home.call(["drain", "--quiet"]), { code: 1, stdout: "", stderr: "" });
  }));

Deno.test("worker start --drain: does as drain does", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "true" }, { id: "b", command: "false", max_retries: 1 });
    const { code, stdout } = await home.call(["worker", "start", "--drain", "--count", "2"]);
    assert.equal(code, 1);
    assert.match(stdout, /^Drained 2 job\(s\) in \S+: 1 completed, 1 died$/m);
    await assertAllGone(home);
  }));

Deno.test("worker start --drain --daemon: the workers end by themselves in the background", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: gate() }, { id: "b", command: gate() });
    await home.run("worker", "start", "--drain", "--daemon", "--count", "3");
    assert.equal((await home.json("worker", "list")).length, 3);
    await openGate(home);
    await waitFor("all to end", async () => (await home.processes()).length === 0);
    assert.deepEqual(await statesOf(home), { a: "completed", b: "completed" });
    await assertAllGone(home);
  }));
