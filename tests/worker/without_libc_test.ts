import assert from "node:assert/strict";
import { programCommand } from "../harness/program.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { isGone, waitFor } from "../harness/wait_for.ts";

Deno.test({
  name:
    "worker without the C library: starts commands through Deno, and what they leave running is found and ended",
  // The executable may always use it; where a system has another one it can't be tried here.
  ignore: Deno.env.has("QUEUECTL_TEST_PROGRAM"),
  fn: () =>
    TemporaryHome.use(async (home) => {
      const [deno, ...args] = programCommand().filter((arg) => arg !== "--allow-ffi");
      const worker = new Deno.Command(deno!, {
        args: [...args, "worker", "start", "--foreground"],
        env: { QUEUECTL_HOME: home.dir, QUEUECTL_DB: "" },
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).spawn();
      const command = "setsid sleep 300 & echo $! >pid; echo out; echo err >&2; exit 3";
      await home.enqueue({ id: "a", command, cwd: home.dir, max_retries: 1 });
      const [attempt] = (await home.untilJob("a", "dead")).attempt_history;
      assert.deepEqual([attempt.outcome, attempt.exit_code], ["failed", 3]);
      assert.equal(await home.run("logs", "a", "--stdout"), "out\n");
      const pid = Number(await Deno.readTextFile(`${home.dir}/pid`));
      await waitFor("what it has left running to be ended", () => isGone(pid));
      await home.enqueue({ id: "signal", command: "kill -KILL $$", max_retries: 1 });
      assert.equal((await home.untilJob("signal", "dead")).attempt_history[0].signal, "SIGKILL");
      await home.enqueue({ id: "long", command: "true", max_retries: 1, env: { A: "x".repeat(200_000) } });
      assert.match((await home.untilJob("long", "dead")).last_error, /longer than this system allows/);
      await home.run("worker", "stop");
      assert.equal((await worker.status).code, 0);
    }),
});
