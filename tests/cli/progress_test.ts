import assert from "node:assert/strict";
import { programCommand } from "../harness/program.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { waitFor } from "../harness/wait_for.ts";
import { assertRefused } from "./refusal.ts";
import { callOnTerminal } from "./terminal.ts";
import { shellJoin } from "../../src/core/shell_words.ts";

const PROGRAM = shellJoin(programCommand());
const UNTIL_GO = "while [ ! -e go ]; do sleep 0.05; done";

/** Starts a job whose command tells 40 % and then waits for the file `go`; returns once that is stored. */
async function startBuilding(home: TemporaryHome): Promise<void> {
  await home.enqueue({ id: "build", command: `${PROGRAM} progress 40 Building the "core"; ${UNTIL_GO}` });
  await home.startWorkers(1);
  await waitFor("the progress", async () => {
    return (await home.json("get", "build")).attempt_history[0]?.progress ?? null;
  });
}

Deno.test("progress: a job's command tells how far it has come, and prints nothing", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: `${PROGRAM} progress 40.7% "Building it"` });
    await home.startWorkers(1);
    const job = await home.untilJob("a", "completed");
    assert.deepEqual(job.attempt_history[0].progress, { percent: 40, text: "Building it" });
    const output = await home.json("output", "get", "a");
    assert.deepEqual([output.stdout, output.stderr], ["", ""]);
  }));

Deno.test("progress: without a text, and with --json", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: `${PROGRAM} progress 100 --json` });
    await home.startWorkers(1);
    await home.untilJob("a", "completed");
    const { stdout } = await home.json("output", "get", "a");
    assert.deepEqual(JSON.parse(stdout), { percent: 100, text: "" });
  }));

Deno.test("progress: outside of a job it is refused", () =>
  TemporaryHome.use(async (home) => {
    assertRefused(await home.call(["progress", "40"]), 2, /QUEUECTL_ATTEMPT_ID is not set/);
    const env = { QUEUECTL_ATTEMPT_ID: "nonsense" };
    assertRefused(await home.call(["progress", "40"], { env }), 2, /names no attempt/);
  }));

Deno.test("progress: what is no percentage is refused", () =>
  TemporaryHome.use(async (home) => {
    for (const wrong of ["half", "101", "1e1", ""]) {
      assertRefused(await home.call(["progress", wrong]), 2, /percentage from 0 to 100/);
    }
  }));

Deno.test("progress: once the attempt is over it is refused as a conflict, and nothing changes", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "echo $QUEUECTL_ATTEMPT_ID" });
    await home.startWorkers(1);
    await home.untilJob("a", "completed");
    const env = { QUEUECTL_ATTEMPT_ID: (await home.run("logs", "a")).trim() };
    assertRefused(await home.call(["progress", "40"], { env }), 4, /over/);
    assert.equal((await home.json("get", "a")).attempt_history[0].progress, null);
  }));

Deno.test("progress: for another store's attempt it is refused", () =>
  TemporaryHome.use(async (home) => {
    const env = { QUEUECTL_ATTEMPT_ID: "0123456789abcdef-1" };
    assertRefused(await home.call(["progress", "40"], { env }), 3, /not in the store/);
  }));

Deno.test("status, get, worker list: show the progress of what runs", () =>
  TemporaryHome.use(async (home) => {
    await startBuilding(home);
    assert.match(await home.run("status"), /worker 1: build for \S+( \S+)? {2}40% Building the core$/m);
    assert.match(await home.run("get", "build"), /^Progress: +40% Building the core$/m);
    assert.match(await home.run("worker", "list"), /PROGRESS\n.* 40% Building the core$/m);
    const [worker] = await home.json("worker", "list");
    assert.deepEqual(worker.jobs[0].progress, { percent: 40, text: "Building the core" });
    const status = await home.json("status");
    assert.deepEqual(status.workers[0].jobs[0].progress, { percent: 40, text: "Building the core" });
  }));

Deno.test("status, get: show the progress as a bar on a terminal", () =>
  TemporaryHome.use(async (home) => {
    await startBuilding(home);
    const bar = `${"█".repeat(8)}${"░".repeat(12)} 40% Building the core`;
    for (const args of [["status"], ["get", "build"]]) {
      const { screen } = await callOnTerminal(home, args);
      assert.ok(screen.includes(bar), screen);
    }
  }));
