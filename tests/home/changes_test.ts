import assert from "node:assert/strict";
import { join } from "node:path";
import { watchChanges } from "../../src/home/changes.ts";
import { type Home, resolveHome } from "../../src/home/home.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import { enqueueIds } from "../conformance/samples.ts";
import { waitFor } from "../harness/wait_for.ts";
import { inFolder } from "../store/temporary_disk.ts";

function open(home: Home): Promise<SqliteStore> {
  return SqliteStore.open(home.dbPath, { durability: "normal", lockTimeoutMs: 5000 });
}

/** Runs `work` in a folder with a store, and counts the changes that are noticed meanwhile. */
function watching(
  work: (staged: { home: Home; store: SqliteStore; count: () => number }) => Promise<void>,
): Promise<void> {
  return inFolder(async (dir) => {
    const home = resolveHome({ home: dir, db: join(dir, "queue.db") });
    const store = await open(home);
    let count = 0;
    const unwatch = watchChanges(home, () => count++);
    try {
      await work({ home, store, count: () => count });
    } finally {
      unwatch();
      await store.close();
    }
  });
}

/** How many locks this process holds on a file, by the kernel's own list. */
function locksOn(path: string): number {
  const script = 'inode=$(stat -c %i "$1"); grep -c "POSIX.* $2 [0-9a-f:]*:$inode " /proc/locks; true';
  const { stdout } = new Deno.Command("/bin/sh", { args: ["-c", script, "sh", path, String(Deno.pid)] })
    .outputSync();
  return Number(new TextDecoder().decode(stdout));
}

Deno.test("watchChanges: notices what another connection commits, soon", () =>
  watching(async ({ home, count }) => {
    const other = await open(home);
    await waitFor("the watch to begin", () => count() > 0);
    for (let round = 0; round < 5; round++) {
      const before = count();
      await enqueueIds(other, [`job${round}`]);
      await waitFor("the change to be noticed", () => count() > before, 2000);
    }
    await other.close();
  }));

Deno.test("watchChanges: takes none of SQLite's locks away, whatever happens to the files", () =>
  watching(async ({ home, store, count }) => {
    await enqueueIds(store, ["first"]);
    await waitFor("the watch to begin", () => count() > 0);
    const files = [home.dbPath, `${home.dbPath}-shm`];
    const before = files.map(locksOn);
    assert.ok(before.every((locks) => locks > 0), String(before));
    for (let round = 0; round < 5; round++) {
      const seen = count();
      await enqueueIds(store, [`job${round}`]);
      await store.tidy(); // writes to the database itself
      const other = await open(home);
      await other.close();
      await waitFor("the change to be noticed", () => count() > seen, 2000);
    }
    assert.deepEqual(files.map(locksOn), before);
  }));

Deno.test("watchChanges: goes on when the log was removed and made anew", () =>
  inFolder(async (dir) => {
    const home = resolveHome({ home: dir, db: join(dir, "queue.db") });
    let count = 0;
    const unwatch = watchChanges(home, () => count++);
    try {
      for (let round = 0; round < 2; round++) {
        const before = count;
        const store = await open(home);
        await enqueueIds(store, [`job${round}`]);
        await waitFor("the change to be noticed", () => count > before, 5000);
        await store.close(); // as the last one, so that the log goes
      }
    } finally {
      unwatch();
    }
  }));
