/**
 * Values from users that look like paths, SQL or shell mean nothing but themselves.
 */

import assert from "node:assert/strict";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { waitFor } from "../harness/wait_for.ts";

const PATHS = [
  "../../x",
  "/etc/passwd",
  "a/b",
  "..",
  ".",
  "~",
  "logs/0/1-1.out",
  "queue.db",
  "-",
  "a\\b",
  "C:\\x",
];
const SQL = [
  `'; DROP TABLE jobs; --`,
  `" OR 1=1 --`,
  `' OR ''='`,
  `a' UNION SELECT claim_token FROM jobs --`,
  `%`,
  `_`,
  `\\`,
  `?1`,
  `:id`,
  `/* */ ; COMMIT;`,
  `NULL`,
  "$(touch injected)",
  "`touch injected`",
  "'; touch injected; '",
];

/** The paths below a folder, sorted. */
function pathsBelow(dir: string, prefix = ""): string[] {
  return [...Deno.readDirSync(dir)].flatMap(({ name, isDirectory }) =>
    isDirectory ? pathsBelow(`${dir}/${name}`, `${prefix}${name}/`) : [prefix + name]
  ).toSorted();
}

/** A job as `get` shows it, whatever its id looks like. */
async function jobOf(home: TemporaryHome, id: string): Promise<{ command: string; state: string }> {
  return JSON.parse(await home.run("get", "--json", "--", id));
}

Deno.test("ids: one that looks like a path names no file, neither in the home nor beside it", () =>
  TemporaryHome.use(async (outer) => {
    const home = `${outer.dir}/deep/home`;
    const call = async (...args: string[]) => {
      const result = await outer.call(["--home", home, ...args]);
      assert.equal(result.code, 0, result.stderr);
      return result.stdout;
    };
    for (const id of PATHS) {
      const job = { id, command: 'printf "%s" "$QUEUECTL_JOB_ID"', queue: id };
      await call("enqueue", JSON.stringify(job));
    }
    await call("worker", "start");
    for (const id of PATHS) {
      const isDone = async () => JSON.parse(await call("get", "--json", "--", id)).state === "completed";
      await waitFor(`${id} to be completed`, isDone);
      assert.equal(await call("logs", "--", id), id);
    }
    await call("worker", "stop");
    // Each is named by numbers that the store gave, whatever folder of `logs/` it is in.
    const output = PATHS.flatMap((_, index) =>
      ["err", "out"].map((end) => `0/${index + 1}-${index + 1}.${end}`)
    );
    const files = pathsBelow(home).filter((path) => !/^queue\.db(-wal|-shm|-turn)?$/.test(path))
      .map((path) => path.replace(/^logs\/([0-9a-f]{16}\/)?/, ""));
    assert.deepEqual(files.toSorted(), [...output, "worker-1.log", "run/wake"].toSorted());
    assert.deepEqual(pathsBelow(outer.dir).filter((path) => !path.startsWith("deep/home/")), []);
    assert.deepEqual(pathsBelow(`${outer.dir}/deep`).filter((path) => !path.startsWith("home/")), []);
    // Deleting a job deletes what it printed and nothing that its id could mean.
    await call("clear", "--yes");
    assert.ok((await Deno.stat("/etc/passwd")).isFile);
    assert.deepEqual(pathsBelow(`${home}/logs`).map((path) => path.split("/").at(-1)), ["worker-1.log"]);
  }));

Deno.test("values: ids, queues, commands and variables that look like SQL come back literally", () =>
  TemporaryHome.use(async (home) => {
    const jobs = SQL.map((text) => ({ id: text, command: `: ${text}`, queue: text, env: { TEXT: text } }));
    await home.enqueue(...jobs);
    const listed: (typeof jobs)[number][] = await home.json("list");
    assert.deepEqual(listed.map(({ id, command, queue, env }) => ({ id, command, queue, env })), jobs);
    for (const text of SQL) {
      assert.equal((await jobOf(home, text)).command, `: ${text}`);
      assert.deepEqual((await home.json("list", "--queue", text)).map((job: { id: string }) => job.id), [
        text,
      ]);
    }
  }));

Deno.test("list --search: what looks like a pattern or SQL finds only where it stands literally", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue(...SQL.map((text, index) => ({ id: `job${index}`, command: `: ${text}` })), {
      id: "plain",
      command: "true",
    });
    for (const text of SQL) {
      const expected = SQL.flatMap((other, index) =>
        `: ${other}`.toLowerCase().includes(text.toLowerCase()) || `job${index}`.includes(text)
          ? [`job${index}`]
          : []
      );
      const found = await home.json("list", "--search", text);
      assert.deepEqual(found.map((job: { id: string }) => job.id), expected, text);
    }
  }));

Deno.test("values: retry, cancel, clear and config with such words change nothing else", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "kept", command: "true" }, { id: SQL[0]!, command: "true" });
    for (const text of SQL.slice(1)) {
      for (const command of [["cancel"], ["retry"], ["get"], ["dlq", "retry"], ["logs"], ["history"]]) {
        assert.notEqual((await home.call([...command, "--", text])).code, 0, `${command} ${text}`);
      }
      assert.notEqual((await home.call(["config", "set", "--", text, text])).code, 0);
    }
    await home.run("cancel", "--", SQL[0]!);
    const states = (await home.json("list")).map((job: { id: string; state: string }) => [job.id, job.state]);
    assert.deepEqual(states, [["kept", "pending"], [SQL[0], "cancelled"]]);
  }));

Deno.test("values: a worker passes ids and variables on to commands without the shell reading them", () =>
  TemporaryHome.use(async (home) => {
    const print = 'printf "%s|%s|%s" "$QUEUECTL_JOB_ID" "$QUEUECTL_QUEUE" "$TEXT"';
    await home.enqueue(
      ...SQL.map((text) => ({ id: text, command: print, queue: text, env: { TEXT: text }, cwd: home.dir })),
    );
    await home.startWorkers(1);
    for (const text of SQL) {
      await waitFor(`${text} to be completed`, async () => {
        return (await jobOf(home, text)).state === "completed";
      });
      assert.equal(await home.run("logs", "--", text), `${text}|${text}|${text}`);
    }
    assert.ok(!pathsBelow(home.dir).includes("injected"));
  }));
