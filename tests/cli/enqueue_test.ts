import assert from "node:assert/strict";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { assertRefused } from "./refusal.ts";

const ndjson = (...jobs: object[]) => jobs.map((job) => `${JSON.stringify(job)}\n`).join("");

Deno.test("enqueue: a JSON object is stored and its id is told", () =>
  TemporaryHome.use(async (home) => {
    assert.equal(await home.run("enqueue", '{"id": "job1", "command": "echo hello"}'), "Enqueued job job1\n");
    const [job] = await home.json("list");
    assert.equal(job.id, "job1");
    assert.equal(job.state, "pending");
  }));

Deno.test("enqueue: every key of the JSON is stored", () =>
  TemporaryHome.use(async (home) => {
    const given = {
      id: "full",
      command: "echo all",
      priority: 7,
      max_retries: 5,
      timeout: 12.5,
      run_at: "2999-01-31T09:00:00.000Z",
      queue: "reports",
      cwd: "/usr",
      env: { GREETING: "hello", EMPTY: "" },
      backoff_base: 1.5,
    };
    await home.run("enqueue", JSON.stringify(given));
    const job = await home.json("get", "full");
    for (const [key, value] of Object.entries(given)) assert.deepEqual(job[key], value, key);
  }));

Deno.test("enqueue: timeout_seconds is the same key as timeout", () =>
  TemporaryHome.use(async (home) => {
    await home.run("enqueue", '{"id": "a", "command": "true", "timeout_seconds": 42}');
    assert.equal((await home.json("get", "a")).timeout, 42);
  }));

Deno.test("enqueue: a job without settings gets the defaults of the configuration", () =>
  TemporaryHome.use(async (home) => {
    await home.run("enqueue", '{"id": "a", "command": "true"}');
    const job = await home.json("get", "a");
    assert.equal(job.priority, 0);
    assert.equal(job.max_retries, 3);
    assert.equal(job.backoff_base, 2);
    assert.equal(job.timeout, 3600);
    assert.equal(job.queue, "default");
    assert.equal(job.attempts, 0);
    assert.deepEqual(job.env, {});
  }));

Deno.test("enqueue: a changed configuration applies to new jobs only", () =>
  TemporaryHome.use(async (home) => {
    await home.run("enqueue", '{"id": "old", "command": "true"}');
    await home.run("config", "set", "max_retries", "7");
    await home.run("config", "set", "backoff_base", "3");
    await home.run("config", "set", "job_timeout_seconds", "60");
    await home.run("enqueue", '{"id": "new", "command": "true"}');
    const [before, after] = await home.json("list");
    const settings = (job: Record<string, unknown>) => [job.max_retries, job.backoff_base, job.timeout];
    assert.deepEqual(settings(before), [3, 2, 3600]);
    assert.deepEqual(settings(after), [7, 3, 60]);
  }));

Deno.test("enqueue: jobs without an id get ids of their own, which are told", () =>
  TemporaryHome.use(async (home) => {
    const told = await home.run("enqueue", '[{"command": "true"}, {"command": "true"}]');
    const ids = [...told.matchAll(/^Enqueued job (\S+)$/gm)].map(([, id]) => id);
    assert.equal(new Set(ids).size, 2);
    const stored: { id: string }[] = await home.json("list");
    assert.deepEqual(stored.map((job) => job.id), ids);
  }));

Deno.test("enqueue --quiet: the id alone is printed", () =>
  TemporaryHome.use(async (home) => {
    assert.equal(await home.run("enqueue", "--quiet", '{"id": "job1", "command": "true"}'), "job1\n");
    const id = (await home.run("enqueue", "--quiet", '{"command": "true"}')).trim();
    assert.equal((await home.json("get", id)).command, "true");
  }));

Deno.test("enqueue --quiet: several jobs print an id a line", () =>
  TemporaryHome.use(async (home) => {
    const jobs = '[{"id": "a", "command": "true"}, {"id": "b", "command": "true"}]';
    assert.equal(await home.run("--quiet", "enqueue", jobs), "a\nb\n");
  }));

Deno.test("enqueue --json: one job is printed as an object, several as an array", () =>
  TemporaryHome.use(async (home) => {
    const one = await home.json("enqueue", '{"id": "one", "command": "true"}');
    assert.equal(one.id, "one");
    assert.equal(one.state, "pending");
    const two = await home.json(
      "enqueue",
      '[{"id": "a", "command": "true"}, {"id": "b", "command": "true"}]',
    );
    assert.deepEqual(two.map((job: { id: string }) => job.id), ["a", "b"]);
  }));

Deno.test("enqueue: an array is stored in its order", () =>
  TemporaryHome.use(async (home) => {
    const jobs = ["c", "a", "b"].map((id) => ({ id, command: "true" }));
    const told = await home.run("enqueue", JSON.stringify(jobs));
    assert.equal(told, "Enqueued job c\nEnqueued job a\nEnqueued job b\n");
    const stored: { id: string }[] = await home.json("list");
    assert.deepEqual(stored.map((job) => job.id), ["c", "a", "b"]);
  }));

Deno.test("enqueue: JSON over several lines is one job", () =>
  TemporaryHome.use(async (home) => {
    await home.run("enqueue", '{\n  "id": "a",\n  "command": "true"\n}');
    assert.equal((await home.json("list")).length, 1);
  }));

Deno.test("enqueue -: NDJSON on stdin is one job a line", () =>
  TemporaryHome.use(async (home) => {
    const stdin = ndjson({ id: "a", command: "true" }, { id: "b", command: "true", priority: 3 });
    const { code, stdout } = await home.call(["enqueue", "-"], { stdin });
    assert.equal(code, 0);
    assert.equal(stdout, "Enqueued job a\nEnqueued job b\n");
    assert.deepEqual((await home.json("list")).map((job: { priority: number }) => job.priority), [0, 3]);
  }));

Deno.test("enqueue -: blank lines, Windows line ends, a BOM and a missing last newline don't matter", () =>
  TemporaryHome.use(async (home) => {
    const stdin = '\ufeff\r\n{"id": "a", "command": "true"}\r\n\r\n{"id": "b", "command": "true"}';
    const { code, stderr } = await home.call(["enqueue", "-"], { stdin });
    assert.equal(code, 0, stderr);
    assert.deepEqual((await home.json("list")).map((job: { id: string }) => job.id), ["a", "b"]);
  }));

Deno.test("enqueue -: a JSON array on stdin is accepted", () =>
  TemporaryHome.use(async (home) => {
    const stdin = JSON.stringify([{ id: "a", command: "true" }, { id: "b", command: "true" }], null, 2);
    assert.equal((await home.call(["enqueue", "-"], { stdin })).code, 0);
    assert.equal((await home.json("list")).length, 2);
  }));

Deno.test("enqueue -: no input enqueues nothing and says so", () =>
  TemporaryHome.use(async (home) => {
    const { code, stdout, stderr } = await home.call(["enqueue", "-"], { stdin: "\n" });
    assert.equal(code, 0);
    assert.match(stdout + stderr, /Enqueued 0 jobs/);
    assert.deepEqual(JSON.parse((await home.call(["enqueue", "-", "--json"], { stdin: "" })).stdout), []);
  }));

Deno.test("enqueue -: many jobs are told as a number", () =>
  TemporaryHome.use(async (home) => {
    const stdin = ndjson(...Array.from({ length: 5000 }, (_, n) => ({ id: `job${n}`, command: "true" })));
    const { stdout } = await home.call(["enqueue", "-"], { stdin });
    assert.equal(stdout, "Enqueued 5000 jobs\n");
    assert.match(await home.run("status"), /^Pending: 5000$/m);
  }));

Deno.test("enqueue --file: NDJSON and a JSON array in a file are accepted", () =>
  TemporaryHome.use(async (home) => {
    const lines = ndjson({ id: "a", command: "true" }, { id: "b", command: "true" });
    await Deno.writeTextFile(`${home.dir}/jobs.ndjson`, lines);
    await Deno.writeTextFile(`${home.dir}/jobs.json`, '[{"id": "c", "command": "true"}]');
    await home.run("enqueue", "--file", "jobs.ndjson");
    await home.run("enqueue", "--file", `${home.dir}/jobs.json`);
    assert.deepEqual((await home.json("list")).map((job: { id: string }) => job.id), ["a", "b", "c"]);
  }));

Deno.test("enqueue --file: a dash means stdin", () =>
  TemporaryHome.use(async (home) => {
    const { stdout } = await home.call(["enqueue", "--file", "-"], { stdin: '{"id":"a","command":"true"}' });
    assert.equal(stdout, "Enqueued job a\n");
  }));

Deno.test("enqueue --file: a missing file is refused, named", () =>
  TemporaryHome.use(async (home) => {
    assertRefused(await home.call(["enqueue", "--file", "nope.json"]), 2, /nope\.json/);
    assertRefused(await home.call(["enqueue", "--file", "."]), 2, /directory/i);
  }));

Deno.test("enqueue --id --command: a job is described without JSON", () =>
  TemporaryHome.use(async (home) => {
    const command = `echo "it's \\$5" && printf '%s' "{\\"a\\": 1}"`;
    assert.equal(await home.run("enqueue", "--id", "job1", "--command", command), "Enqueued job job1\n");
    assert.equal((await home.json("get", "job1")).command, command);
  }));

Deno.test("enqueue --command: without an id one is made up", () =>
  TemporaryHome.use(async (home) => {
    const id = (await home.run("enqueue", "--quiet", "--command", "echo hi")).trim();
    assert.equal((await home.json("get", id)).command, "echo hi");
  }));

Deno.test("enqueue: nothing, or a job described in two ways, is refused", () =>
  TemporaryHome.use(async (home) => {
    const json = '{"id": "a", "command": "true"}';
    assertRefused(await home.call(["enqueue"]), 2, /no job to enqueue/);
    assertRefused(await home.call(["enqueue", "--id", "a"]), 2, /no job to enqueue/);
    assertRefused(await home.call(["enqueue", json, json]), 2, /several/);
    assertRefused(await home.call(["enqueue", json, "--command", "true"]), 2, /several/);
    assertRefused(await home.call(["enqueue", "--file", "x", "--", "true"]), 2, /several/);
    assert.deepEqual(await home.json("list"), []);
  }));

Deno.test("enqueue: an id of 200 characters of any script is accepted and found again", () =>
  TemporaryHome.use(async (home) => {
    for (
      const id of ["a".repeat(200), "日".repeat(200), "😀".repeat(200), "with space", "-dash", "ünï/$x'\""]
    ) {
      assert.equal(await home.run("enqueue", "--quiet", JSON.stringify({ id, command: "true" })), `${id}\n`);
      assert.equal(JSON.parse(await home.run("--json", "get", "--", id)).id, id);
    }
  }));

Deno.test("enqueue: a command of several lines is stored as it is", () =>
  TemporaryHome.use(async (home) => {
    const command = "cat <<'END'\nfirst \"line\"\n\tsecond\\line $x\nEND\n";
    await home.run("enqueue", JSON.stringify({ id: "a", command }));
    assert.equal((await home.json("get", "a")).command, command);
  }));
