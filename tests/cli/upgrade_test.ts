import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { ProcessIdentity } from "../../src/core/worker_record.ts";
import { SCHEMA_VERSION } from "../../src/store/migrate.ts";
import { identify } from "../../src/worker/process_probe.ts";
import { writeOldFile } from "../harness/old_file.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { assertRefused } from "./refusal.ts";

/** The last schema under which workers can't go on when the next one comes. */
const OLD = 5;

/** Lets `work` use a home whose store, of an older version, has this worker registered as number 3. */
function withOldWorker(
  identity: ProcessIdentity,
  work: (home: TemporaryHome, schema: () => unknown) => Promise<void>,
): Promise<void> {
  return TemporaryHome.use(async (home) => {
    const path = `${home.dir}/queue.db`;
    const { pid, startTicks, bootId, pidNamespace } = identity;
    writeOldFile(
      path,
      OLD,
      `INSERT INTO workers (id, pid, start_ticks, boot_id, pid_namespace, lock_name, slots, queues, started_at,
        heartbeat_at, stopping, jobs_succeeded, jobs_failed)
      VALUES (3, ${pid}, '${startTicks}', '${bootId}', '${pidNamespace}', 'worker-3.lock', 1, '[]', 1, 1, 0, 0, 0)`,
    );
    await work(home, () => {
      const db = new DatabaseSync(path, { readOnly: true });
      const { user_version } = db.prepare("PRAGMA user_version").get()!;
      db.close();
      return user_version;
    });
  });
}

Deno.test("upgrade: a store isn't changed under a running worker of an older version", async () => {
  const sleeper = new Deno.Command("sleep", { args: ["300"] }).spawn();
  try {
    await withOldWorker((await identify(sleeper.pid))!, async (home, schema) => {
      const refused = await home.call(["enqueue", "--command", "true"]);
      assertRefused(refused, 5, /Cannot use .*queue\.db yet: .* worker 3 of an older one is running/);
      assert.match(refused.stderr, new RegExp(`^Try: kill ${sleeper.pid}, `, "m"));
      assert.equal(schema(), OLD);
      sleeper.kill("SIGKILL");
      await sleeper.status;
      await home.run("enqueue", "--command", "true");
      assert.equal(schema(), SCHEMA_VERSION);
    });
  } finally {
    try {
      sleeper.kill("SIGKILL");
    } catch {
      // It has ended, as it should.
    }
  }
});

Deno.test("upgrade: of a worker in another container the lock tells whether it is running", async () => {
  const identity = { ...(await identify(Deno.pid))!, pidNamespace: "pid:[1]" };
  await withOldWorker(identity, async (home, schema) => {
    await Deno.mkdir(`${home.dir}/run`);
    using lock = await Deno.create(`${home.dir}/run/worker-3.lock`);
    await lock.lock(true);
    const refused = await home.call(["list"]);
    assertRefused(refused, 5, /worker 3 of an older one is running/);
    assert.match(refused.stderr, /^Try: stopping worker 3 in its container/m);
    assert.equal(schema(), OLD);
    await lock.unlock();
    await home.run("list");
    assert.equal(schema(), SCHEMA_VERSION);
  });
});
