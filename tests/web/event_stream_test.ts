import assert from "node:assert/strict";
import { EventStream, message } from "../../src/web/event_stream.ts";

/** A message of about this many bytes. */
function messageOf(bytes: number) {
  return message("log", "x".repeat(bytes), 1);
}

Deno.test("EventStream: a client that reads nothing is let go before much waits for it", () => {
  let ended = 0;
  const stream = new EventStream(() => ended++);
  let sent = 0;
  while (ended === 0 && sent < 1000) {
    stream.send(messageOf(1024));
    sent++;
  }
  assert.ok(sent > 200 && sent < 300, `${sent} KiB waited`);
  stream.send(messageOf(1));
  stream.end();
  assert.equal(ended, 1);
});

Deno.test("EventStream: a client that reads gets everything, also a message longer than what may wait", async () => {
  const stream = new EventStream(() => {});
  const reader = stream.body.getReader();
  let size = 0;
  const read = async () => {
    size += (await reader.read()).value!.length;
  };
  await read(); // how long to wait before coming again
  const long = messageOf(1024 * 1024);
  for (let round = 0; round < 10; round++) {
    stream.send(long);
    await read();
  }
  assert.ok(size > 10 * long.length);
  stream.end();
  assert.equal((await reader.read()).done, true);
});

Deno.test("EventStream: what a later message makes worthless is left out while others wait", async () => {
  let ended = 0;
  const stream = new EventStream(() => ended++);
  assert.equal(stream.sendIfIdle(messageOf(10)), true);
  stream.send(messageOf(100_000));
  assert.equal(stream.sendIfIdle(messageOf(10)), false);
  assert.equal(ended, 0);
  await stream.body.cancel();
  assert.equal(ended, 1);
  assert.equal(stream.sendIfIdle(messageOf(10)), false);
});

Deno.test("message: no text in it can end it or begin another one", () => {
  const text = new TextDecoder().decode(message("log", { id: "a\n\ndata: b\r\n\revent: c" }, 7));
  assert.equal(text, `event: log\nid: 7\ndata: {"id":"a\\n\\ndata: b\\r\\n\\revent: c"}\n\n`);
});
