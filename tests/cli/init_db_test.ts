import assert from "node:assert/strict";
import { programCommand } from "../harness/program.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";

Deno.test("init-db: creates the store and says where", () =>
  TemporaryHome.use(async (home) => {
    assert.match(await home.run("init-db"), new RegExp(`${home.dir}/queue\\.db$`, "m"));
    const header = (await Deno.readTextFile(`${home.dir}/queue.db`)).slice(0, 15);
    assert.equal(header, "SQLite format 3");
    assert.deepEqual(await home.json("init-db"), { database: `${home.dir}/queue.db` });
  }));

Deno.test("init-db: a second time keeps what is stored", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "true" });
    await home.run("init-db");
    assert.equal((await home.json("list")).length, 1);
  }));

Deno.test("init-db --db: creates the store elsewhere, with the folders on the way", () =>
  TemporaryHome.use(async (home) => {
    const file = `${home.dir}/deep/er/jobs.db`;
    assert.match(await home.run("init-db", "--db", file), new RegExp(`${file}$`, "m"));
    assert.ok((await Deno.stat(file)).isFile);
    await assert.rejects(Deno.stat(`${home.dir}/queue.db`), Deno.errors.NotFound);
  }));

Deno.test("init-db: every command with no store yet creates it", () =>
  TemporaryHome.use(async (home) => {
    for (const [n, args] of [["list"], ["status"], ["history"], ["config", "get", "max_retries"]].entries()) {
      await home.run(...args, "--home", `${home.dir}/home${n}`);
      assert.ok((await Deno.stat(`${home.dir}/home${n}/queue.db`)).isFile);
    }
  }));

Deno.test("init-db: folders are 0700 and files 0600, whatever the umask", () =>
  TemporaryHome.use(async (home) => {
    const dir = `${home.dir}/home`;
    const enqueue = [...programCommand(), "--home", dir, "enqueue", "--command", "true"];
    const script = 'umask 0; exec "$@"';
    const { success } = await new Deno.Command("/bin/sh", { args: ["-c", script, "sh", ...enqueue] })
      .output();
    assert.ok(success);
    const mode = async (path: string) => ((await Deno.stat(path)).mode! & 0o777).toString(8);
    assert.equal(await mode(dir), "700");
    assert.equal(await mode(`${dir}/logs`), "700");
    assert.equal(await mode(`${dir}/run`), "700");
    assert.equal(await mode(`${dir}/queue.db`), "600");
  }));
