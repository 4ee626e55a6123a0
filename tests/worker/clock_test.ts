import assert from "node:assert/strict";
import { FakeClock } from "../harness/fake_clock.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";

const HOUR = 3600;

Deno.test("clock: what became due while the machine slept, or by a clock set forwards, runs without being told", () =>
  TemporaryHome.use(async (home) => {
    const clock = await FakeClock.create(home.dir);
    if (clock === null) return; // libfaketime is missing, or doesn't work here
    try {
      assert.equal((await clock.call(["worker", "start"])).code, 0);
      const runAt = new Date(clock.now() + HOUR * 1000).toISOString();
      await clock.call(["enqueue", JSON.stringify({ id: "later", command: "true", run_at: runAt })]);
      await clock.call(["enqueue", JSON.stringify({ id: "first", command: "true" })]);
      await home.untilJob("first", "completed"); // so the worker is back asleep, with an hour to wait
      const before = await heartbeats(home);
      clock.set(2 * HOUR);
      await home.untilJob("later", "completed");
      assert.deepEqual(
        await heartbeats(home),
        before,
        "it came only with something else that the worker did",
      );
      await clock.call(["worker", "stop"]);
    } finally {
      clock.tidy();
    }
  }));

async function heartbeats(home: TemporaryHome): Promise<string[]> {
  return (await home.json("worker", "list")).map((worker: { heartbeat_at: string }) => worker.heartbeat_at);
}
