import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Connection } from "../../src/store/connection.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import { claimed, enqueueIds, newJob, request, snapshot, T0, withCode } from "../conformance/samples.ts";
import { waitFor } from "../harness/wait_for.ts";
import { StoreProcess } from "./store_process.ts";
import { inFolder } from "./temporary_disk.ts";

interface Opened {
  readonly path: string;
  readonly store: SqliteStore;
  /** A connection that knows nothing of queues, to hold locks with. */
  readonly stranger: DatabaseSync;
}

function withStore(
  work: (opened: Opened) => Promise<void>,
  options: { lockTimeoutMs?: number; onWait?: () => void } = {},
): Promise<void> {
  return inFolder(async (dir) => {
    const path = join(dir, "queue.db");
    const store = await SqliteStore.open(path, { durability: "full", lockTimeoutMs: 20_000, ...options });
    const stranger = new DatabaseSync(path);
    try {
      await work({ path, store, stranger });
    } finally {
      stranger.close();
      await store.close();
    }
  });
}

/** Asserts that `promise` is still waiting after the program's timers have fired many times. */
async function waitsWhileTimersFire(promise: Promise<unknown>): Promise<void> {
  let isSettled = false;
  promise.then(() => isSettled = true, () => isSettled = true);
  let ticks = 0;
  const timer = setInterval(() => ticks += 1, 1);
  try {
    await waitFor("the timers to fire", () => ticks >= 50);
  } finally {
    clearInterval(timer);
  }
  assert.equal(isSettled, false, "it did not wait for the lock");
}

for (const begin of ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"]) {
  Deno.test(`SqliteStore.enqueue: waits for another's ${begin}, then succeeds; timers go on`, () =>
    withStore(async ({ store, stranger }) => {
      stranger.exec(begin);
      const enqueued = enqueueIds(store, ["a"]);
      await waitsWhileTimersFire(enqueued);
      stranger.exec("COMMIT");
      await enqueued;
      assert.equal((await store.counts()).pending, 1);
    }));
}

Deno.test("SqliteStore.claim: waits for another's transaction, then succeeds", () =>
  withStore(async ({ store, stranger }) => {
    await enqueueIds(store, ["a"]);
    stranger.exec("BEGIN IMMEDIATE");
    const claim = store.claim(request(), T0);
    await waitsWhileTimersFire(claim);
    stranger.exec("ROLLBACK");
    assert.equal((await claim)?.id, "a");
  }));

Deno.test("SqliteStore.claim: an idle worker's look for work takes no lock", () =>
  withStore(async ({ store, stranger }) => {
    await enqueueIds(store, ["later"], { runAt: T0 + 1000 });
    stranger.exec("BEGIN IMMEDIATE");
    assert.equal(await store.claim(request(), T0), null);
    stranger.exec("COMMIT");
  }, { lockTimeoutMs: 0 }));

Deno.test("SqliteStore.jobs: reading goes on while another writes, and sees nothing of it yet", () =>
  withStore(async ({ store, stranger }) => {
    await enqueueIds(store, ["a"]);
    const before = await snapshot(store);
    stranger.exec("BEGIN EXCLUSIVE; DELETE FROM jobs; DELETE FROM counters");
    assert.deepEqual(await snapshot(store), before);
    stranger.exec("COMMIT");
    assert.deepEqual(await store.jobs({}), []);
  }, { lockTimeoutMs: 0 }));

Deno.test("SqliteStore.enqueue: gives up after lockTimeoutMs with a store error, having stored nothing", () =>
  withStore(async ({ store, stranger }) => {
    stranger.exec("BEGIN IMMEDIATE");
    await assert.rejects(enqueueIds(store, ["a"]), (error: Error) => {
      assert.match(error.message, /another process keeps it locked/);
      return withCode("store")(error);
    });
    stranger.exec("COMMIT");
    assert.deepEqual(await store.jobs({}), []);
    await enqueueIds(store, ["a"]);
    assert.equal((await store.counts()).pending, 1);
  }, { lockTimeoutMs: 60 }));

Deno.test("SqliteStore.open: waits for a file that another process has locked", () =>
  inFolder(async (dir) => {
    const path = join(dir, "queue.db");
    const stranger = new DatabaseSync(path);
    stranger.exec("BEGIN EXCLUSIVE");
    const opening = SqliteStore.open(path, { durability: "full", lockTimeoutMs: 20_000 });
    await waitsWhileTimersFire(opening);
    stranger.exec("COMMIT");
    stranger.close();
    const store = await opening;
    assert.equal((await store.counts()).pending, 0);
    await store.close();
  }));

Deno.test("SqliteStore.open: a file that stays locked is a store error", () =>
  inFolder(async (dir) => {
    const path = join(dir, "queue.db");
    const stranger = new DatabaseSync(path);
    stranger.exec("BEGIN EXCLUSIVE");
    await assert.rejects(
      SqliteStore.open(path, { durability: "full", lockTimeoutMs: 60 }),
      withCode("store"),
    );
    stranger.close();
  }));

Deno.test("Connection.open: a wait that becomes noticeable is told once", async () => {
  let told = 0;
  const onWait = () => told += 1;
  await withStore(async ({ store, stranger }) => {
    stranger.exec("BEGIN IMMEDIATE");
    const enqueued = enqueueIds(store, ["a"]);
    await waitFor("onWait", () => told > 0);
    await waitsWhileTimersFire(enqueued);
    stranger.exec("COMMIT");
    await enqueued;
    assert.equal(told, 1);
  }, { onWait });
});

Deno.test("Connection.open: SQLite itself waits too briefly to stop the program's timers", () =>
  inFolder((dir) => {
    const connection = Connection.open(join(dir, "queue.db"), {
      ...{ durability: "full", lockTimeoutMs: 100 },
    });
    assert.ok(Number(connection.pragma("busy_timeout")) <= 50);
    connection.close();
    return Promise.resolve();
  }));

for (const [durability, synchronous] of [["full", 2], ["normal", 1]] as const) {
  Deno.test(`Connection.useLog: durability ${durability} is WAL with synchronous ${synchronous}`, () =>
    inFolder(async (dir) => {
      const connection = Connection.open(join(dir, "queue.db"), { durability, lockTimeoutMs: 100 });
      await connection.useLog();
      assert.equal(connection.pragma("journal_mode"), "wal");
      assert.equal(connection.pragma("synchronous"), synchronous);
      connection.close();
    }));
}

Deno.test("Connection.write: an error in the middle undoes everything", () =>
  inFolder(async (dir) => {
    const connection = Connection.open(join(dir, "queue.db"), {
      ...{ durability: "full", lockTimeoutMs: 100 },
    });
    await connection.write((db) => db.exec("CREATE TABLE t (x)"));
    const fault = new Error("in the middle");
    const broken = connection.write(() => {
      connection.run("INSERT INTO t VALUES (1)");
      throw fault;
    });
    await assert.rejects(broken, fault);
    assert.deepEqual(connection.all("SELECT * FROM t"), []);
    connection.close();
  }));

Deno.test("SqliteStore.open: processes that open a new file at the same moment all find one store", () =>
  inFolder(async (dir) => {
    const path = join(dir, "queue.db");
    let uids: unknown[] = [];
    await StoreProcess.use(6, { path, deed: "open" }, async (processes) => {
      await Promise.all(processes.map((process) => process.go()));
      uids = await Promise.all(processes.map((process) => process.told()));
      for (const process of processes) assert.equal(await process.end(), 0);
    });
    assert.equal(new Set(uids).size, 1, String(uids));
    const db = new DatabaseSync(path);
    assert.equal(db.prepare("SELECT count(*) AS n FROM store").get()!.n, 1);
    db.close();
  }));

Deno.test("SqliteStore.claim: processes that drain one queue together run no job twice and miss none", () =>
  inFolder(async (dir) => {
    const path = join(dir, "queue.db");
    const store = await SqliteStore.open(path, { durability: "full", lockTimeoutMs: 20_000 });
    const ids = Array.from({ length: 400 }, (_, index) => `job${index}`);
    await store.enqueue(ids.map((id, index) => newJob(id, { priority: index % 11 })), T0);
    let taken: string[][] = [];
    await StoreProcess.use(3, { path, deed: "drain" }, async (processes) => {
      await Promise.all(processes.map((process) => process.go()));
      taken = await Promise.all(processes.map((process) => process.told())) as string[][];
      for (const process of processes) assert.equal(await process.end(), 0);
    });
    assert.deepEqual(taken.flat().toSorted(), ids.toSorted());
    assert.equal((await store.counts()).processing, 400);
    await store.close();
  }));

Deno.test("SqliteStore.settings: a process killed in the middle of writing leaves nothing and no lock", () =>
  withStore(async ({ path, store }) => {
    await enqueueIds(store, ["a"]);
    await StoreProcess.use(1, { path, deed: "die" }, async ([process]) => {
      await process!.go();
      assert.equal(await process!.told(), "writing");
      await process!.kill();
    });
    assert.deepEqual(await store.settings(), new Map());
    assert.equal((await store.counts()).pending, 1);
    await claimed(store);
  }, { lockTimeoutMs: 1000 }));
