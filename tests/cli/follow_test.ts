import assert from "node:assert/strict";
import { programCommand, start } from "../harness/program.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { waitFor } from "../harness/wait_for.ts";
import { GATED } from "./every_state.ts";
import { assertRefused } from "./refusal.ts";
import { callOnTerminal } from "./terminal.ts";

/** A `logs -f` that goes on while the test does something else. */
class Following {
  readonly #child: Deno.ChildProcess;
  readonly #done: Promise<unknown>;
  stdout = "";
  stderr = "";

  constructor(home: TemporaryHome, ...args: string[]) {
    this.#child = start(home.dir, ["logs", "-f", ...args]);
    this.#done = Promise.all([
      this.#collect(this.#child.stdout, (text) => this.stdout += text),
      this.#collect(this.#child.stderr, (text) => this.stderr += text),
    ]);
  }

  async #collect(stream: ReadableStream<Uint8Array>, add: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stream) add(decoder.decode(bytes, { stream: true }));
  }

  async until(text: string): Promise<void> {
    await waitFor(`"${text}" in the log`, () => `${this.stdout}${this.stderr}`.includes(text));
  }

  /** Waits for its own end, which must be a good one. */
  async ended(): Promise<void> {
    await Promise.all([this.#done, this.#child.stdin.close()]);
    assert.equal((await this.#child.status).code, 0, this.stderr);
  }
}

/** A command that waits until there is a file of this name. */
function until(name: string): string {
  return GATED.replace("release", name);
}

async function touch(home: TemporaryHome, name: string): Promise<void> {
  await Deno.writeTextFile(`${home.dir}/${name}`, "");
}

function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("---")).toSorted();
}

Deno.test("logs -f: lines of several jobs come with their ids, those of stderr on stderr", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue(
      { id: "a", command: `echo one; echo oops >&2; ${GATED}; echo two` },
      { id: "job-b", command: `echo uno; ${GATED}; echo dos` },
    );
    await home.startWorkers(1, "--concurrency", "2");
    const following = new Following(home, "a", "job-b");
    await following.until("uno");
    await following.until("oops");
    await touch(home, "release");
    await following.ended();
    assert.deepEqual(linesOf(following.stdout), ["a     | one", "a     | two", "job-b | dos", "job-b | uno"]);
    assert.deepEqual(linesOf(following.stderr), ["a     ! oops"]);
  }));

Deno.test("logs -f: a line that comes in pieces is not torn by another job's, nor by stderr", () =>
  TemporaryHome.use(async (home) => {
    const command = (id: string) =>
      `printf '${id}-begin'; ${until("first")}; echo ${id}-err >&2; ${until(`${id}-go`)}; echo ' end'`;
    await home.enqueue(...["a", "b"].map((id) => ({ id, command: command(id) })));
    await home.startWorkers(1, "--concurrency", "2");
    const [both, one] = [new Following(home, "a", "b"), new Following(home, "a")];
    await touch(home, "first");
    for (const following of [both, one]) await following.until("a-err");
    await touch(home, "b-go");
    await both.until("b-begin end");
    await touch(home, "a-go");
    for (const following of [both, one]) await following.ended();
    assert.deepEqual(linesOf(both.stdout), ["a | a-begin end", "b | b-begin end"]);
    assert.equal(one.stdout, "a-err\na-begin end\n");
  }));

Deno.test("logs -f --queue: jobs that come later are joined, other queues are not, and it ends with the jobs", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue(
      { id: "m1", queue: "mail", command: `echo first; ${GATED}` },
      { id: "x1", queue: "other", command: `echo hidden; ${until("never")}` },
    );
    await home.startWorkers(1, "--concurrency", "4");
    const following = new Following(home, "--queue", "mail");
    await following.until("m1 | first");
    await home.enqueue({ id: "m2", queue: "mail", command: "echo second" });
    await following.until("m2 | second");
    await touch(home, "release");
    await following.ended();
    assert.deepEqual(linesOf(following.stdout), ["m1 | first", "m2 | second"]);
  }));

Deno.test("logs -f: without an id all jobs, and without a job it ends at once", () =>
  TemporaryHome.use(async (home) => {
    const idle = new Following(home);
    await idle.ended();
    assert.equal(idle.stdout, "");
    await home.enqueue({ id: "a", command: "echo hello" }, { id: "b", queue: "q", command: "echo hello" });
    const following = new Following(home, "--all");
    await home.startWorkers(1);
    await following.ended();
    assert.deepEqual(linesOf(following.stdout), ["a | hello", "b | hello"]);
  }));

Deno.test("logs -f: the next attempts of a job are followed, however short, and announced on stderr", () =>
  TemporaryHome.use(async (home) => {
    const command = `echo "attempt $QUEUECTL_ATTEMPT"; ${GATED}; exit 1`;
    const job = { command, max_retries: 4, backoff_base: 0 };
    await home.enqueue({ id: "a", ...job }, { id: "b", ...job });
    await home.startWorkers(1, "--concurrency", "2");
    const following = new Following(home, "--all");
    for (const id of ["a", "b"]) await following.until(`${id} | attempt 1`);
    await touch(home, "release");
    await following.ended();
    const expected = ["a", "b"].flatMap((id) => [1, 2, 3, 4].map((number) => `${id} | attempt ${number}`));
    assert.deepEqual(linesOf(following.stdout), expected);
    for (const id of ["a", "b"]) {
      assert.match(following.stderr, new RegExp(`^--- ${id}: attempt 4 ---$`, "m"));
    }
  }));

Deno.test("logs -f: misses none of many jobs that end as soon as they have begun", () =>
  TemporaryHome.use(async (home) => {
    const ids = Array.from({ length: 300 }, (_, index) => `job${index}`);
    await home.enqueue(...ids.map((id) => ({ id, command: `echo ${id}` })));
    const following = new Following(home, "--all");
    await home.startWorkers(1, "--concurrency", "4");
    await following.ended();
    const shown = linesOf(following.stdout).map((line) => line.split(" | ")[1]);
    assert.deepEqual(shown, ids.toSorted());
  }));

Deno.test("logs -f: ends when what it follows is cancelled, or is deleted", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue(
      { id: "a", command: "echo begun; exit 1", backoff_base: 1000 },
      { id: "b", command: "true", run_at: "2999-01-01T00:00:00Z" },
    );
    await home.startWorkers(1);
    await home.untilJob("a", "failed");
    const following = new Following(home, "a", "b");
    await following.until("begun"); // it has found both
    await home.run("cancel", "a");
    await home.run("clear", "--yes");
    await following.ended();
  }));

Deno.test("logs -f: follows many more jobs than it may have open files", () =>
  TemporaryHome.use(async (home) => {
    await new Deno.Command("mkfifo", { args: [`${home.dir}/gate`] }).output();
    const ids = Array.from({ length: 40 }, (_, index) => `job${index}`);
    await home.enqueue(...ids.map((id) => ({ id, command: "echo begun; cat gate; echo ended" })));
    await home.startWorkers(2, "--concurrency", "20");
    await waitFor("all to run", async () => (await home.json("status")).jobs.processing === ids.length);
    await touch(home, "log");
    const child = new Deno.Command("/bin/sh", {
      args: ["-c", 'ulimit -n 45; exec "$@" >log', "sh", ...programCommand(), "logs", "-f", "--all"],
      cwd: home.dir,
      env: { QUEUECTL_HOME: home.dir, QUEUECTL_DB: "" },
      stderr: "piped",
    }).spawn();
    const linesSoFar = async () => (await Deno.readTextFile(`${home.dir}/log`)).trimEnd().split("\n");
    await waitFor("all first lines", async () => (await linesSoFar()).length === ids.length);
    // Whoever reads the gate goes on when a writer has come and gone.
    const release = "timeout 1 sh -c ': >gate'";
    await waitFor("all to end", async () => {
      await new Deno.Command("/bin/sh", { args: ["-c", release], cwd: home.dir }).output();
      return (await home.json("status")).jobs.completed === ids.length;
    });
    const { code, stderr } = await child.output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    const lines = await linesSoFar();
    for (const id of ids) {
      assert.equal(lines.filter((line) => line.split(" ")[0] === id).length, 2, id);
    }
  }));

/** Two finished jobs with some lines each. */
async function twoFinished(home: TemporaryHome): Promise<void> {
  await home.enqueue(
    { id: "a", command: "seq 1 5; echo oops >&2" },
    { id: "b", command: "printf 'x\\ny\\nunended'" },
  );
  await home.startWorkers(1);
  for (const id of ["a", "b"]) await home.untilJob(id, "completed");
}

Deno.test("logs --tail: the last lines of each stream, an unfinished one included", () =>
  TemporaryHome.use(async (home) => {
    await twoFinished(home);
    assert.equal(await home.run("logs", "a", "--tail", "2"), "4\n5\noops\n");
    assert.equal(await home.run("logs", "b", "--tail", "2"), "y\nunended");
    assert.equal(await home.run("logs", "b", "--tail", "99"), "x\ny\nunended");
    assert.equal(await home.run("logs", "b", "--tail", "0"), "");
    assert.equal((await home.json("logs", "a", "--tail", "1")).stdout, "5\n");
    const many = await home.call(["logs", "a", "b", "--tail", "1"]);
    assert.deepEqual([many.stdout, many.stderr], ["a | 5\nb | unended\n", "a ! oops\n"]);
    assertRefused(await home.call(["logs", "a", "--tail", "-1"]), 2, /--tail/);
  }));

Deno.test("logs --tail: finds the last lines of a large output", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "seq 1 200000" });
    await home.startWorkers(1);
    await home.untilJob("a", "completed");
    const lines = (await home.run("logs", "a", "--tail", "30000")).trimEnd().split("\n");
    assert.deepEqual([lines.length, lines[0], lines.at(-1)], [30_000, "170001", "200000"]);
  }));

Deno.test("logs --since: all attempts that ran since then", () =>
  TemporaryHome.use(async (home) => {
    const command = 'echo "attempt $QUEUECTL_ATTEMPT"; exit 1';
    await home.enqueue({ id: "a", command, max_retries: 3, backoff_base: 0 });
    await home.startWorkers(1);
    await home.untilJob("a", "dead");
    assert.equal(await home.run("logs", "a", "--since", "1h"), "attempt 1\nattempt 2\nattempt 3\n");
    assert.equal(await home.run("logs", "-f", "a", "--since", "1h"), "attempt 1\nattempt 2\nattempt 3\n");
    assert.equal((await home.json("logs", "a", "--since", "1h")).length, 3);
    const later = new Date(Date.now() + 60_000).toISOString();
    assert.equal(await home.run("logs", "a", "--since", later), "");
    assertRefused(await home.call(["logs", "a", "--since", "yesterday"]), 2, /--since "yesterday"/);
    const bare = await home.call(["logs", "-f", "a", "--since", "2030"]);
    assertRefused(bare, 2, /--since "2030": a bare number/);
    assert.match(bare.stderr, /^Try: --since 2030s, or a time such as/m);
  }));

Deno.test("logs --timestamps: each line with the time when it was seen", () =>
  TemporaryHome.use(async (home) => {
    const before = Date.now();
    await home.enqueue({ id: "a", command: `echo one; ${GATED}; echo two` });
    await home.startWorkers(1);
    const following = new Following(home, "a", "--timestamps");
    await following.until("one");
    const between = Date.now();
    await touch(home, "release");
    await following.ended();
    const times = following.stdout.trimEnd().split("\n").map((line) => {
      const [, time, text] = /^(\S+Z) (one|two)$/.exec(line) ?? assert.fail(line);
      return { time: Date.parse(time!), text };
    });
    assert.deepEqual(times.map(({ text }) => text), ["one", "two"]);
    assert.ok(times[0]!.time >= before - 1000 && times[0]!.time <= between, following.stdout);
    assert.ok(times[1]!.time >= between && times[1]!.time <= Date.now(), following.stdout);
  }));

Deno.test("logs --json: of several jobs one array; followed, one of their lines", () =>
  TemporaryHome.use(async (home) => {
    await twoFinished(home);
    assert.deepEqual((await home.json("logs", "a", "b")).map((one: { job: string }) => one.job), ["a", "b"]);
    assert.equal((await home.json("logs", "--all", "--stdout"))[1].stdout, "x\ny\nunended");
    const lines = await home.json("logs", "-f", "b");
    assert.deepEqual(lines.map((one: { line: string }) => one.line), ["x", "y", "unended"]);
    assert.deepEqual([lines[0].job, lines[0].attempt, lines[0].stream], ["b", 1, "stdout"]);
    assert.deepEqual(await home.json("logs", "-f", "--all"), []);
  }));

Deno.test("logs: on a terminal ids have colours, with NO_COLOR none, and jobs can't write prefixes", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue(
      { id: "a", command: "printf '\\033[31mred\\n\\rb | faked\\n'" },
      { id: "b", command: "echo oops >&2" },
    );
    await home.startWorkers(1);
    await home.untilJob("b", "completed");
    await home.untilJob("a", "completed");
    const coloured = (await callOnTerminal(home, ["logs", "a", "b"])).screen.replaceAll("\x1b", "ESC");
    assert.ok(coloured.includes("ESC[31mredESC[0m\n"), "a colour runs into the next line");
    assert.match(coloured, /^ESC\[\d+maESC\[0m \| .*$/m);
    assert.match(coloured, /^ESC\[\d+mbESC\[0m ESC\[31m!ESC\[0m oops$/m);
    const plain = (await callOnTerminal(home, ["logs", "a", "b"], { env: { NO_COLOR: "1" } })).screen;
    assert.match(plain, /^a \| \\rb \| faked$/m);
    assert.match(plain, /^b ! oops$/m);
  }));

Deno.test("logs: what doesn't go together is refused", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "true" }, { id: "b", command: "true" });
    assertRefused(await home.call(["logs"]), 2, /no job to show/);
    assertRefused(await home.call(["logs", "a", "--all"]), 2, /together/);
    assertRefused(await home.call(["logs", "--queue", "q", "--all"]), 2, /together/);
    assertRefused(await home.call(["logs", "a", "b", "--attempt", "1"]), 2, /one job/);
    assertRefused(await home.call(["logs", "-f", "a", "--path"]), 2, /together/);
  }));
