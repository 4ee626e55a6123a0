import assert from "node:assert/strict";
import { programCommand, start } from "../harness/program.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { waitFor } from "../harness/wait_for.ts";
import { GATED } from "./every_state.ts";
import { firstLineOf } from "./pipe.ts";
import { assertRefused } from "./refusal.ts";

/** Enqueues one job, runs it to the state, and leaves the worker idle. */
async function finished(home: TemporaryHome, job: { command: string }, state = "completed"): Promise<void> {
  await home.enqueue({ id: "job1", max_retries: 1, ...job });
  await home.startWorkers(1);
  await home.untilJob("job1", state);
}

/** A `logs` that goes on while the test does something else. */
class Following {
  readonly #child: Deno.ChildProcess;
  readonly #done: Promise<void>;
  text = "";

  constructor(home: TemporaryHome, ...args: string[]) {
    this.#child = start(home.dir, ["logs", ...args]);
    this.#done = this.#collect();
  }

  async #collect(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of this.#child.stdout) this.text += decoder.decode(bytes, { stream: true });
  }

  async until(text: string): Promise<void> {
    await waitFor(`"${text}" in the log`, () => this.text.includes(text));
  }

  /** Waits for its own end; returns the exit status. */
  async ended(): Promise<number> {
    await Promise.all([this.#done, this.#child.stdin.close(), new Response(this.#child.stderr).text()]);
    return (await this.#child.status).code;
  }
}

Deno.test("logs: prints what a job wrote to stdout and stderr", () =>
  TemporaryHome.use(async (home) => {
    await finished(home, { command: "echo hello; echo oops >&2" });
    assert.equal(await home.run("logs", "job1"), "hello\noops\n");
  }));

/** What both streams of a call look like where they end up in the same place, as on a terminal. */
async function together(home: TemporaryHome, ...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command("/bin/sh", {
    args: ["-c", '"$@" 2>&1', "sh", ...programCommand(), ...args],
    env: { QUEUECTL_HOME: home.dir, QUEUECTL_DB: "" },
  }).output();
  return new TextDecoder().decode(stdout);
}

Deno.test("logs: what follows a line without a newline begins on a line of its own", () =>
  TemporaryHome.use(async (home) => {
    const command = "printf hello; printf oops >&2; exit 1";
    await home.enqueue({ id: "job1", command, max_retries: 2, backoff_base: 0 });
    await home.startWorkers(1);
    await home.untilJob("job1", "dead");
    const attempt = "hello\n--- stderr ---\noops";
    assert.equal(await together(home, "logs", "job1"), attempt);
    assert.equal(
      await together(home, "logs", "job1", "--since", "1h"),
      `${attempt}\n--- attempt 2 ---\n${attempt}`,
    );
    assert.equal(await home.run("logs", "job1", "--stdout"), "hello");
    const lines = await home.json("logs", "-f", "job1", "--since", "1h");
    assert.deepEqual(lines.map(({ line }: { line: string }) => line), ["hello", "oops", "hello", "oops"]);
  }));

Deno.test("logs --timestamps: what was printed before has the time of then, its last line included", () =>
  TemporaryHome.use(async (home) => {
    // More than is read at once, and an end without a newline.
    await finished(home, { command: "seq 1 300000; printf end; echo oops >&2" });
    for (const path of (await home.run("logs", "job1", "--path")).trim().split("\n")) {
      await Deno.utime(path, 1_000_000_000, 1_000_000_000);
    }
    for (const flags of [[], ["-f"], ["--since", "1h"]]) {
      const lines = (await home.run("logs", "job1", "--timestamps", ...flags)).trimEnd().split("\n");
      assert.deepEqual([...new Set(lines.map((line) => line.split(" ")[0]))], ["2001-09-09T01:46:40.000Z"]);
      assert.deepEqual(lines.slice(-2).map((line) => line.split(" ")[1]), ["end", "oops"]);
    }
  }));

Deno.test("logs --stdout, --stderr: print one of the two", () =>
  TemporaryHome.use(async (home) => {
    await finished(home, { command: "echo hello; echo oops >&2" });
    assert.equal(await home.run("logs", "job1", "--stdout"), "hello\n");
    assert.equal(await home.run("logs", "job1", "--stderr"), "oops\n");
    assert.equal(await home.run("logs", "job1", "--stdout", "--stderr"), "hello\noops\n");
  }));

Deno.test("logs --json: the output of both streams as one document", () =>
  TemporaryHome.use(async (home) => {
    await finished(home, { command: "printf 'a \"quoted\" line\\n'; echo oops >&2" });
    const expected = { job: "job1", attempt: 1, stdout: 'a "quoted" line\n', stderr: "oops\n" };
    assert.deepEqual(await home.json("logs", "job1"), expected);
  }));

Deno.test("logs --attempt: prints the output of that attempt, and of the last one if absent", () =>
  TemporaryHome.use(async (home) => {
    const command = 'echo "attempt $QUEUECTL_ATTEMPT"; exit 1';
    await home.enqueue({ id: "job1", command, max_retries: 3, backoff_base: 0 });
    await home.startWorkers(1);
    await home.untilJob("job1", "dead");
    for (const attempt of ["1", "2", "3"]) {
      assert.equal(await home.run("logs", "job1", "--attempt", attempt), `attempt ${attempt}\n`);
    }
    assert.equal(await home.run("logs", "job1"), "attempt 3\n");
  }));

Deno.test("logs --attempt: one that there was not exits with 3, what is no number with 2", () =>
  TemporaryHome.use(async (home) => {
    await finished(home, { command: "true" });
    assertRefused(await home.call(["logs", "job1", "--attempt", "2"]), 3, /no attempt 2/);
    assertRefused(await home.call(["logs", "job1", "--attempt", "last"]), 2, /attempt last/);
  }));

Deno.test("logs --path: prints the paths of the files, which hold the output", () =>
  TemporaryHome.use(async (home) => {
    await finished(home, { command: "echo hello; echo oops >&2" });
    const [out, err, ...rest] = (await home.run("logs", "job1", "--path")).split("\n");
    assert.deepEqual(rest, [""]);
    assert.equal(await Deno.readTextFile(out!), "hello\n");
    assert.equal(await Deno.readTextFile(err!), "oops\n");
    assert.equal(await home.run("logs", "job1", "--path", "--stderr"), `${err}\n`);
    assert.ok(out!.startsWith(`${home.dir}/logs/`), out);
    assert.equal((await Deno.stat(out!)).mode! & 0o777, 0o600);
  }));

Deno.test("logs --path --json: the paths are one JSON document", () =>
  TemporaryHome.use(async (home) => {
    await finished(home, { command: "echo hello" });
    const [out, err] = (await home.run("logs", "job1", "--path")).split("\n");
    const document = JSON.stringify(await home.json("logs", "job1", "--path"));
    assert.ok(document.includes(out!) && document.includes(err!), document);
  }));

Deno.test("logs: a job that has not begun prints nothing and says so on stderr", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "job1", command: "true" });
    const { code, stdout, stderr } = await home.call(["logs", "job1"]);
    assert.deepEqual([code, stdout], [0, ""]);
    assert.match(stderr, /job1 is pending and has printed nothing/);
    assert.deepEqual(await home.json("logs", "job1"), { job: "job1", attempt: null, stdout: "", stderr: "" });
  }));

Deno.test("logs: an unknown job exits with 3", () =>
  TemporaryHome.use(async (home) => {
    assertRefused(await home.call(["logs", "nope"]), 3, /no job nope/);
    assertRefused(await home.call(["logs", "nope", "--follow"]), 3, /no job nope/);
  }));

Deno.test("logs: a pipe gets the bytes of a job as they are", () =>
  TemporaryHome.use(async (home) => {
    await finished(home, { command: "printf '\\000\\377\\033[2J\\r\\n\\200 end'" });
    const child = start(home.dir, ["logs", "job1", "--stdout"]);
    const [{ stdout }] = await Promise.all([child.output(), child.stdin.close()]);
    const bytes = [0, 0xff, 0x1b, 0x5b, 0x32, 0x4a, 0x0d, 0x0a, 0x80, 0x20, 0x65, 0x6e, 0x64];
    assert.deepEqual([...stdout], bytes);
  }));

Deno.test("logs: a large output is printed whole", () =>
  TemporaryHome.use(async (home) => {
    await finished(home, { command: "seq 1 200000" });
    const lines = (await home.run("logs", "job1")).trimEnd().split("\n");
    assert.equal(lines.length, 200_000);
    assert.equal(lines.at(-1), "200000");
  }));

Deno.test("logs: ends quietly when its reader has had enough", () =>
  TemporaryHome.use(async (home) => {
    await finished(home, { command: "seq 1 200000" });
    assert.deepEqual(await firstLineOf(home, "logs", "job1"), { line: "1\n", code: 0, stderr: "" });
    const followed = await firstLineOf(home, "logs", "job1", "--follow");
    assert.deepEqual(followed, { line: "1\n", code: 0, stderr: "" });
  }));

Deno.test("logs: the output of a running job is there at once", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "job1", command: `echo begun; ${GATED}` });
    await home.startWorkers(1);
    await waitFor("the first line", async () => (await home.run("logs", "job1")) === "begun\n");
    assert.equal((await home.json("get", "job1")).state, "processing");
  }));

Deno.test("logs --follow: prints a running job's output as it comes and ends with the job", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "job1", command: `echo one; ${GATED}; echo two; printf 'no newline'` });
    await home.startWorkers(1);
    const following = new Following(home, "job1", "--follow");
    await following.until("one\n");
    assert.equal(following.text, "one\n");
    await Deno.writeTextFile(`${home.dir}/release`, "");
    assert.equal(await following.ended(), 0);
    assert.equal(following.text, "one\ntwo\nno newline");
  }));

Deno.test("logs --follow: waits for a job that has not begun", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "job1", command: "echo late" });
    const following = new Following(home, "job1", "-f");
    await home.startWorkers(1);
    assert.equal(await following.ended(), 0);
    assert.equal(following.text, "late\n");
  }));

Deno.test("logs --follow: goes on through the retries", () =>
  TemporaryHome.use(async (home) => {
    const command = `echo "attempt $QUEUECTL_ATTEMPT"; ${GATED}; exit 1`;
    await home.enqueue({ id: "job1", command, max_retries: 2, backoff_base: 0.3 });
    await home.startWorkers(1);
    const following = new Following(home, "job1", "--follow");
    await following.until("attempt 1");
    await Deno.writeTextFile(`${home.dir}/release`, "");
    assert.equal(await following.ended(), 0);
    assert.equal(following.text, "attempt 1\nattempt 2\n");
  }));

Deno.test("logs --follow: leaves out no attempt, however short they are", () =>
  TemporaryHome.use(async (home) => {
    const command = `echo "attempt $QUEUECTL_ATTEMPT"; ${GATED}; exit 1`;
    await home.enqueue({ id: "job1", command, max_retries: 6, backoff_base: 0 });
    await home.startWorkers(1);
    const following = new Following(home, "job1", "--follow");
    await following.until("attempt 1");
    await Deno.writeTextFile(`${home.dir}/release`, "");
    assert.equal(await following.ended(), 0);
    assert.equal(following.text, [1, 2, 3, 4, 5, 6].map((number) => `attempt ${number}\n`).join(""));
  }));

Deno.test("logs --follow --attempt: ends with that attempt", () =>
  TemporaryHome.use(async (home) => {
    const command = `echo "attempt $QUEUECTL_ATTEMPT"; [ $QUEUECTL_ATTEMPT = 1 ] && exit 1; ${GATED}`;
    await home.enqueue({ id: "job1", command, backoff_base: 0 });
    await home.startWorkers(1);
    await waitFor("the second attempt", async () => (await home.json("get", "job1")).attempts === 2);
    assert.equal(await home.run("logs", "job1", "--follow", "--attempt", "1"), "attempt 1\n");
  }));

Deno.test("logs --follow: a finished job's output is printed and that is all", () =>
  TemporaryHome.use(async (home) => {
    await finished(home, { command: "echo done; exit 1" }, "dead");
    assert.equal(await home.run("logs", "job1", "--follow"), "done\n");
  }));

Deno.test("output get: prints stdout, stderr, exit code and finish time", () =>
  TemporaryHome.use(async (home) => {
    await finished(home, { command: "echo hello; echo oops >&2; exit 3" }, "dead");
    const printed = await home.run("output", "get", "job1");
    for (const part of [/^hello$/m, /^oops$/m, /^Exit code: 3$/m, /^Finished: \d{4}-\d\d-\d\d /m]) {
      assert.match(printed, part);
    }
    const { stdout, stderr, exit_code, finished_at } = await home.json("output", "get", "job1");
    assert.deepEqual([stdout, stderr, exit_code], ["hello\n", "oops\n", 3]);
    assert.ok(Math.abs(Date.now() - Date.parse(finished_at)) < 60_000, finished_at);
  }));

Deno.test("output get: a job that has not finished has no exit code and no finish time", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "job1", command: "true" });
    const { state, exit_code, finished_at } = await home.json("output", "get", "job1");
    assert.deepEqual([state, exit_code, finished_at], ["pending", null, null]);
    assert.match(await home.run("output", "get", "job1"), /^Finished: not yet$/m);
    assertRefused(await home.call(["output", "get", "nope"]), 3, /no job nope/);
  }));
