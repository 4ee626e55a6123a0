import assert from "node:assert/strict";
import { programCommand } from "../harness/program.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { isGone, waitFor } from "../harness/wait_for.ts";
import { GATED } from "./every_state.ts";
import { assertRefused } from "./refusal.ts";

Deno.test("queuectl: alone it shows the status, and a newcomer what to do", () =>
  TemporaryHome.use(async (home) => {
    const { code, stdout, stderr } = await home.call([]);
    assert.equal(code, 0);
    assert.match(stdout, /^Found 0 active worker\(s\)\nPending: 0\n(.*\n)*Total: 0\n$/);
    assert.match(stderr, /queuectl enqueue -- echo hello\n.*queuectl worker start/);
    assert.deepEqual(await Array.fromAsync(Deno.readDir(home.dir)), [], "it created something");
  }));

Deno.test("queuectl: alone it shows the same as status", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "true" });
    const { stdout, stderr } = await home.call([]);
    assert.equal(stdout, await home.run("status"));
    assert.equal(stderr, "All commands: queuectl --help\n");
    assert.equal((await home.call(["--quiet"])).stderr, "");
    assert.deepEqual(await home.json(), await home.json("status"));
  }));

Deno.test("queuectl: a command of a group, typed alone, is refused with the group's", () =>
  TemporaryHome.use(async (home) => {
    const cures = { start: "queuectl worker start", show: "queuectl dlq show or queuectl config show" };
    for (const [word, cure] of Object.entries(cures)) {
      const result = await home.call([word]);
      assertRefused(result, 2, new RegExp(`no command "${word}"`));
      assert.equal(result.stderr.split("\n")[1], `Try: ${cure}`);
    }
  }));

const NOBODY = /^No worker is alive to run it; to start one: queuectl worker start\n$/;

Deno.test("enqueue: says on stderr if no worker is alive, but not with --quiet or --json", () =>
  TemporaryHome.use(async (home) => {
    assert.match((await home.call(["enqueue", "--", "true"])).stderr, NOBODY);
    for (const flag of ["--quiet", "--json"]) {
      assert.equal((await home.call(["enqueue", flag, "--", "true"])).stderr, "");
    }
    await home.startWorkers(1);
    const { stdout, stderr } = await home.call(["enqueue", "--id", "a", "--", "true"]);
    assert.deepEqual([stdout, stderr], ["Enqueued job a\n", ""]);
  }));

/** Deno 2.4 can't try a lock, and where nobody reaps zombies a pid alone doesn't tell that its process is dead. */
const canTryLocks = !/^2\.[0-4]\./.test(versionOfDeno());

function versionOfDeno(): string {
  const [command, ...args] = programCommand();
  const { stdout } = new Deno.Command(command!, { args: [...args, "--version", "--json"] }).outputSync();
  return JSON.parse(new TextDecoder().decode(stdout)).deno;
}

Deno.test({
  name: `enqueue: a worker that was killed counts as none${canTryLocks ? "" : " (skipped: Deno is too old)"}`,
  ignore: !canTryLocks,
  fn: () =>
    TemporaryHome.use(async (home) => {
      const [killed] = await home.startWorkers(1);
      Deno.kill(killed!, "SIGKILL");
      await waitFor("the worker to be gone", () => isGone(killed!));
      assert.match((await home.call(["enqueue", "--", "true"])).stderr, NOBODY);
    }),
});

Deno.test("enqueue: a worker that was told to stop counts as none", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ command: GATED });
    const [stopping] = await home.startWorkers(1);
    await waitFor("it to run the job", async () => (await home.json("status")).jobs.processing === 1);
    Deno.kill(stopping!, "SIGTERM");
    await waitFor("it to stop", async () => (await home.json("worker", "list")).at(-1).state === "stopping");
    assert.match((await home.call(["enqueue", "--", "true"])).stderr, NOBODY);
    await Deno.writeTextFile(`${home.dir}/release`, "");
  }));

Deno.test("enqueue: says so if the workers that are alive don't serve the queue", () =>
  TemporaryHome.use(async (home) => {
    await home.startWorkers(1, "--queue", "mail");
    assert.equal((await home.call(["enqueue", "--queue", "mail", "--", "true"])).stderr, "");
    const { stderr } = await home.call(["enqueue", "--queue", "my reports", "--", "true"]);
    assert.match(stderr, /serves the queue my reports; .*queuectl worker start --queue 'my reports'\n$/);
  }));
