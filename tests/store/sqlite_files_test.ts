import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { QueueError } from "../../src/core/errors.ts";
import { APPLICATION_ID, SCHEMA_VERSION } from "../../src/store/migrate.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import { enqueueIds, newJob, snapshot, T0, withCode } from "../conformance/samples.ts";
import { StoreProcess } from "./store_process.ts";
import { inFolder, mayMount, onSmallDisk } from "./temporary_disk.ts";

const OPTIONS = { durability: "full", lockTimeoutMs: 5000 } as const;

function open(path: string): Promise<SqliteStore> {
  return SqliteStore.open(path, OPTIONS);
}

function rawly(path: string, sql: string): void {
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
}

function storeErrorSaying(words: RegExp) {
  return (error: unknown) => {
    withCode("store")(error);
    const { message, hint } = error as QueueError;
    assert.match(message, words);
    assert.ok(hint !== null && hint !== "", "there is no cure");
    return true;
  };
}

/** Asserts that opening `path` is refused with these words and leaves the folder as it was, byte by byte. */
async function refusedUntouched(path: string, words: RegExp): Promise<void> {
  const before = Deno.readFileSync(path);
  await assert.rejects(open(path), storeErrorSaying(words));
  assert.deepEqual(Deno.readFileSync(path), before, "the file was changed");
  assert.deepEqual([...Deno.readDirSync(join(path, ".."))].map((entry) => entry.name), ["queue.db"]);
}

for (const umask of ["000", "022", "077"]) {
  Deno.test(`SqliteStore.open: its files are private under the umask ${umask}`, () =>
    inFolder(async (dir) => {
      const path = join(dir, "queue.db");
      const modes: [string, string][] = [];
      await StoreProcess.use(1, { path, deed: "open", umask }, async ([process]) => {
        await process!.go();
        await process!.told();
        for (const { name } of Deno.readDirSync(dir)) {
          modes.push([name, (Deno.statSync(join(dir, name)).mode! & 0o777).toString(8)]);
        }
        assert.equal(await process!.end(), 0);
      });
      assert.deepEqual(modes.toSorted(), [
        ["queue.db", "600"],
        ["queue.db-shm", "600"],
        ["queue.db-wal", "600"],
      ]);
    }));
}

Deno.test("SqliteStore.open: a file of 0 bytes becomes a store", () =>
  inFolder(async (dir) => {
    const path = join(dir, "queue.db");
    Deno.writeFileSync(path, new Uint8Array());
    const store = await open(path);
    await enqueueIds(store, ["a"]);
    assert.equal((await store.counts()).pending, 1);
    await store.close();
  }));

Deno.test("SqliteStore.open: opening again finds the same store", () =>
  inFolder(async (dir) => {
    const stores = [await open(join(dir, "queue.db")), await open(join(dir, "queue.db"))];
    const other = await open(join(dir, "other.db"));
    assert.equal(stores[0]!.uid, stores[1]!.uid);
    assert.notEqual(stores[0]!.uid, other.uid);
    assert.match(other.uid, /^[0-9a-f]{16}$/);
    for (const store of [...stores, other]) await store.close();
  }));

Deno.test("SqliteStore.open: a text file is refused and not changed", () =>
  inFolder(async (dir) => {
    const path = join(dir, "queue.db");
    Deno.writeTextFileSync(path, "These are my notes.\n".repeat(1000));
    await refusedUntouched(path, /not a database/);
  }));

Deno.test("SqliteStore.open: a file shorter than a header is refused and not changed", () =>
  inFolder(async (dir) => {
    const path = join(dir, "queue.db");
    Deno.writeTextFileSync(path, "notes\n");
    await refusedUntouched(path, /not a database/);
  }));

Deno.test("SqliteStore.open: another program's database is refused and not changed", () =>
  inFolder(async (dir) => {
    const path = join(dir, "queue.db");
    rawly(path, "CREATE TABLE jobs (title TEXT); INSERT INTO jobs VALUES ('gardener')");
    await refusedUntouched(path, /another program/);
  }));

Deno.test("SqliteStore.open: another program's database in WAL mode is refused and not changed", () =>
  inFolder(async (dir) => {
    const path = join(dir, "queue.db");
    rawly(path, "PRAGMA journal_mode = WAL; PRAGMA application_id = 7; PRAGMA user_version = 1");
    await refusedUntouched(path, /another program/);
  }));

Deno.test("SqliteStore.open: a database that only bears a version is another program's", () =>
  inFolder(async (dir) => {
    const path = join(dir, "queue.db");
    rawly(path, "PRAGMA user_version = 3");
    await refusedUntouched(path, /another program/);
  }));

for (const mode of ["WAL", "DELETE"]) {
  Deno.test(`SqliteStore.open: a newer schema in journal mode ${mode} is refused and not changed`, () =>
    inFolder(async (dir) => {
      const path = join(dir, "queue.db");
      await (await open(path)).close();
      rawly(path, `PRAGMA journal_mode = ${mode}; PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
      await refusedUntouched(path, /newer queuectl/);
    }));
}

Deno.test("SqliteStore.open: the file bears the mark and the version of the program", () =>
  inFolder(async (dir) => {
    const path = join(dir, "queue.db");
    await (await open(path)).close();
    const db = new DatabaseSync(path);
    assert.deepEqual({ ...db.prepare("PRAGMA application_id").get() }, { application_id: APPLICATION_ID });
    assert.deepEqual({ ...db.prepare("PRAGMA user_version").get() }, { user_version: SCHEMA_VERSION });
    db.close();
  }));

Deno.test("SqliteStore.open: a folder that doesn't exist is a store error", () =>
  inFolder(async (dir) => {
    await assert.rejects(open(join(dir, "nowhere", "queue.db")), storeErrorSaying(/folder doesn't exist/));
  }));

Deno.test("SqliteStore.open: a folder in the place of the file is a store error, and nothing appears beside it", () =>
  inFolder(async (dir) => {
    const path = join(dir, "queue.db");
    await Deno.mkdir(path);
    await assert.rejects(open(path), storeErrorSaying(/can't be opened/));
    assert.deepEqual([...Deno.readDirSync(dir)].map((entry) => entry.name), ["queue.db"]);
  }));

Deno.test("SqliteStore.open: a damaged file is a store error when the damage is met", () =>
  inFolder(async (dir) => {
    const path = join(dir, "queue.db");
    const store = await open(path);
    await enqueueIds(store, Array.from({ length: 200 }, (_, index) => `job${index}`));
    await store.close();
    const bytes = Deno.readFileSync(path);
    bytes.fill(0xff, 4096);
    Deno.writeFileSync(path, bytes);
    await assert.rejects(
      async () => {
        const damaged = await open(path);
        await damaged.jobs({}).finally(() => damaged.close());
      },
      storeErrorSaying(/damaged/),
    );
  }));

const CANNOT_MOUNT = !mayMount();

Deno.test({
  name: "SqliteStore.open: a read-only disk is a store error (needs the right to mount a disk)",
  ignore: CANNOT_MOUNT,
  fn: () =>
    onSmallDisk(async (disk) => {
      const path = join(disk.dir, "queue.db");
      await (await open(path)).close();
      disk.protect();
      await assert.rejects(open(path), storeErrorSaying(/read-only|can't be opened/));
    }),
});

Deno.test({
  name: "SqliteStore.open: a read-only disk without a store is a store error (needs the right to mount)",
  ignore: CANNOT_MOUNT,
  fn: () =>
    onSmallDisk(async (disk) => {
      disk.protect();
      await assert.rejects(open(join(disk.dir, "queue.db")), storeErrorSaying(/can't be created/));
    }),
});

Deno.test({
  name: "SqliteStore.open: a full disk is a store error (needs the right to mount a disk)",
  ignore: CANNOT_MOUNT,
  fn: () =>
    onSmallDisk(async (disk) => {
      const path = join(disk.dir, "queue.db");
      disk.fill();
      await assert.rejects(open(path), storeErrorSaying(/full|failed/));
      disk.free();
      const store = await open(path);
      await enqueueIds(store, ["a"]);
      await store.close();
    }),
});

for (const spareBytes of [20_000, 70_000]) {
  Deno.test({
    name:
      `SqliteStore.open: a disk that fills up after ${spareBytes} bytes is a store error (needs to mount)`,
    ignore: CANNOT_MOUNT,
    fn: () =>
      onSmallDisk(async (disk) => {
        const [path, spare] = [join(disk.dir, "queue.db"), join(disk.dir, "spare")];
        Deno.writeFileSync(spare, new Uint8Array(spareBytes));
        disk.fill();
        Deno.removeSync(spare);
        await assert.rejects(open(path), storeErrorSaying(/full|failed/));
        disk.free();
        await (await open(path)).close();
      }),
  });
}

Deno.test({
  name:
    "SqliteStore.enqueue: on a full disk it stores nothing, and goes on once there is space (needs to mount)",
  ignore: CANNOT_MOUNT,
  fn: () =>
    onSmallDisk(async (disk) => {
      const store = await open(join(disk.dir, "queue.db"));
      await enqueueIds(store, ["acknowledged"]);
      disk.fill();
      const before = await snapshot(store);
      const large = Array.from(
        { length: 300 },
        (_, index) => newJob(`large${index}`, { command: "x".repeat(2000) }),
      );
      await assert.rejects(store.enqueue(large, T0), storeErrorSaying(/full/));
      assert.deepEqual(await snapshot(store), before);
      disk.free();
      await enqueueIds(store, ["after"]);
      assert.deepEqual((await store.jobs({})).map((job) => job.id), ["acknowledged", "after"]);
      await store.close();
    }),
});
