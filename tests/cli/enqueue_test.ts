import assert from "node:assert/strict";
import { TemporaryHome } from "../harness/temporary_home.ts";

Deno.test("enqueue: a JSON object is stored and its id is told", () =>
  TemporaryHome.use(async (home) => {
    assert.equal(await home.run("enqueue", '{"id": "job1", "command": "echo hello"}'), "Enqueued job job1\n");
    const [job] = await home.json("list");
    assert.equal(job.id, "job1");
    assert.equal(job.state, "pending");
  }));

Deno.test("worker: a job runs and leaves its output", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "job1", command: "echo hello" });
    await home.startWorkers(1);
    await home.untilJob("job1", "completed");
    assert.equal(await home.run("logs", "job1"), "hello\n");
  }));
