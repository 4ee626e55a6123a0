import assert from "node:assert/strict";
import { webApp } from "../../src/web/app.ts";
import { openapi } from "../../src/web/openapi.ts";
import type { Site } from "../../src/web/site.ts";
import { waitFor } from "../harness/wait_for.ts";
import { WebServer } from "./web_server.ts";

Deno.test("api: what the command line enqueued is listed, and what the API enqueued is known to the command line", () =>
  WebServer.use(async (web) => {
    await web.home.enqueue({ id: "one", command: "true", priority: 3, queue: "q1" });
    const { jobs } = await web.get("/api/jobs", { body: { id: "two", command: "echo hi", env: { A: "1" } } });
    assert.equal(jobs[0].id, "two");
    const listed = await web.get("/api/jobs");
    assert.deepEqual(listed.jobs.map((job: { id: string }) => job.id), ["two", "one"]);
    assert.equal(listed.total, 2);
    const job = await web.home.json("get", "two");
    assert.equal(job.command, "echo hi");
    assert.deepEqual(job.env, { A: "1" });
    const { attempt_history, ...same } = await web.get("/api/jobs/two");
    assert.deepEqual(attempt_history, []);
    assert.deepEqual({ ...same, attempt_history }, job);
  }));

Deno.test("api: several jobs are enqueued together or not at all", () =>
  WebServer.use(async (web) => {
    await web.home.enqueue({ id: "taken", command: "true" });
    const body = [{ id: "new", command: "true" }, { id: "taken", command: "true" }];
    const refused = await web.ask("/api/jobs", { body });
    assert.equal(refused.status, 409);
    assert.equal(refused.json.error.exit_status, 4);
    assert.equal((await web.get("/api/jobs")).total, 1);
    const { jobs } = await web.get("/api/jobs", { body: [{ command: "a" }, { command: "b" }] });
    assert.deepEqual(jobs.map((job: { command: string }) => job.command), ["a", "b"]);
  }));

Deno.test("api: a bad job is refused with the words and the status of the command line", () =>
  WebServer.use(async (web) => {
    const bad = [
      `{"id": "x"}`,
      `{"command": "true", "prority": 1}`,
      `{"command": "true", "priority": 11}`,
      `{"command": "true", "env": {"QUEUECTL_A": "1"}}`,
      `{"command": "true", "run_at": "tomorrow"}`,
      `{"command": "true"`,
      `[{"command": "true"}, 5]`,
    ];
    for (const text of bad) {
      const { status, json } = await web.ask("/api/jobs", { body: text });
      const told = await web.home.call(["enqueue", text]);
      const { message, hint, exit_status } = json.error;
      assert.equal(status, 400, text);
      assert.equal(exit_status, told.code);
      assert.equal(told.stderr, `Error: ${message}\nTry: ${hint ?? "queuectl enqueue --help"}\n`);
    }
    assert.equal((await web.get("/api/jobs")).total, 0);
  }));

Deno.test("api: a body without anything is refused, an array of no jobs enqueues none, as on the command line", () =>
  WebServer.use(async (web) => {
    for (const body of ["", "\n"]) assert.equal((await web.ask("/api/jobs", { body })).status, 400);
    assert.equal((await web.home.call(["enqueue", "-"], { stdin: "[]" })).code, 0);
    assert.deepEqual(await web.get("/api/jobs", { body: [] }), { jobs: [] });
    assert.equal((await web.get("/api/jobs")).total, 0);
  }));

Deno.test("api: jobs are retried, cancelled and deleted, all that are named or none", () =>
  WebServer.use(async (web) => {
    await web.home.enqueue(...["a", "b", "c"].map((id) => ({ id, command: "true", run_at: "2099-01-01" })));
    const cancelled = await web.get("/api/jobs/cancel", { body: { ids: ["a", "b"] } });
    assert.deepEqual(cancelled.jobs.map((job: { state: string }) => job.state), ["cancelled", "cancelled"]);
    const refused = await web.ask("/api/jobs/retry", { body: { ids: ["a", "c"] } });
    assert.equal(refused.status, 409);
    assert.match(refused.json.error.message, /^Cannot retry c: it is pending, not failed/);
    assert.equal((await web.get("/api/jobs/a")).state, "cancelled");
    assert.equal((await web.get("/api/jobs/a/retry", { body: {} })).state, "pending");
    assert.equal((await web.ask("/api/jobs/delete", { body: { ids: ["b", "nobody"] } })).status, 404);
    assert.equal((await web.get("/api/jobs")).total, 3);
    assert.deepEqual(await web.get("/api/jobs/delete", { body: { ids: ["b", "c", "b"] } }), { deleted: 2 });
    assert.deepEqual(await web.get("/api/jobs/a", { method: "DELETE", body: {} }), { deleted: 1 });
    assert.equal((await web.get("/api/jobs")).total, 0);
  }));

Deno.test("api: a job that is processing is cancelled by its worker, and not deleted before", () =>
  WebServer.use(async (web) => {
    await web.home.enqueue({ id: "long", command: "sleep 600" });
    await web.home.startWorkers(1);
    await web.home.untilJob("long", "processing");
    const refused = await web.ask("/api/jobs/long", { method: "DELETE", body: {} });
    assert.equal(refused.status, 409);
    assert.equal(refused.json.error.message, "Cannot delete long: it is processing");
    const job = await web.get("/api/jobs/long/cancel", { body: {} });
    assert.equal(job.cancel_requested, true);
    await web.home.untilJob("long", "cancelled");
    const { attempts } = await web.get("/api/jobs/long/attempts");
    assert.equal(attempts[0].outcome, "cancelled");
    assert.deepEqual((await web.get("/api/attempts")).attempts, attempts);
  }));

Deno.test("api: clearing demands that it be asked for, and takes states and ages as the command line does", () =>
  WebServer.use(async (web) => {
    await web.home.enqueue({ id: "a", command: "true" }, { id: "b", command: "true" });
    await web.home.run("cancel", "a");
    for (
      const body of [{}, { all: true, states: ["dead"] }, { states: ["done"] }, { older_than: "x" }, {
        all: 1,
      }]
    ) {
      assert.equal((await web.ask("/api/jobs/clear", { body })).status, 400, JSON.stringify(body));
    }
    assert.equal((await web.ask("/api/jobs/clear", { body: { states: ["processing"] } })).status, 400);
    const old = await web.get("/api/jobs/clear", { body: { states: ["cancelled"], older_than: "1d" } });
    assert.deepEqual(old, { deleted: 0, is_complete: true });
    assert.equal((await web.get("/api/jobs/clear", { body: { states: ["cancelled"] } })).deleted, 1);
    assert.equal((await web.get("/api/jobs/clear", { body: { all: true } })).deleted, 1);
  }));

Deno.test("api: the dead letter queue is listed with its errors, retried one by one or whole, and cleared", () =>
  WebServer.use(async (web) => {
    const dead = ["d1", "d2", "d3"].map((id) => ({
      id,
      command: "echo no luck >&2; exit 3",
      max_retries: 1,
    }));
    await web.home.enqueue(...dead, { id: "fine", command: "true" });
    await web.home.startWorkers(1);
    await web.home.untilJob("fine", "completed");
    const { jobs, total } = await web.get("/api/dlq");
    assert.equal(total, 3);
    assert.deepEqual(jobs.map((job: { id: string }) => job.id), ["d3", "d2", "d1"]);
    assert.equal(jobs[0].last_error, "exited with 3: no luck");
    await web.home.run("worker", "stop");
    const refused = await web.ask("/api/dlq/retry", { body: { ids: ["fine"] } });
    assert.equal(refused.json.error.message, "Cannot retry fine: it is completed, not dead");
    const one = await web.get("/api/dlq/retry", { body: { ids: ["d1"], keep_attempts: true } });
    assert.deepEqual([one.jobs[0].attempts, one.jobs[0].max_retries], [1, 2]);
    assert.equal((await web.ask("/api/dlq/retry", { body: {} })).status, 400);
    assert.deepEqual(await web.get("/api/dlq/retry", { body: { all: true } }), {
      retried: 2,
      is_complete: true,
    });
    assert.equal((await web.ask("/api/dlq/clear", { body: {} })).status, 400);
    assert.equal((await web.get("/api/dlq/clear", { body: { all: true } })).deleted, 0);
  }));

Deno.test("api: the configuration is read, set under any of its names, and reset", () =>
  WebServer.use(async (web) => {
    const { config } = await web.get("/api/config");
    assert.equal(config.length, (await web.home.json("config", "list")).length);
    const set = await web.get("/api/config/max-retries", { method: "PUT", body: { value: 7 } });
    assert.deepEqual([set.key, set.value, set.is_set], ["max_retries", 7, true]);
    assert.equal((await web.home.run("config", "get", "max_retries")).trim(), "7");
    const bad = await web.ask("/api/config/max_retries", { method: "PUT", body: { value: 0 } });
    const told = await web.home.call(["config", "set", "max_retries", "0"]);
    assert.equal(told.stderr, `Error: ${bad.json.error.message}\nTry: ${bad.json.error.hint}\n`);
    const unknown = await web.ask("/api/config/max_retrys");
    assert.deepEqual([unknown.status, unknown.json.error.hint], [404, "queuectl config get max_retries"]);
    const reset = await web.get("/api/config/max_retries", { method: "DELETE", body: {} });
    assert.deepEqual([reset.value, reset.is_set], [3, false]);
  }));

Deno.test("api: an id may hold what has a meaning in addresses", () =>
  WebServer.use(async (web) => {
    const ids = ["a/b", "a%2Fb", "..", ".", "ü €", "?x=1&y", "#frag", "retry", "_", "+", "%"];
    await web.home.enqueue(...ids.map((id) => ({ id, command: "true" })));
    for (const id of ids) {
      const isDots = id === "." || id === "..";
      const path = `/api/jobs/${isDots ? `_?id=${id}` : encodeURIComponent(id)}`;
      assert.equal((await web.get(path)).id, id);
    }
    const unknown = await web.ask("/api/jobs/nobody");
    assert.deepEqual([unknown.status, unknown.json.error.message], [404, "There is no job nobody"]);
  }));

Deno.test("api: pages of jobs lead on and back, and a search finds the job that is named first", () =>
  WebServer.use(async (web) => {
    const ids = Array.from({ length: 25 }, (_, index) => `job-${String(index).padStart(2, "0")}`);
    await web.home.enqueue(...ids.map((id) => ({ id, command: "true" })));
    const idsOf = (page: { jobs: { id: string }[] }) => page.jobs.map(({ id }) => id);
    const first = await web.get("/api/jobs?limit=10&sort=created");
    assert.deepEqual([idsOf(first), first.prev, first.total], [ids.slice(0, 10), null, 25]);
    const second = await web.get(`/api/jobs?limit=10&sort=created&cursor=${first.next}`);
    const third = await web.get(`/api/jobs?limit=10&sort=created&cursor=${second.next}`);
    assert.deepEqual([idsOf(third), third.next], [ids.slice(20), null]);
    const back = await web.get(`/api/jobs?limit=10&sort=created&cursor=${third.prev}`);
    assert.deepEqual(idsOf(back), idsOf(second));
    const atStart = await web.get(`/api/jobs?limit=10&sort=created&cursor=${back.prev}`);
    assert.deepEqual([idsOf(atStart), atStart.prev], [ids.slice(0, 10), null]);
    await web.home.enqueue({ id: "job-1", command: "true" });
    const found = await web.get("/api/jobs?limit=5&sort=created&search=job-1");
    assert.deepEqual(idsOf(found), ["job-1", ...ids.slice(10, 15)]);
    const rest = await web.get(`/api/jobs?limit=9&sort=created&search=job-1&cursor=${found.next}`);
    assert.deepEqual([idsOf(rest), rest.is_partial], [ids.slice(15, 20), false]);
    const other = await web.get("/api/jobs?search=job-1&state=dead");
    assert.deepEqual([idsOf(other), other.total], [[], null]);
  }));

Deno.test("api: status, overview and series tell what is going on", () =>
  WebServer.use(async (web) => {
    await web.home.enqueue(
      { id: "good", command: "true" },
      { id: "bad", command: "false", max_retries: 1 },
      { id: "long", command: "sleep 600", queue: "slow" },
      { id: "later", command: "true", run_at: "2099-01-01T00:00:00Z" },
    );
    const waiting = await web.get("/api/overview");
    assert.ok(Date.parse(waiting.oldest_ready_at) <= Date.now());
    await web.home.startWorkers(1);
    await web.home.untilJob("long", "processing");
    // What is known of the workers may be a moment old.
    const status = await waitFor("the ends to be tallied and the worker to be known", async () => {
      const told = await web.get("/api/status");
      return told.metrics.failed_last_hour === 1 && told.workers[0]?.jobs.length === 1 ? told : null;
    });
    const { metrics, ...rest } = status;
    assert.deepEqual(rest, await web.home.json("status"));
    assert.deepEqual(
      [metrics.succeeded_last_hour, metrics.failed_last_hour, metrics.success_rate, metrics.oldest_ready_at],
      [1, 1, 0.5, null],
    );
    const overview = await waitFor("the overview to be made anew", async () => {
      const made = await web.get("/api/overview");
      return made.running.length === 1 ? made : null;
    });
    assert.equal(overview.running[0].job, "long");
    assert.equal(overview.scheduled[0].id, "later");
    assert.deepEqual(overview.counts, status.jobs);
    assert.deepEqual(overview.queues.map((one: { queue: string }) => one.queue), ["default", "slow"]);
    for (const [span, count] of [["10m", 60], ["1h", 60], ["1d", 96]] as const) {
      const { buckets, is_complete } = await web.get(`/api/series?span=${span}`);
      assert.equal(buckets.length, count);
      assert.equal(is_complete, true);
      const sum = (key: string) =>
        buckets.reduce((all: number, one: Record<string, number>) => all + one[key]!, 0);
      assert.deepEqual([sum("succeeded"), sum("failed"), sum("other")], [1, 1, 0]);
    }
  }));

Deno.test("api: what ended before the server started is in the charts, too", () =>
  WebServer.use(async (first) => {
    await first.home.enqueue({ id: "good", command: "true" });
    await first.home.startWorkers(1);
    await first.home.untilJob("good", "completed");
    const second = await WebServer.start(first.home);
    try {
      const { metrics } = await second.get("/api/status");
      assert.equal(metrics.succeeded_last_hour, 1);
    } finally {
      await second.end();
    }
  }));

Deno.test("api: what changed in the last minute is told", () =>
  WebServer.use(async (web) => {
    await web.get("/api/overview");
    await waitFor("a first count", async () => (await web.get("/api/overview")).change.seconds > 0);
    await web.home.enqueue({ id: "a", command: "true" }, { id: "b", command: "true" });
    const { change } = await waitFor("the change", async () => {
      const overview = await web.get("/api/overview");
      return overview.change.total === 2 ? overview : null;
    });
    assert.deepEqual([change.pending, change.completed], [2, 0]);
  }));

Deno.test("api: the progress that a job reports is in the overview, the lists and its attempt", () =>
  WebServer.use(async (web) => {
    const command = "echo 'queuectl:progress 40 Building'; sleep 600";
    await web.home.enqueue({ id: "long", command });
    await web.home.startWorkers(1);
    const progress = { percent: 40, text: "Building" };
    const [running] = await waitFor("the progress", async () => {
      const overview = await web.get("/api/overview");
      return overview.running[0]?.progress == null ? null : overview.running;
    });
    assert.deepEqual(running.progress, progress);
    assert.deepEqual((await web.get("/api/jobs?state=processing")).jobs[0].progress, progress);
    assert.deepEqual((await web.get("/api/jobs/long/attempts")).attempts[0].progress, progress);
    assert.deepEqual((await web.get("/api/workers")).workers[0].jobs[0].progress, progress);
  }));

Deno.test("api: queues and workers have lists of their own", () =>
  WebServer.use(async (web) => {
    await web.home.enqueue({ command: "sleep 600", queue: "q" }, { command: "true", queue: "q" });
    await web.home.startWorkers(1, "--queue", "q");
    const { workers } = await waitFor("the worker to be busy", async () => {
      const listed = await web.get("/api/workers");
      return listed.workers[0]?.state === "busy" ? listed : null;
    });
    assert.deepEqual(workers, await web.home.json("worker", "list"));
    const { queues, more } = await web.get("/api/queues");
    assert.deepEqual([queues[0].queue, queues[0].pending, queues[0].processing, more], ["q", 1, 1, 0]);
  }));

Deno.test("api: an unknown path, method, parameter or word is refused with what would do", () =>
  WebServer.use(async (web) => {
    const cases: [string, string, number, string][] = [
      ["GET", "/api/nothing", 404, "not_found"],
      ["PATCH", "/api/jobs", 405, "method_not_allowed"],
      ["GET", "/api/jobs?stat=dead", 400, "bad_input"],
      ["GET", "/api/jobs?state=daed", 400, "bad_input"],
      ["GET", "/api/jobs?sort=id", 400, "bad_input"],
      ["GET", "/api/jobs?limit=0", 400, "bad_input"],
      ["GET", "/api/jobs?limit=201", 400, "bad_input"],
      ["GET", "/api/jobs?cursor=1", 400, "bad_input"],
      ["GET", "/api/jobs?state=dead&state=failed", 400, "bad_input"],
      ["GET", "/api/series?span=1y", 400, "bad_input"],
    ];
    for (const [method, path, status, code] of cases) {
      const answer = await web.ask(path, method === "GET" ? {} : { method, body: {} });
      assert.deepEqual([answer.status, answer.json.error.code], [status, code], path);
    }
    const { json } = await web.ask("/api/jobs?stat=dead");
    assert.equal(json.error.hint, "state=…");
    assert.equal(
      (await web.ask("/api/jobs", { method: "PATCH", body: {} })).headers.get("allow"),
      "GET, POST, HEAD",
    );
  }));

Deno.test("openapi: the document has every route of the API, and no other", () => {
  const app = webApp({ hosts: new Set() } as unknown as Site);
  const routes = app.routes.filter(({ method, path }) => method !== "ALL" && !path.includes("*"))
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
  const paths = openapi("1.0.0").paths as Record<string, Record<string, unknown>>;
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).filter((name) => name !== "parameters").map((name) =>
      `${name.toUpperCase()} ${path}`
    )
  );
  assert.deepEqual([...new Set(routes)].toSorted(), described.toSorted());
});
