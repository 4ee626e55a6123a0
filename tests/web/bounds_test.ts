import assert from "node:assert/strict";
import { waitFor } from "../harness/wait_for.ts";
import { EventSource } from "./event_source.ts";
import { WebServer } from "./web_server.ts";

const STREAMS = 1000;
const MIB = 1024 * 1024;

/** The memory that a process holds, in MiB. */
function memoryOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))![1]) / 1024;
}

function streamRequest(web: WebServer): Uint8Array {
  const head =
    `GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:${web.port}\r\nAuthorization: Bearer ${web.token}\r\n\r\n`;
  return new TextEncoder().encode(head);
}

Deno.test("web: a body of 100 MB is refused before it is read, whether its length is told or not", () =>
  WebServer.use(async (web) => {
    const before = memoryOf(web.pid);
    let peak = 0;
    const head = (rest: string) =>
      `POST /api/jobs HTTP/1.1\r\nHost: 127.0.0.1:${web.port}\r\nAuthorization: Bearer ${web.token}\r\n` +
      `Content-Type: application/json\r\n${rest}\r\n\r\n`;
    for (
      const [rest, isChunked] of [["Content-Length: 104857600", false], [
        "Transfer-Encoding: chunked",
        true,
      ]] as const
    ) {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port: web.port });
      const answered = new Response(connection.readable).text().catch(() => "");
      const chunk = new Uint8Array(MIB).fill(32);
      const writer = connection.writable.getWriter();
      let sent = 0;
      try {
        await writer.write(new TextEncoder().encode(head(rest)));
        for (; sent < 100; sent++) {
          if (isChunked) await writer.write(new TextEncoder().encode("100000\r\n"));
          await writer.write(chunk);
          peak = Math.max(peak, memoryOf(web.pid));
          if (isChunked) await writer.write(new TextEncoder().encode("\r\n"));
        }
      } catch {
        // The server has ended it, as it should.
      }
      await writer.close().catch(() => {});
      assert.ok(sent < 60, `${sent} MiB were taken`);
      const text = await answered;
      // Whoever goes on sending may not get to read why.
      if (text !== "") assert.match(text, /^HTTP\/1\.1 413 /);
    }
    assert.ok(peak - before < 150, `${before} MiB became ${peak} MiB`);
    assert.equal((await web.ask("/api/status")).status, 200);
  }));

Deno.test("web: a long body is told that it is too long, one that fits is taken", () =>
  WebServer.use(async (web) => {
    const long = await web.ask("/api/jobs", { body: { command: "x".repeat(20 * MIB) } });
    assert.deepEqual([long.status, long.json.error.code], [413, "too_large"]);
    const other = await web.ask("/api/jobs/retry", { body: { ids: ["x".repeat(MIB)] } });
    assert.equal(other.status, 413);
    const fits = await web.ask("/api/jobs", {
      body: { id: "fits", command: `# ${"x".repeat(16 * MIB - 2)}` },
    });
    assert.equal(fits.status, 201);
    const [listed] = (await web.get("/api/jobs")).jobs;
    assert.deepEqual([listed.command.length, listed.command_length], [500, 16 * MIB]);
  }));

Deno.test("web: nothing of a body is read from whoever has no token", () =>
  WebServer.use(async (web) => {
    const head = `POST /api/jobs HTTP/1.1\r\nHost: 127.0.0.1:${web.port}\r\nOrigin: ${web.url}\r\n` +
      "Content-Type: application/json\r\nContent-Length: 1000000\r\nConnection: close\r\n\r\n";
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: web.port });
    await connection.write(new TextEncoder().encode(head));
    const answer = new Uint8Array(1000);
    await connection.read(answer);
    assert.match(new TextDecoder().decode(answer), /^HTTP\/1\.1 401 /);
    connection.close();
  }));

Deno.test("web: a thousand open streams, read or not, leave memory bounded, and the server and a worker go on", () =>
  WebServer.use(async (web) => {
    await web.home.startWorkers(1);
    const connections: Deno.TcpConn[] = [];
    for (let number = 0; number < STREAMS; number++) {
      connections.push(await Deno.connect({ hostname: "127.0.0.1", port: web.port }));
      await connections.at(-1)!.write(streamRequest(web));
    }
    try {
      const opened = async () => /^queuectl_streams (\d+)$/m.exec((await web.ask("/metrics")).text)?.[1];
      await waitFor("the streams", async () => await opened() === String(STREAMS));
      const before = memoryOf(web.pid);
      // Nobody reads; what is told to a stream waits in it, up to its bound, and then it is let go.
      for (let round = 0; round < 20; round++) {
        const jobs = Array.from(
          { length: 50 },
          (_, index) => ({ id: `r${round}-${index}-${"i".repeat(150)}`, command: "true" }),
        );
        await web.get("/api/jobs", { body: jobs });
      }
      // What is garbage goes when it is collected; what is kept for the streams would stay.
      await waitFor("less memory to be used", async () => {
        await web.ask("/api/overview");
        return memoryOf(web.pid) - before < 200;
      });
      await web.home.enqueue({ id: "urgent", command: "true", priority: 10 });
      assert.equal((await web.home.untilJob("urgent", "completed")).attempt_history.length, 1);
      assert.equal((await web.ask("/api/overview")).status, 200);
    } finally {
      for (const connection of connections) connection.close();
    }
    await waitFor(
      "the streams to be forgotten",
      async () => /^queuectl_streams 0$/m.test((await web.ask("/metrics")).text),
    );
  }));

Deno.test("web: of more streams than it bears it takes none, and tells so", () =>
  WebServer.use(async (web) => {
    const connections: Deno.TcpConn[] = [];
    for (let number = 0; number < 1040; number++) {
      connections.push(await Deno.connect({ hostname: "127.0.0.1", port: web.port }));
      await connections.at(-1)!.write(streamRequest(web));
    }
    try {
      const isFull = async () => /^queuectl_streams 1024$/m.test((await web.ask("/metrics")).text);
      await waitFor("the limit", isFull);
      const stream = await EventSource.open(web);
      await stream.close();
      assert.equal(stream.status, 503);
    } finally {
      for (const connection of connections) connection.close();
    }
    await waitFor("a place", async () => {
      const stream = await EventSource.open(web);
      await stream.close();
      return stream.status === 200;
    });
  }));
