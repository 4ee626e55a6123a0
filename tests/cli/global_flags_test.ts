import assert from "node:assert/strict";
import { denoDir } from "../harness/program.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { enqueueEveryState } from "./every_state.ts";
import { assertRefused } from "./refusal.ts";
import { callOnTerminal } from "./terminal.ts";

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

Deno.test("--home: before or behind the command, it wins over QUEUECTL_HOME", () =>
  TemporaryHome.use(async (home) => {
    const other = `${home.dir}/other`;
    await home.run("--home", other, "enqueue", '{"id": "a", "command": "true"}');
    assert.deepEqual(await home.json("list"), []);
    assert.equal((await home.json("list", "--home", other)).length, 1);
    assert.equal((await home.json("list", `--home=${other}`)).length, 1);
  }));

Deno.test("--home: a relative folder is the one below here", () =>
  TemporaryHome.use(async (home) => {
    await home.run("init-db", "--home", "below");
    assert.ok(await exists(`${home.dir}/below/queue.db`));
    await home.call(["init-db"], { env: { QUEUECTL_HOME: "beside" } });
    assert.ok(await exists(`${home.dir}/beside/queue.db`));
  }));

Deno.test("--home: without it and QUEUECTL_HOME everything is in ~/.queuectl", () =>
  TemporaryHome.use(async (home) => {
    const env = { QUEUECTL_HOME: "", HOME: home.dir, DENO_DIR: denoDir() };
    const { code, stderr } = await home.call(["init-db"], { env });
    assert.equal(code, 0, stderr);
    assert.ok(await exists(`${home.dir}/.queuectl/queue.db`));
    assert.equal((await Deno.stat(`${home.dir}/.queuectl`)).mode! & 0o777, 0o700);
  }));

Deno.test("--home: a user without HOME is told what to give", () =>
  TemporaryHome.use(async (home) => {
    const env = { QUEUECTL_HOME: "", HOME: "", DENO_DIR: denoDir() };
    assertRefused(await home.call(["list"], { env }), 2, /HOME is not set/);
  }));

Deno.test("--db: keeps the store alone elsewhere, and wins over QUEUECTL_DB", () =>
  TemporaryHome.use(async (home) => {
    const [flagged, named] = [`${home.dir}/flag.db`, `${home.dir}/variable.db`];
    await home.run("--db", flagged, "enqueue", '{"id": "a", "command": "true"}');
    assert.ok(await exists(flagged));
    assert.ok(!await exists(`${home.dir}/queue.db`));
    const env = { QUEUECTL_DB: named };
    await home.call(["enqueue", '{"id": "b", "command": "true"}'], { env });
    await home.call(["enqueue", '{"id": "c", "command": "true"}', "--db", flagged], { env });
    const ids = async (file: string) =>
      (await home.json("list", "--db", file)).map((job: { id: string }) => job.id);
    assert.deepEqual(await ids(flagged), ["a", "c"]);
    assert.deepEqual(await ids(named), ["b"]);
  }));

Deno.test("--db: workers and logs work with a store elsewhere", () =>
  TemporaryHome.use(async (home) => {
    const db = ["--db", `${home.dir}/elsewhere/jobs.db`];
    await home.run(...db, "enqueue", '{"id": "a", "command": "echo hello"}');
    await home.startWorkers(1, ...db);
    assert.equal(await home.run(...db, "logs", "a", "--follow"), "hello\n");
    assert.ok(await exists(`${home.dir}/logs`));
    assert.match(await home.run(...db, "worker", "stop"), /Stopped 1 worker/);
  }));

Deno.test("--json: every command that reads or changes prints one JSON document and nothing else", () =>
  TemporaryHome.use(async (home) => {
    await enqueueEveryState(home);
    const commands = [
      ...["list", "status", "status dead", "get dead", "logs dead", "output get failed", "history"],
      ...["history dead", "dlq list", "dlq show dead", "worker list", "worker status", "config list"],
      ...["config show", "config get max_retries", "--version", "retry completed", "cancel pending"],
      ...["dlq retry dead", "config set max_retries 4", "config reset max_retries", "init-db"],
      ...["clear --state cancelled", "worker stop --force"],
    ];
    for (const command of commands) {
      const { code, stdout, stderr } = await home.call(["--json", ...command.split(" ")]);
      assert.equal(code, 0, `${command}: ${stderr}`);
      assert.doesNotThrow(() => JSON.parse(stdout), `${command} printed ${stdout}`);
    }
  }));

Deno.test("--json: an error leaves stdout empty", () =>
  TemporaryHome.use(async (home) => {
    assertRefused(await home.call(["--json", "get", "nope"]), 3, /no job nope/);
    assertRefused(await home.call(["enqueue", "{", "--json"]), 2, /not JSON/);
  }));

Deno.test("--quiet: silences talk but no result and no error", () =>
  TemporaryHome.use(async (home) => {
    const nothing = await home.call(["list", "--quiet"]);
    assert.deepEqual([nothing.code, nothing.stdout, nothing.stderr], [0, "", ""]);
    assert.match(await home.run("--quiet", "status"), /^Total: 0$/m);
    assertRefused(await home.call(["get", "nope", "--quiet"]), 3, /no job nope/);
  }));

Deno.test("--version: prints the versions of queuectl, Deno and SQLite", () =>
  TemporaryHome.use(async (home) => {
    const printed = await home.run("--version");
    assert.match(printed, /^queuectl \d+\.\d+\.\d+ \(Deno \d+\.\d+\.\d+, SQLite \d+\.\d+\.\d+\)\n$/);
    assert.equal(await home.run("-V"), printed);
    const versions = await home.json("--version");
    assert.ok(printed.includes(versions.deno) && printed.includes(versions.sqlite));
    assert.ok(!await exists(`${home.dir}/queue.db`));
  }));

Deno.test("NO_COLOR: without it a terminal gets colours, with it none, and a pipe never", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "true" });
    const onTerminal = async (env: Record<string, string>) =>
      (await callOnTerminal(home, ["list"], { env })).screen.includes("\x1b[");
    assert.equal(await onTerminal({}), true);
    assert.equal(await onTerminal({ NO_COLOR: "1" }), false);
    assert.ok(!(await home.call(["list"], { env: { NO_COLOR: "" } })).stdout.includes("\x1b"));
  }));
