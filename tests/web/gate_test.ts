import assert from "node:assert/strict";
import { Gate, type GateLimits } from "../../src/web/gate.ts";
import { waitFor } from "../harness/wait_for.ts";

const GENEROUS: GateLimits = {
  ...{
    maxConnections: 10,
    headMs: 60_000,
    headBytes: 1_000_000,
    answerMs: 60_000,
    quietMs: 60_000,
    writeMs: 60_000,
  },
};

/** Calls `work` with a gate in front of an HTTP server that answers by `handler`. */
async function withGate(
  limits: Partial<GateLimits>,
  handler: (request: Request) => Response | Promise<Response>,
  work: (connect: () => Promise<Deno.TcpConn>, gate: Gate) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "queuectl-test-" });
  const socketPath = `${folder}/s`;
  const server = Deno.serve({ path: socketPath, onListen: () => {} }, handler);
  const gate = new Gate({ hostname: "127.0.0.1", port: 0, socketPath, limits: { ...GENEROUS, ...limits } });
  const open: Deno.TcpConn[] = [];
  try {
    await work(async () => {
      open.push(await Deno.connect({ hostname: "127.0.0.1", port: gate.port }));
      return open.at(-1)!;
    }, gate);
  } finally {
    for (const connection of open) {
      try {
        connection.close();
      } catch {
        // The test has closed it.
      }
    }
    await gate.close();
    await server.shutdown();
    await Deno.remove(folder, { recursive: true });
  }
}

async function send(connection: Deno.Conn, text: string): Promise<void> {
  await connection.write(new TextEncoder().encode(text));
}

/** Reads until the other side ends it. */
async function readAll(connection: Deno.Conn): Promise<string> {
  const chunk = new Uint8Array(65_536);
  let text = "";
  try {
    for (let count = await connection.read(chunk); count !== null; count = await connection.read(chunk)) {
      text += new TextDecoder().decode(chunk.subarray(0, count));
    }
  } catch {
    // Ended hard.
  }
  return text;
}

const REQUEST = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

Deno.test("gate: when it stops accepting, whoever waits with a request loses the connection, others get their answer", () => {
  const asked = Promise.withResolvers<void>();
  const mayAnswer = Promise.withResolvers<void>();
  return withGate(
    {},
    async () => {
      asked.resolve();
      await mayAnswer.promise;
      return new Response("late");
    },
    async (connect, gate) => {
      // As browsers do, who open connections in advance.
      const [silent, slow, asking] = [await connect(), await connect(), await connect()];
      await send(slow, "GET / HT");
      await send(asking, REQUEST.replace("Host", "Connection: close\r\nHost"));
      await asked.promise;
      gate.stopAccepting();
      assert.deepEqual([await readAll(silent), await readAll(slow)], ["", ""]);
      mayAnswer.resolve();
      assert.match(await readAll(asking), /late$/);
    },
  );
});

Deno.test("gate: passes requests on and answers back, several on one connection", () =>
  withGate(
    {},
    async (request) => new Response(`${request.url.at(-1)}${await request.text()}`),
    async (connect) => {
      const connection = await connect();
      await send(connection, REQUEST);
      await send(
        connection,
        "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\nConnection: close\r\n\r\n",
      );
      await send(connection, "y".repeat(300_000));
      const text = await readAll(connection);
      assert.match(text, /\r\n\r\n\/HTTP\/1.1 200 OK/);
      assert.ok(text.endsWith(`\r\n\r\nb${"y".repeat(300_000)}`));
    },
  ));

Deno.test("gate: ends a connection that sends no request, or never the end of its head", () =>
  withGate({ headMs: 300 }, () => new Response("ok"), async (connect) => {
    const silent = await connect();
    const slow = await connect();
    await send(slow, "GET / HTTP/1.1\r\n");
    // One that goes on sending has no more time than one that doesn't.
    let isOpen = true;
    const trickle = setInterval(() => {
      if (isOpen) send(slow, "X: y\r\n").catch(() => {});
    }, 100);
    assert.equal(await readAll(silent), "");
    assert.equal(await readAll(slow), "");
    isOpen = false;
    clearInterval(trickle);
  }));

Deno.test("gate: ends a connection that goes on sending what nobody reads", () =>
  withGate({ headBytes: 100_000 }, () => new Response("no"), async (connect) => {
    const connection = await connect();
    await send(connection, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n");
    assert.ok(await connection.read(new Uint8Array(1000)));
    const sending = (async () => {
      let sent = 0;
      for (const chunk = new Uint8Array(65_536); sent < 100_000_000; sent += await connection.write(chunk));
      return sent;
    })();
    await assert.rejects(sending);
  }));

Deno.test("gate: gives an answer its time, and ends a connection that is quiet after it", () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Response>();
  const handler = (request: Request) => {
    if (!request.url.endsWith("/late")) return new Response("ok");
    asked.resolve();
    return answer.promise;
  };
  return withGate({ headMs: 300, quietMs: 300 }, handler, async (connect) => {
    const waiting = await connect();
    await send(waiting, "GET /late HTTP/1.1\r\nHost: x\r\n\r\n");
    await asked.promise;
    // Others that came later have been ended, one for its silence and one for being quiet after its answer.
    const [silent, quiet] = [await connect(), await connect()];
    await send(quiet, REQUEST);
    assert.equal(await readAll(silent), "");
    assert.match(await readAll(quiet), /ok$/);
    answer.resolve(new Response("late"));
    // `readAll` ends because the gate ends it: the server would keep it for another request.
    assert.match(await readAll(waiting), /late$/);
  });
});

Deno.test("gate: ends a connection whose other side doesn't take what it is sent", async () => {
  let isCancelled = false;
  const endless = () =>
    new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
      cancel: () => {
        isCancelled = true;
      },
    });
  await withGate({ writeMs: 300 }, () => new Response(endless()), async (connect) => {
    await send(await connect(), REQUEST);
    await waitFor("the stream to be given up", () => isCancelled);
  });
});

Deno.test("gate: takes so many connections and no more, and others again when some have ended", () =>
  withGate({ maxConnections: 2 }, () => new Response("ok"), async (connect) => {
    const [first, second] = [await connect(), await connect()];
    await send(second!, REQUEST); // both have arrived
    assert.ok(await second!.read(new Uint8Array(1000)));
    const third = await connect();
    await send(third, REQUEST).catch(() => {});
    assert.equal(await readAll(third), "");
    first!.close();
    await waitFor("a place", async () => {
      const fourth = await connect();
      await send(fourth, REQUEST).catch(() => {});
      return await fourth.read(new Uint8Array(1000)).catch(() => null);
    });
  }));
