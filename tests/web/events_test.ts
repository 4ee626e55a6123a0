import assert from "node:assert/strict";
import { waitFor } from "../harness/wait_for.ts";
import { EventSource } from "./event_source.ts";
import { WebServer } from "./web_server.ts";

Deno.test("events: a change of any process comes by itself, in order, each entry once", () =>
  WebServer.use(async (web) => {
    const stream = await EventSource.open(web);
    assert.equal(stream.contentType, "text/event-stream");
    await stream.until("overview");
    await web.get("/api/jobs", { body: { id: "a", command: "true" } });
    const { data } = await stream.until("log");
    assert.deepEqual([data.entries[0].type, data.entries[0].job], ["enqueued", "a"]);
    await web.home.startWorkers(1);
    await web.home.untilJob("a", "completed");
    await web.home.run("retry", "a");
    await waitFor("the retry", () => stream.entries().some(({ type }) => type === "retried"));
    const ids = stream.entries().map(({ id }) => id);
    assert.deepEqual(ids, ids.toSorted((a, b) => a - b));
    assert.equal(new Set(ids).size, ids.length);
    const types = stream.entries().filter(({ job }) => job === "a").map(({ type }) => type);
    assert.deepEqual(types.slice(0, 4), ["enqueued", "claimed", "ended", "retried"]);
    const overview = await stream.until("overview", ({ counts }) => counts.completed === 1);
    assert.equal(overview.id, null);
    await stream.close();
  }));

Deno.test("events: a claim's token is in no message", () =>
  WebServer.use(async (web) => {
    const stream = await EventSource.open(web);
    await web.home.enqueue({ id: "a", command: "true" });
    await web.home.startWorkers(1);
    await waitFor("the claim", () => stream.entries().some(({ type }) => type === "claimed"));
    const claimed = stream.entries().find(({ type }) => type === "claimed");
    assert.deepEqual(Object.keys(claimed), ["id", "at", "job", "type", "worker", "attempt_id"]);
    await stream.close();
  }));

Deno.test("events: a stream that broke goes on behind the last entry it saw", () =>
  WebServer.use(async (web) => {
    await web.home.enqueue({ id: "a", command: "true" }, { id: "b", command: "true" });
    const [first] = (await seenFrom(web, "0", 2)).entries;
    assert.equal(first.job, "a");
    const { hello, entries } = await seenFrom(web, String(first.id), 1);
    assert.equal(hello.resumed, true);
    assert.deepEqual(entries.map(({ job }: { job: string }) => job), ["b"]);
    // A new object of a browser can't send the header.
    const stream = await EventSource.open(web, `?last_event_id=${first.id}`);
    await stream.until("log", ({ entries }) => entries[0].job === "b");
    await stream.close();
  }));

/** What a stream tells that resumes behind an entry: at least so many entries. */
async function seenFrom(web: WebServer, lastId: string, count: number) {
  const stream = await EventSource.open(web, "", { "last-event-id": lastId });
  await stream.until("overview");
  await waitFor(`${count} entries`, () => stream.entries().length >= count);
  await stream.close();
  return { hello: stream.of("hello")[0]!.data, entries: stream.entries() };
}

Deno.test("events: nothing is missed and nothing told twice while streams come and go", () =>
  WebServer.use(async (web) => {
    const seen: number[] = [];
    let lastId = "0";
    for (let round = 0; round < 8; round++) {
      const stream = await EventSource.open(web, "", { "last-event-id": lastId });
      await web.get("/api/jobs", { body: [{ command: "a" }, { command: "b" }] });
      if (round % 2 === 0) await stream.until("log");
      await stream.close();
      for (const { id, data } of stream.of("log")) {
        seen.push(...data.entries.map((entry: { id: number }) => entry.id));
        lastId = id!;
      }
    }
    const stream = await EventSource.open(web, "", { "last-event-id": lastId });
    await waitFor("all entries", () => seen.length + stream.entries().length >= 16);
    await stream.close();
    const all = [...seen, ...stream.entries().map(({ id }) => id)];
    assert.deepEqual(all, Array.from({ length: 16 }, (_, index) => index + 1));
  }));

Deno.test("events: of very much at once only the number is told, and one who missed it is told to look anew", () =>
  WebServer.use(async (web) => {
    const stream = await EventSource.open(web);
    await stream.until("overview");
    await web.home.enqueue(...Array.from({ length: 5000 }, () => ({ command: "true" })));
    const many = await stream.until("many");
    assert.equal(many.data.count, 5000);
    assert.equal(many.id, "5000");
    assert.deepEqual(stream.entries(), []);
    await stream.until("overview", ({ counts }) => counts.pending === 5000);
    await stream.close();
    const { hello, entries } = await seenFrom(web, "10", 0);
    assert.deepEqual([hello.resumed, hello.last_event_id, entries.length], [false, 5000, 0]);
  }));

Deno.test("events: a followed output is told as it grows and when it is whole", () =>
  WebServer.use(async (web) => {
    const gate = `${web.home.dir}/go`;
    const command = `echo one; until [ -e ${gate} ]; do sleep 0.02; done; echo two; echo three >&2`;
    await web.home.enqueue({ id: "talker", command });
    await web.home.startWorkers(1);
    await web.home.untilJob("talker", "processing");
    const [{ id }] = (await web.get("/api/jobs/talker/attempts")).attempts;
    const stream = await EventSource.open(web, `?follow=${id}&job=talker`);
    await stream.until("output", ({ stdout_size }) => stdout_size === 4);
    await Deno.writeTextFile(gate, "");
    const { data } = await stream.until("output", ({ is_running }) => !is_running);
    assert.deepEqual(data, {
      ...{ job: "talker", attempt_id: id, stdout_size: 8, stderr_size: 6, is_running: false },
    });
    await stream.close();
    const late = await EventSource.open(web, `?follow=${id}&job=talker`);
    assert.deepEqual((await late.until("output")).data, data);
    await late.close();
    const unknown = await web.ask(`/api/events?follow=${id + 1}&job=talker`);
    assert.equal(unknown.status, 404);
  }));

Deno.test("events: a worker that died shows in the overview, though nobody told", () =>
  WebServer.use(async (web) => {
    await web.home.enqueue({ id: "long", command: "sleep 600" });
    const [pid] = await web.home.startWorkers(1);
    const stream = await EventSource.open(web);
    await stream.until("overview", ({ workers }) => workers[0]?.state === "busy");
    Deno.kill(pid!, "SIGKILL");
    await stream.until("overview", ({ workers }) => workers[0]?.state === "dead");
    await stream.close();
  }));

Deno.test("events: streams are told when the server ends, and a new server takes them up where they were", () =>
  WebServer.use(async (web) => {
    const stream = await EventSource.open(web);
    await web.home.enqueue({ id: "a", command: "true" });
    const { id } = await stream.until("log");
    assert.equal(await web.end("SIGINT"), 0);
    assert.equal(await stream.ended, true);
    assert.equal(stream.messages.at(-1)!.event, "bye");
    await web.home.enqueue({ id: "b", command: "true" });
    const again = await WebServer.start(web.home);
    try {
      const { hello, entries } = await seenFrom(again, id!, 1);
      assert.equal(hello.resumed, true);
      assert.deepEqual(entries.map(({ job }: { job: string }) => job), ["b"]);
    } finally {
      await again.end();
    }
  }));
