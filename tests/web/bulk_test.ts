import assert from "node:assert/strict";
import { WebServer } from "./web_server.ts";

/** Six jobs in two queues, of which four are cancelled. */
async function fill({ home }: WebServer): Promise<void> {
  const later = { run_at: "2099-01-01" };
  await home.enqueue(
    ...["a", "b", "c"].map((id) => ({ id, command: "tar c /etc", queue: "backup", ...later })),
    ...["d", "e", "f"].map((id) => ({ id, command: "mail bob", ...later })),
  );
  await home.run("cancel", "a", "b", "d", "e");
}

Deno.test("api: jobs that match are counted, then retried, cancelled and deleted, and no others", () =>
  WebServer.use(async (web) => {
    await fill(web);
    const counts = async (query: string) => (await web.get(`/api/counts${query}`)).count;
    assert.equal(await counts(""), 6);
    assert.equal(await counts("?state=cancelled&queue=backup"), 2);
    assert.equal(await counts("?state=pending,cancelled&search=BOB"), 3);
    assert.equal(await counts("?search=nothing"), 0);

    const done = { is_complete: true, next: null };
    const matching = { states: ["cancelled"], search: "tar" };
    assert.deepEqual(await web.get("/api/jobs/retry", { body: matching }), { retried: 2, ...done });
    assert.deepEqual(await web.get("/api/jobs/cancel", { body: { queue: "backup" } }), {
      cancelled: 3,
      ...done,
    });
    assert.deepEqual(await web.get("/api/jobs/retry", { body: { all: true } }), { retried: 5, ...done });

    const { count, until } = await web.get("/api/counts");
    assert.equal(count, 6);
    await web.home.enqueue({ id: "newer", command: "mail eve", run_at: "2099-01-01" });
    assert.deepEqual(await web.get("/api/jobs/delete", { body: { all: true, until } }), {
      deleted: 6,
      ...done,
    });
    assert.deepEqual((await web.home.json("list")).map(({ id }: { id: string }) => id), ["newer"]);
  }));

Deno.test("api: which jobs are meant must be said in one way, and in states that allow it", () =>
  WebServer.use(async (web) => {
    await fill(web);
    const bodies: [string, unknown][] = [
      ["retry", {}],
      ["delete", { until: 5 }],
      ["delete", { cursor: "n.0" }],
      ["delete", { ids: ["a"], all: true }],
      ["delete", { ids: ["a"], queue: "backup" }],
      ["delete", { ids: ["a"], until: 1 }],
      ["delete", { all: true, states: ["dead"] }],
      ["delete", { all: false }],
      ["delete", { queue: "" }],
      ["delete", { search: "" }],
      ["delete", { states: [] }],
      ["delete", { states: ["gone"] }],
      ["delete", { states: ["cancelled"], older_than: "1d" }],
      ["delete", { queue: "backup", until: "x" }],
      ["delete", { queue: "backup", cursor: "p.1" }],
      ["delete", { queue: "backup", cursor: "x" }],
      ["delete", { states: ["processing"] }],
      ["retry", { states: ["cancelled", "pending"] }],
      ["cancel", { states: ["dead"] }],
    ];
    for (const [verb, body] of bodies) {
      const { status, json } = await web.ask(`/api/jobs/${verb}`, { body });
      assert.equal(status, 400, JSON.stringify(body));
      assert.equal(json.error.code, "bad_input");
    }
    assert.equal((await web.get("/api/counts?state=cancelled")).count, 4);
  }));

Deno.test("api: what matches is changed by nobody but whoever may change a single job", () =>
  WebServer.use(async (web) => {
    await fill(web);
    for (const verb of ["retry", "cancel", "delete"]) {
      const path = `/api/jobs/${verb}`;
      const body = { all: true };
      const bearer = { authorization: `Bearer ${web.token}` };
      const foreign = { ...bearer, origin: "http://evil.example" };
      assert.equal((await web.ask(path, { body, headers: foreign })).status, 403);
      assert.equal((await web.ask(path, { body, headers: {} })).status, 403);
      assert.equal((await web.ask(path, { body, headers: { origin: web.url } })).status, 401);
      const form = { ...bearer, Host: `127.0.0.1:${web.port}` };
      assert.match(await web.plain(path, form), /^HTTP\/1\.1 (404|405)/);
    }
    assert.deepEqual((await web.get("/api/counts?state=cancelled")).count, 4);
  }));

Deno.test("api: --read-only changes nothing that matches", () =>
  WebServer.use(async (web) => {
    await fill(web);
    for (const verb of ["retry", "cancel", "delete"]) {
      const { status, json } = await web.ask(`/api/jobs/${verb}`, { body: { all: true } });
      assert.deepEqual([status, json.error.code], [403, "read_only"]);
    }
    assert.equal((await web.get("/api/counts?state=cancelled")).count, 4);
  }, ["--read-only"]));
