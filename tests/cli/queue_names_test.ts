import assert from "node:assert/strict";
import { TemporaryHome } from "../harness/temporary_home.ts";

const WAITING = [["wait"], ["drain"], ["worker", "start", "--drain"], ["logs", "-f"], ["logs"]];

Deno.test("--queue: where nothing was ever enqueued that is told on stderr, with the nearest name, exit 0", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ command: "true", queue: "builds" });
    for (const command of WAITING) {
      const near = await home.call([...command, "--queue", "biulds"]);
      assert.deepEqual(
        [near.code, near.stderr],
        [0, 'Queue "biulds" has no jobs. Try: --queue builds\n'],
        command.join(" "),
      );
      const far = await home.call([...command, "--queue", "something\x1belse"]);
      assert.deepEqual([far.code, far.stderr], [0, 'Queue "something\\x1belse" has no jobs\n']);
      assert.equal((await home.call([...command, "--queue", "biulds", "--quiet"])).stderr, "");
    }
    assert.equal((await home.json("list"))[0].state, "pending");
  }));

Deno.test("--queue: a queue that had jobs is not taken for a slip when they are gone", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ command: "true", queue: "builds" });
    await home.run("clear", "--yes");
    for (const command of WAITING) {
      assert.equal((await home.call([...command, "--queue", "builds"])).stderr, "", command.join(" "));
    }
  }));

Deno.test("-q: is --queue wherever there is that flag", () =>
  TemporaryHome.use(async (home) => {
    await home.run("enqueue", "-q", "mail", "--id", "a", "--", "echo hello");
    await home.run("enqueue", "--id", "b", "--", "true");
    const ids = (await home.json("list", "-q", "mail")).map(({ id }: { id: string }) => id);
    assert.deepEqual(ids, ["a"]);
    await home.run("worker", "start", "--drain", "-q", "mail");
    assert.equal(await home.run("wait", "-q", "mail"), "0 completed, 0 failed\n");
    assert.equal(await home.run("logs", "-q", "mail"), "a | hello\n");
    assert.equal(await home.run("run", "-q", "mail", "--", "echo more"), "more\n");
    await home.run("drain", "-q", "mail");
    assert.equal((await home.json("get", "b")).state, "pending");
  }));
