import assert from "node:assert/strict";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { assertRefused } from "./refusal.ts";

/** Enqueues a job with these flags and returns it. */
async function enqueued(home: TemporaryHome, ...flags: string[]) {
  return await home.json("enqueue", "--command", "true", ...flags);
}

Deno.test("enqueue: flags win over the keys of the JSON, and the other keys stay", () =>
  TemporaryHome.use(async (home) => {
    const given = {
      ...{ id: "json", command: "true", priority: 1, max_retries: 2, timeout: 10, queue: "a", cwd: "/usr" },
      ...{ run_at: "2998-01-01T00:00:00Z", backoff_base: 4, env: { A: "json", B: "json" } },
    };
    const job = await home.json(
      ...["enqueue", JSON.stringify(given), "--id", "flag", "--priority", "9", "--max-retries", "8"],
      ...["--timeout", "70", "--queue", "b", "--cwd", "/tmp", "--run-at", "2999-01-01T00:00:00Z"],
      ...["--env", "A=flag", "--env", "C=flag"],
    );
    assert.deepEqual(
      [job.id, job.priority, job.max_retries, job.timeout, job.queue, job.cwd, job.run_at],
      ["flag", 9, 8, 70, "b", "/tmp", "2999-01-01T00:00:00.000Z"],
    );
    assert.deepEqual(job.env, { A: "flag", B: "json", C: "flag" });
    assert.equal(job.backoff_base, 4);
  }));

Deno.test("enqueue: --timeout wins over timeout_seconds in the JSON", () =>
  TemporaryHome.use(async (home) => {
    const job = await home.json("enqueue", '{"command": "true", "timeout_seconds": 5}', "--timeout", "6");
    assert.equal(job.timeout, 6);
  }));

Deno.test("enqueue -: flags apply to every job of the input", () =>
  TemporaryHome.use(async (home) => {
    const stdin = '{"id": "a", "command": "true", "priority": 1}\n{"id": "b", "command": "true"}\n';
    const { code } = await home.call(["enqueue", "-", "--priority", "high", "--queue", "q"], { stdin });
    assert.equal(code, 0);
    const jobs = await home.json("list", "--queue", "q");
    assert.deepEqual(jobs.map((job: { priority: number }) => job.priority), [10, 10]);
  }));

Deno.test("enqueue --priority: numbers from 0 to 10 and the words low, medium and high", () =>
  TemporaryHome.use(async (home) => {
    const meanings: [string, number][] = [["0", 0], ["10", 10], ["low", 0], ["medium", 5], ["HIGH", 10]];
    for (const [text, priority] of meanings) {
      assert.equal((await enqueued(home, "--priority", text)).priority, priority, text);
    }
    assert.equal((await enqueued(home, "-p", "3")).priority, 3);
    assert.equal((await enqueued(home, "--priority=4")).priority, 4);
  }));

Deno.test("enqueue: priority words work in the JSON, too", () =>
  TemporaryHome.use(async (home) => {
    const jobs = ["low", "medium", "high", 2].map((priority) => ({ command: "true", priority }));
    const stored = await home.json("enqueue", JSON.stringify(jobs));
    assert.deepEqual(stored.map((job: { priority: number }) => job.priority), [0, 5, 10, 2]);
  }));

Deno.test("enqueue --delay: the job is due when that much time has passed", () =>
  TemporaryHome.use(async (home) => {
    const lengths: [string, number][] = [["10m", 600], ["90", 90], ["1h30m", 5400], ["2d", 172_800]];
    for (const [delay, seconds] of lengths) {
      const earliest = Date.now() + seconds * 1000;
      const dueAt = Date.parse((await enqueued(home, "--delay", delay)).run_at);
      assert.ok(dueAt >= earliest && dueAt <= Date.now() + seconds * 1000, `${delay}: ${dueAt - earliest}`);
    }
  }));

Deno.test("enqueue --run-at: a date with a zone, with an offset, and without a zone in local time", () =>
  TemporaryHome.use(async (home) => {
    const dates: [string, string][] = [
      ["2999-01-31T09:00:00Z", "2999-01-31T09:00:00.000Z"],
      ["2999-01-31T09:00:00+05:30", "2999-01-31T03:30:00.000Z"],
      ["2999-01-31T09:00", "2999-01-31T14:00:00.000Z"],
      ["2999-01-31 09:00:01.5", "2999-01-31T14:00:01.500Z"],
    ];
    for (const [text, iso] of dates) {
      const args = ["enqueue", "--command", "true", "--run-at", text, "--json"];
      const { code, stdout, stderr } = await home.call(args, { env: { TZ: "America/New_York" } });
      assert.equal(code, 0, stderr);
      assert.equal(JSON.parse(stdout).run_at, iso, text);
    }
  }));

Deno.test("enqueue --run-at: a date in the past is due at once", () =>
  TemporaryHome.use(async (home) => {
    await home.run("enqueue", "--id", "a", "--command", "true", "--run-at", "2001-01-01");
    await home.startWorkers(1);
    await home.untilJob("a", "completed");
  }));

Deno.test("enqueue: --run-at and --delay together are refused", () =>
  TemporaryHome.use(async (home) => {
    const args = ["enqueue", "--command", "true", "--run-at", "2999-01-01", "--delay", "1m"];
    assertRefused(await home.call(args), 2, /--run-at and --delay/);
  }));

Deno.test("enqueue --timeout: seconds, lengths of time, and 0 for none", () =>
  TemporaryHome.use(async (home) => {
    const lengths: [string, number][] = [["30", 30], ["0.5", 0.5], ["90s", 90], ["1h30m", 5400], ["0", 0]];
    for (const [text, seconds] of lengths) {
      assert.equal((await enqueued(home, "--timeout", text)).timeout, seconds, text);
    }
  }));

Deno.test("enqueue --timeout-seconds: is the same flag as --timeout", () =>
  TemporaryHome.use(async (home) => {
    assert.equal((await enqueued(home, "--timeout-seconds", "33")).timeout, 33);
    assert.equal((await enqueued(home, "--timeout_seconds", "34")).timeout, 34);
  }));

Deno.test("enqueue: flags in snake_case are the same as in kebab-case", () =>
  TemporaryHome.use(async (home) => {
    const job = await enqueued(
      home,
      ...["--max_retries", "6", "--backoff_base=1.5", "--run_at", "2999-01-01T00:00:00Z"],
    );
    assert.deepEqual([job.max_retries, job.backoff_base, job.run_at], [6, 1.5, "2999-01-01T00:00:00.000Z"]);
    const same = await enqueued(home, "--max-retries=7", "--backoff-base", "0");
    assert.deepEqual([same.max_retries, same.backoff_base], [7, 0]);
  }));

Deno.test("enqueue: a value that looks like a flag in snake_case is stored as it was typed", () =>
  TemporaryHome.use(async (home) => {
    assert.equal((await home.json("enqueue", "--command", "--dry_run")).command, "--dry_run");
  }));

Deno.test("enqueue --env: values may be empty and contain equals signs, and flags may be repeated", () =>
  TemporaryHome.use(async (home) => {
    const flags = ["--env", "A=1=2", "--env", "EMPTY=", "--env=TEXT=two words", "--env", "A=last"];
    assert.deepEqual((await enqueued(home, ...flags)).env, { A: "last", EMPTY: "", TEXT: "two words" });
  }));

Deno.test("enqueue --env: what is no NAME=VALUE is refused", () =>
  TemporaryHome.use(async (home) => {
    for (const pair of ["NAME", "=value", "1A=x", "A B=x", "QUEUECTL_HOME=/x"]) {
      assertRefused(await home.call(["enqueue", "--command", "true", "--env", pair]), 2, /env/);
    }
    assert.deepEqual(await home.json("list"), []);
  }));

Deno.test("enqueue --cwd: a relative directory is the one below where the job was enqueued", () =>
  TemporaryHome.use(async (home) => {
    await Deno.mkdir(`${home.dir}/place/deep`, { recursive: true });
    const cwd = `${home.dir}/place`;
    const flag = await home.call(["enqueue", "--command", "true", "--cwd", "deep", "--json"], { cwd });
    assert.equal(JSON.parse(flag.stdout).cwd, `${home.dir}/place/deep`);
    const key = await home.call(["enqueue", '{"command": "true", "cwd": "../place/deep"}', "--json"], {
      cwd,
    });
    assert.equal(JSON.parse(key.stdout).cwd, `${home.dir}/place/deep`);
    const none = await home.call(["enqueue", "--command", "true", "--json"], { cwd });
    assert.equal(JSON.parse(none.stdout).cwd, cwd);
  }));

Deno.test("enqueue: flags out of range are refused with the range", () =>
  TemporaryHome.use(async (home) => {
    const bad: [string[], RegExp][] = [
      [["--priority", "11"], /priority.* 0 to 10/],
      [["--priority", "urgent"], /priority.*low, medium or high/],
      [["--max-retries", "0"], /max_retries.*from 1 to 1000/],
      [["--max-retries", "2.5"], /max_retries.*whole number/],
      [["--max-retries", "many"], /max_retries.*whole number/],
      [["--backoff-base=-1"], /backoff_base.*from 0/],
      [["--timeout=-1"], /timeout/],
      [["--timeout", "soon"], /timeout/],
      [["--delay", "tomorrow"], /delay/],
      [["--delay", "9999999w"], /delay/],
      [["--run-at", "tomorrow"], /run_at.*ISO 8601/],
      [["--id", ""], /id.*1 to 200/],
      [["--queue", ""], /queue/],
    ];
    for (const [flags, says] of bad) {
      assertRefused(await home.call(["enqueue", "--command", "true", ...flags]), 2, says);
    }
    assert.deepEqual(await home.json("list"), []);
  }));

Deno.test("enqueue --id: one id for several jobs is refused", () =>
  TemporaryHome.use(async (home) => {
    const jobs = '[{"command": "true"}, {"command": "true"}]';
    assertRefused(await home.call(["enqueue", jobs, "--id", "a"]), 2, /id a to 2 jobs/);
  }));
