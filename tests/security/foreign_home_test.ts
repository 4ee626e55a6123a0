/**
 * A home that somebody else controls is refused, before anything in it is read or written.
 */

import assert from "node:assert/strict";
import { assertRefused } from "../cli/refusal.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";

const NOBODY = 65_534;
/** Giving a folder away needs root. */
const IS_ROOT = Deno.uid() === 0;

/** What a call of the program must not have done: the names below a folder. */
function namesIn(dir: string): string[] {
  return [...Deno.readDirSync(dir)].map((entry) => entry.name).toSorted();
}

const COMMANDS = [["list"], ["enqueue", "--", "true"], ["worker", "start"], ["status"], ["config", "list"]];

Deno.test({
  name: "home: a folder of somebody else is refused, and nothing is created in it (needs root)",
  ignore: !IS_ROOT,
  fn: () =>
    TemporaryHome.use(async (home) => {
      const dir = `${home.dir}/theirs`;
      await Deno.mkdir(dir, { mode: 0o777 });
      await Deno.chown(dir, NOBODY, NOBODY);
      for (const args of COMMANDS) {
        const result = await home.call(args, { env: { QUEUECTL_HOME: dir } });
        assertRefused(result, 5, /belongs to another user/);
        assert.deepEqual(namesIn(dir), []);
      }
    }),
});

Deno.test({
  name: "home: a folder of ours that is reached through somebody else's link is refused (needs root)",
  ignore: !IS_ROOT,
  fn: () =>
    TemporaryHome.use(async (home) => {
      const [target, link] = [`${home.dir}/ours`, `${home.dir}/link`];
      await Deno.mkdir(target, { mode: 0o700 });
      await Deno.symlink(target, link);
      await giveLinkAway(link);
      for (const args of COMMANDS) {
        const result = await home.call(args, { env: { QUEUECTL_HOME: link } });
        assertRefused(result, 5, /another user/);
        assert.deepEqual(namesIn(target), []);
      }
    }),
});

Deno.test({
  name: "home: a link of somebody else further up on the way to it is refused, too (needs root)",
  ignore: !IS_ROOT,
  fn: () =>
    TemporaryHome.use(async (home) => {
      const [target, link] = [`${home.dir}/ours`, `${home.dir}/link`];
      await Deno.mkdir(`${target}/home`, { recursive: true, mode: 0o700 });
      await Deno.symlink(target, link);
      await giveLinkAway(link);
      const result = await home.call(["enqueue", "--", "true"], { env: { QUEUECTL_HOME: `${link}/home` } });
      assertRefused(result, 5, /another user/);
      assert.deepEqual(namesIn(`${target}/home`), []);
    }),
});

Deno.test("home: a link of our own to a folder of our own is accepted", () =>
  TemporaryHome.use(async (home) => {
    await Deno.mkdir(`${home.dir}/ours`, { mode: 0o700 });
    await Deno.symlink(`${home.dir}/ours`, `${home.dir}/link`);
    const result = await home.call(["enqueue", "--", "true"], { env: { QUEUECTL_HOME: `${home.dir}/link` } });
    assert.equal(result.code, 0, result.stderr);
    assert.ok(namesIn(`${home.dir}/ours`).includes("queue.db"));
  }));

/** Changes the owner of the link itself, which Deno can't. */
async function giveLinkAway(link: string): Promise<void> {
  const { success } = await new Deno.Command("chown", { args: ["-h", String(NOBODY), link] }).output();
  assert.ok(success, `The link ${link} can't be given away`);
}
