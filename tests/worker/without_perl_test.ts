import assert from "node:assert/strict";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { isGone, waitFor } from "../harness/wait_for.ts";

/** What workers demand, and no Perl. */
const TOOLS = ["cat", "grep", "readlink", "setsid", "sh", "sleep", "tr"];

/** The PATH of a system that has no Perl. */
async function pathWithoutPerl(home: TemporaryHome): Promise<string> {
  const bin = `${home.dir}/bin`;
  await Deno.mkdir(bin);
  for (const tool of TOOLS) await Deno.symlink(`/usr/bin/${tool}`, `${bin}/${tool}`);
  return bin;
}

Deno.test("worker without Perl: starts commands itself, and what they leave running is found and ended", () =>
  TemporaryHome.use(async (home) => {
    const env = { PATH: await pathWithoutPerl(home) };
    const started = await home.call(["worker", "start"], { env });
    assert.equal(started.code, 0, started.stderr);
    const command = "setsid sleep 300 & echo $! >pid; echo out; echo err >&2; command -v perl; exit 3";
    await home.enqueue({ id: "a", command, cwd: home.dir, max_retries: 1 });
    const [attempt] = (await home.untilJob("a", "dead")).attempt_history;
    assert.deepEqual([attempt.outcome, attempt.exit_code], ["failed", 3]);
    assert.equal(await home.run("logs", "a", "--stdout"), "out\n");
    const pid = Number(await Deno.readTextFile(`${home.dir}/pid`));
    await waitFor("what it has left running to be ended", () => isGone(pid));
    await home.enqueue({ id: "signal", command: "kill -KILL $$", max_retries: 1 });
    assert.equal((await home.untilJob("signal", "dead")).attempt_history[0].signal, "SIGKILL");
  }));
