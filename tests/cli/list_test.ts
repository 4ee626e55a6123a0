import assert from "node:assert/strict";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { enqueueEveryState, STATES } from "./every_state.ts";
import { firstLineOf } from "./pipe.ts";
import { assertRefused } from "./refusal.ts";
import { callOnTerminal } from "./terminal.ts";

/** The ids that `list` shows with these flags, from the table as from the JSON. */
async function listed(home: TemporaryHome, ...flags: string[]): Promise<string[]> {
  const jobs: { id: string }[] = await home.json("list", ...flags);
  const ids = jobs.map((job) => job.id);
  const table = await home.run("list", ...flags);
  assert.deepEqual(table.trim().split("\n").slice(1).map((line) => line.split(/\s/)[0]), ids);
  return ids;
}

Deno.test("list: without jobs the table says so on stderr, and the JSON is an empty array", () =>
  TemporaryHome.use(async (home) => {
    const { code, stdout, stderr } = await home.call(["list"]);
    assert.deepEqual([code, stdout, stderr], [0, "", "No jobs\n"]);
    assert.deepEqual(await home.json("list"), []);
  }));

Deno.test("list: the table has a job's id, command, state, attempts, priority and last touch", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "job1", command: "echo hello", priority: 4, max_retries: 5 });
    const [head, row, ...rest] = (await home.run("list")).split("\n");
    assert.match(head!, /^ID +COMMAND +STATE +ATTEMPTS +PRIORITY +UPDATED$/);
    assert.match(row!, /^job1 +echo hello +pending +0\/5 +4 +(just now|\d.* ago)$/);
    assert.deepEqual(rest, [""]);
  }));

Deno.test("list: jobs come oldest first, whatever their priority and id", () =>
  TemporaryHome.use(async (home) => {
    for (const [id, priority] of [["c", 1], ["a", 10], ["b", 5]]) {
      await home.enqueue({ id, command: "true", priority });
    }
    assert.deepEqual(await listed(home), ["c", "a", "b"]);
  }));

Deno.test("list --state: shows the jobs in each state, or in any of several", () =>
  TemporaryHome.use(async (home) => {
    await enqueueEveryState(home);
    for (const state of STATES) assert.deepEqual(await listed(home, "--state", state), [state]);
    assert.deepEqual(await listed(home, "--state", "dead,failed"), ["failed", "dead"]);
    assert.deepEqual(await listed(home, "--state=FAILED"), ["failed"]);
    assert.match(await home.run("list", "--state", "dead"), /^dead +exit 3 +dead +1\/1 +0 /m);
  }));

Deno.test("list --state: an unknown state is refused with the nearest one", () =>
  TemporaryHome.use(async (home) => {
    const result = await home.call(["list", "--state", "complete"]);
    assertRefused(result, 2, /no state "complete"/);
    assert.match(result.stderr, /Try: .*completed/);
  }));

Deno.test("list --queue: shows the jobs of one queue", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "true", queue: "reports" }, { id: "b", command: "true" });
    assert.deepEqual(await listed(home, "--queue", "reports"), ["a"]);
    assert.deepEqual(await listed(home, "--queue", "default"), ["b"]);
    assert.deepEqual(await home.json("list", "--queue", "none"), []);
  }));

Deno.test("list --limit: shows the oldest jobs", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue(...["a", "b", "c"].map((id) => ({ id, command: "true" })));
    assert.deepEqual(await listed(home, "--limit", "2"), ["a", "b"]);
  }));

Deno.test("list --limit: what is no number from 1 up is refused", () =>
  TemporaryHome.use(async (home) => {
    for (const limit of ["0", "x", "1.5", "-1", ""]) {
      assertRefused(await home.call(["list", `--limit=${limit}`]), 2, /limit/);
    }
  }));

Deno.test("list --search: finds text, whatever the case, and takes % and _ literally", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue(
      { id: "backup-1", command: "true" },
      { id: "b", command: "tar cf BACKUP.tar" },
      { id: "c", command: "echo 100%_done" },
      { id: "d", command: "echo 1000 done --dry_run" },
    );
    assert.deepEqual(await listed(home, "--search", "Backup"), ["backup-1", "b"]);
    assert.deepEqual(await listed(home, "--search", "0%_d"), ["c"]);
    assert.deepEqual(await listed(home, "--search", "--dry_run"), ["d"]);
  }));

Deno.test("list: filters add up", () =>
  TemporaryHome.use(async (home) => {
    const jobs = ["a1", "a2", "a3", "b1"].map((id) => ({ id, command: "true", queue: id[0] }));
    await home.enqueue(...jobs);
    await home.run("cancel", "a1");
    const flags = ["--state", "pending", "--queue", "a", "--search", "a", "--limit", "1"];
    assert.deepEqual(await listed(home, ...flags), ["a2"]);
  }));

Deno.test("list --json: an array indented by two spaces, that can be grepped", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "job1", command: "true" }, { id: "job2", command: "true" });
    const printed = await home.run("list", "--json");
    assert.match(printed, /^\[\n {2}\{\n {4}"id": "job1",\n/);
    assert.match(printed, /^ {4}"id": "job2",$/m);
    assert.equal(printed, `${JSON.stringify(JSON.parse(printed), null, 2)}\n`);
  }));

Deno.test("list --json: every job has the same keys, in the words of the input", () =>
  TemporaryHome.use(async (home) => {
    await enqueueEveryState(home);
    const keys = [
      ...[
        "id",
        "command",
        "state",
        "attempts",
        "max_retries",
        "priority",
        "queue",
        "timeout",
        "backoff_base",
      ],
      ...["cwd", "env", "created_at", "updated_at", "run_at", "started_at", "finished_at", "worker"],
      ...["cancel_requested", "last_error"],
    ];
    const jobs: Record<string, unknown>[] = await home.json("list");
    assert.equal(jobs.length, 6);
    for (const job of jobs) {
      assert.deepEqual(Object.keys(job), keys);
      assert.match(String(job.created_at), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    }
  }));

Deno.test("list --json: has all jobs of a store that is larger than a page", () =>
  TemporaryHome.use(async (home) => {
    const count = 2500;
    await home.enqueue(...Array.from({ length: count }, (_, n) => ({ id: `job${n}`, command: "true" })));
    const jobs: { id: string }[] = await home.json("list");
    assert.equal(new Set(jobs.map((job) => job.id)).size, count);
    assert.equal(jobs[count - 1]!.id, `job${count - 1}`);
  }));

Deno.test("list: a table that leaves jobs out says so on stderr", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue(...Array.from({ length: 1001 }, (_, n) => ({ id: `job${n}`, command: "true" })));
    const { stdout, stderr } = await home.call(["list"]);
    assert.equal(stdout.trim().split("\n").length, 1001);
    assert.match(stderr, /first 1000 .*--limit/);
    const whole = await home.call(["list", "--limit", "2000"]);
    assert.equal(whole.stdout.trim().split("\n").length, 1002);
    assert.equal(whole.stderr, "");
  }));

Deno.test("list: a long command is whole in a pipe, and shortened to the width of a terminal", () =>
  TemporaryHome.use(async (home) => {
    const command = `echo ${"x".repeat(300)}`;
    await home.enqueue({ id: "job1", command });
    assert.ok((await home.run("list")).includes(command));
    const { screen } = await callOnTerminal(home, ["list"], { columns: 80, env: { NO_COLOR: "1" } });
    assert.match(screen, /^job1 +echo x+… +pending/m);
    for (const line of screen.split("\n")) assert.ok(line.length <= 80, `${line.length}: ${line}`);
  }));

Deno.test("list: a command of several lines takes one line of the table", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "job1", command: "echo a\n\techo b" });
    const lines = (await home.run("list")).trim().split("\n");
    assert.equal(lines.length, 2);
    assert.match(lines[1]!, /echo a\\n\\techo b/);
  }));

Deno.test("list: ends quietly when its reader has had enough", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue(...Array.from({ length: 3000 }, (_, n) => ({ id: `job${n}`, command: "true" })));
    const table = await firstLineOf(home, "list", "--limit", "3000");
    assert.match(table.line, /^ID .*\n$/);
    assert.deepEqual([table.code, table.stderr], [0, ""]);
    assert.deepEqual(await firstLineOf(home, "list", "--json"), { line: "[\n", code: 0, stderr: "" });
  }));
