import assert from "node:assert/strict";
import { decodePiece } from "../../src/web/output_routes.ts";
import { WebServer } from "./web_server.ts";

/** Reads a stream piece by piece as a live view does; returns the pieces. */
async function pieces(web: WebServer, path: string, limit: number): Promise<string[]> {
  const found: string[] = [];
  for (let offset = 0, isComplete = false; !isComplete;) {
    const piece = await web.get(`${path}&limit=${limit}&offset=${offset}`);
    assert.equal(piece.offset, offset);
    found.push(piece.text);
    assert.ok(piece.is_complete || piece.next_offset > offset, "it goes on");
    offset = piece.next_offset;
    isComplete = piece.is_complete;
  }
  return found;
}

Deno.test("output: is read in pieces, of which none cuts a character", () =>
  WebServer.use(async (web) => {
    const text = "aü€😀\n".repeat(50);
    await web.home.enqueue({ id: "x", command: `printf '%s' '${text}'; echo err >&2` });
    await web.home.startWorkers(1);
    await web.home.untilJob("x", "completed");
    for (const limit of [7, 64, 1000]) {
      const found = await pieces(web, "/api/jobs/x/output?stream=stdout", limit);
      assert.equal(found.join(""), text);
      for (const piece of found) assert.doesNotMatch(piece, /\ufffd/);
    }
    const stderr = await web.get("/api/jobs/x/output?stream=stderr");
    assert.deepEqual([stderr.text, stderr.size, stderr.is_complete], ["err\n", 4, true]);
    const tail = await web.get("/api/jobs/x/output?tail=6");
    assert.deepEqual([tail.text, tail.is_complete], ["😀\n", true]);
  }));

Deno.test("output: while the command is running, what has come is there, and more may come", () =>
  WebServer.use(async (web) => {
    const gate = `${web.home.dir}/go`;
    await web.home.enqueue({
      id: "x",
      command: `echo one; until [ -e ${gate} ]; do sleep 0.02; done; echo two`,
    });
    const none = await web.get("/api/jobs/x/output");
    assert.deepEqual([none.attempt_id, none.text, none.is_complete], [null, "", false]);
    await web.home.startWorkers(1);
    await web.home.untilJob("x", "processing");
    let first = await web.get("/api/jobs/x/output");
    while (first.text === "") first = await web.get("/api/jobs/x/output");
    assert.deepEqual([first.text, first.is_complete], ["one\n", false]);
    await Deno.writeTextFile(gate, "");
    await web.home.untilJob("x", "completed");
    const rest = await web.get(`/api/jobs/x/output?offset=${first.next_offset}`);
    assert.deepEqual([rest.text, rest.is_complete], ["two\n", true]);
  }));

Deno.test("output: of each attempt by its id, the last one if none is named", () =>
  WebServer.use(async (web) => {
    const command = `echo "attempt $QUEUECTL_ATTEMPT"; exit 1`;
    await web.home.enqueue({ id: "x", command, max_retries: 2, backoff_base: 0 }, {
      id: "y",
      command: "true",
    });
    await web.home.startWorkers(1);
    await web.home.untilJob("x", "dead");
    const { attempts } = await web.get("/api/jobs/x/attempts");
    assert.equal((await web.get("/api/jobs/x/output")).text, "attempt 2\n");
    const first = await web.get(`/api/jobs/x/output?attempt_id=${attempts[0].id}`);
    assert.deepEqual([first.text, first.attempt, first.attempt_id], ["attempt 1\n", 1, attempts[0].id]);
    // Of another job's attempt nothing is told.
    assert.equal((await web.ask(`/api/jobs/y/output?attempt_id=${attempts[0].id}`)).status, 404);
  }));

Deno.test("output: the whole of it is a file to keep, never a page", () =>
  WebServer.use(async (web) => {
    const html = "<script>alert(1)</script>";
    await web.home.enqueue({ id: "x", command: `echo '${html}'; head -c 300000 /dev/zero | tr '\\0' x` });
    await web.home.startWorkers(1);
    await web.home.untilJob("x", "completed");
    const { text, headers } = await web.ask("/api/jobs/x/output/raw");
    assert.equal(text.length, html.length + 1 + 300_000);
    assert.match(headers.get("content-type")!, /^text\/plain/);
    assert.match(headers.get("content-disposition")!, /^attachment; filename="[\w.-]+"$/);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    const piece = await web.get("/api/jobs/x/output");
    assert.equal(piece.text.length, 65_536);
  }));

Deno.test("output: a piece that would be too long or no number is refused", () =>
  WebServer.use(async (web) => {
    await web.home.enqueue({ id: "x", command: "true" });
    for (const query of ["limit=300000", "limit=3", "offset=-1", "tail=0", "stream=log", "attempt_id=x"]) {
      assert.equal((await web.ask(`/api/jobs/x/output?${query}`)).status, 400, query);
    }
  }));

Deno.test("decodePiece: bytes that are no text never keep it from going on", () => {
  const bytes = new Uint8Array([0xff, 0xf0, 0x9f, 0x98, 0x80, 0xc3]);
  const open = decodePiece(bytes, { isStart: true, isEnd: false });
  assert.deepEqual(open, { text: "\ufffd😀", skipped: 0, used: 5 });
  assert.equal(decodePiece(bytes, { isStart: true, isEnd: true }).used, 6);
  assert.deepEqual(decodePiece(bytes.subarray(2), { isStart: false, isEnd: true }), {
    ...{ text: "\ufffd", skipped: 3, used: 1 },
  });
  // The first byte of a character waits for the others, unless nothing more can come.
  assert.equal(decodePiece(new Uint8Array([0xf0]), { isStart: true, isEnd: false }).used, 0);
  assert.equal(decodePiece(new Uint8Array([0xf0]), { isStart: true, isEnd: true }).used, 1);
});
