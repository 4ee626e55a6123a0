import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { start } from "../harness/program.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { waitFor } from "../harness/wait_for.ts";
import { assertRefused } from "./refusal.ts";

/** Whether this user may mount a small file system: root may, most others may not. */
const CAN_MOUNT = canMount();

function canMount(): boolean {
  const dir = Deno.makeTempDirSync();
  try {
    const mounted = new Deno.Command("mount", { args: ["-t", "tmpfs", "tmpfs", dir] }).outputSync().success;
    if (mounted) new Deno.Command("umount", { args: [dir] }).outputSync();
    return mounted;
  } catch {
    return false;
  } finally {
    Deno.removeSync(dir);
  }
}

async function shell(script: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("/bin/sh", { args: ["-c", script, "sh", ...args] })
    .output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

/** Runs `work` with a folder that is a file system of its own, with this much space. */
async function withMount(
  home: TemporaryHome,
  size: string,
  work: (dir: string) => Promise<void>,
): Promise<void> {
  const dir = `${home.dir}/disk`;
  await shell('mkdir "$1" && mount -t tmpfs -o "size=$2,mode=700" tmpfs "$1"', dir, size);
  try {
    await work(dir);
  } finally {
    await shell('umount "$1"', dir);
  }
}

/** Fails unless `args` leave every byte of the file `db` as it is, and say what `says` says. */
async function assertLeftAlone(home: TemporaryHome, db: string, says: RegExp): Promise<void> {
  const before = await Deno.readFile(db);
  const calls = [["list"], ["init-db"], ["enqueue", '{"command": "true"}'], ["clear", "--yes"], [
    "worker",
    "start",
  ]];
  for (const args of calls) {
    assertRefused(await home.call([...args, "--db", db]), 5, says);
    assert.deepEqual(await Deno.readFile(db), before, args[0]);
  }
}

Deno.test("broken store: a home below a file, or that is a file, can't be used and says so", () =>
  TemporaryHome.use(async (home) => {
    await Deno.writeTextFile(`${home.dir}/file`, "precious");
    for (const dir of [`${home.dir}/file/below`, `${home.dir}/file`, "/proc/queuectl"]) {
      assertRefused(
        await home.call(["list", "--home", dir]),
        5,
        new RegExp(`Cannot create the folder ${dir}`),
      );
      assertRefused(await home.call(["enqueue", "--home", dir, "--command", "true"]), 5, /Cannot create/);
    }
    assert.equal(await Deno.readTextFile(`${home.dir}/file`), "precious");
  }));

Deno.test("broken store: a database that is a folder can't be used and says so", () =>
  TemporaryHome.use(async (home) => {
    await Deno.mkdir(`${home.dir}/folder`);
    assertRefused(await home.call(["list", "--db", `${home.dir}/folder`]), 5, /Cannot use .*folder/);
  }));

Deno.test({
  name: "broken store: a home on a read-only disk can't be written and says so",
  ignore: !CAN_MOUNT,
  fn: () =>
    TemporaryHome.use((home) =>
      withMount(home, "4m", async (dir) => {
        await home.run("enqueue", "--home", `${dir}/home`, '{"id": "a", "command": "true"}');
        await shell('mount -o remount,ro "$1"', dir);
        assertRefused(await home.call(["init-db", "--home", `${dir}/new`]), 5, /read-only/i);
        const enqueue = ["enqueue", "--home", `${dir}/home`, '{"command": "true"}'];
        assertRefused(await home.call(enqueue), 5, /read-only/);
        await shell('mount -o remount,rw "$1"', dir);
        assert.equal((await home.json("list", "--home", `${dir}/home`)).length, 1);
      })
    ),
});

Deno.test("broken store: a file that is no database is refused and never written", () =>
  TemporaryHome.use(async (home) => {
    const db = `${home.dir}/letter.txt`;
    await Deno.writeTextFile(db, "Dear Sir or Madam,\n".repeat(500));
    await assertLeftAlone(home, db, /letter\.txt: it is not a database/);
    await Deno.writeTextFile(db, "short");
    await assertLeftAlone(home, db, /letter\.txt: it is not a database/);
  }));

Deno.test("broken store: another program's database is refused and never written", () =>
  TemporaryHome.use(async (home) => {
    const db = `${home.dir}/other.db`;
    const other = new DatabaseSync(db);
    other.exec("CREATE TABLE jobs (id TEXT); INSERT INTO jobs VALUES ('precious')");
    other.close();
    await assertLeftAlone(home, db, /other\.db: it is a database of another program/);
  }));

Deno.test("broken store: one that a newer queuectl wrote is refused with a cure and never written", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "true" });
    const db = new DatabaseSync(`${home.dir}/queue.db`);
    db.exec("PRAGMA user_version = 999; PRAGMA wal_checkpoint(TRUNCATE)");
    db.close();
    await assertLeftAlone(home, `${home.dir}/queue.db`, /newer queuectl \(schema 999/);
    const { stderr } = await home.call(["list"]);
    assert.match(stderr, /^Try: .*newer version/m);
  }));

Deno.test("broken store: a damaged one is told as damaged", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue(...Array.from({ length: 500 }, (_, n) => ({ id: `job${n}`, command: "true" })));
    const file = await Deno.open(`${home.dir}/queue.db`, { write: true });
    const { size } = await file.stat();
    await file.seek(4096, Deno.SeekMode.Start);
    await new Blob([new Uint8Array(size - 4096).fill(0xa5)]).stream().pipeTo(file.writable);
    assertRefused(await home.call(["list"]), 5, /damaged/);
    assertRefused(await home.call(["enqueue", '{"command": "true"}']), 5, /damaged/);
  }));

Deno.test({
  name: "broken store: on a full disk nothing is stored by halves, and all is well once there is space",
  ignore: !CAN_MOUNT,
  fn: () =>
    TemporaryHome.use((home) =>
      withMount(home, "2m", async (dir) => {
        const at = ["--home", dir];
        await home.run("enqueue", ...at, '{"id": "a", "command": "true"}');
        await shell('dd if=/dev/zero of="$1/ballast" bs=4k count=1000 2>/dev/null || true', dir);
        const jobs = Array.from({ length: 5000 }, (_, n) => `{"id": "job${n}", "command": "true"}\n`).join(
          "",
        );
        assertRefused(await home.call(["enqueue", ...at, "-"], { stdin: jobs }), 5, /the disk is full/);
        assertRefused(await home.call(["enqueue", ...at, '{"command": "true"}']), 5, /the disk is full/);
        await Deno.remove(`${dir}/ballast`);
        assert.equal((await home.json("list", ...at)).length, 1);
        await home.run("enqueue", ...at, '{"id": "b", "command": "true"}');
        assert.match(await home.run("status", ...at), /^Total: 2$/m);
      })
    ),
});

Deno.test({
  name: "broken store: on a disk that is full from the start no store is created, and that is said",
  ignore: !CAN_MOUNT,
  fn: () =>
    TemporaryHome.use((home) =>
      withMount(home, "64k", async (dir) => {
        await shell('dd if=/dev/zero of="$1/ballast" bs=4k count=100 2>/dev/null || true', dir);
        assertRefused(await home.call(["init-db", "--home", dir]), 5, /full|no space/i);
        await Deno.remove(`${dir}/ballast`);
      })
    ),
});

Deno.test({
  name: "broken store: a bulk that doesn't fit on the disk is undone as a whole",
  ignore: !CAN_MOUNT,
  fn: () =>
    TemporaryHome.use((home) =>
      withMount(home, "1m", async (dir) => {
        const at = ["--home", dir];
        await home.run("enqueue", ...at, '{"id": "a", "command": "true"}');
        const jobs = Array.from({ length: 20_000 }, () => '{"command": "echo something long enough"}\n').join(
          "",
        );
        assertRefused(await home.call(["enqueue", ...at, "-"], { stdin: jobs }), 5, /the disk is full/);
        assert.match(await home.run("status", ...at), /^Total: 1$/m);
        await home.run("enqueue", ...at, '{"id": "b", "command": "true"}');
      })
    ),
});

Deno.test("broken store: a command waits while another process locks it, and says so", () =>
  TemporaryHome.use(async (home) => {
    await home.run("init-db");
    const other = new DatabaseSync(`${home.dir}/queue.db`);
    other.exec("BEGIN IMMEDIATE");
    const child = start(home.dir, ["enqueue", '{"id": "a", "command": "true"}']);
    await child.stdin.close();
    let said = "";
    const reading = (async () => {
      const decoder = new TextDecoder();
      for await (const bytes of child.stderr) said += decoder.decode(bytes);
    })();
    await waitFor("the command to say that it waits", () => /Waiting: another process/.test(said));
    other.exec("ROLLBACK");
    other.close();
    const stdout = await new Response(child.stdout).text();
    await reading;
    assert.deepEqual([(await child.status).code, stdout], [0, "Enqueued job a\n"]);
  }));

Deno.test("broken store: a fault of the program shows its stack only with QUEUECTL_DEBUG", () =>
  TemporaryHome.use(async (home) => {
    const quiet = await home.call(["get", "nope"]);
    assertRefused(quiet, 3, /no job nope/);
    const debug = await home.call(["get", "nope"], { env: { QUEUECTL_DEBUG: "1" } });
    assert.match(debug.stderr, /\n\s+at /);
    assert.notEqual(debug.code, 0);
  }));
