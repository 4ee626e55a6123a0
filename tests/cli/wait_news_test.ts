import assert from "node:assert/strict";
import { start } from "../harness/program.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { testWith, TmuxTerminal } from "../harness/tmux_terminal.ts";
import { waitFor } from "../harness/wait_for.ts";
import { gate, isWatching, onTerminal, openGate } from "./gate.ts";

/** A call that watches what happens, and what it has said on stderr so far. */
async function startWait(home: TemporaryHome, ...args: string[]) {
  const child = start(home.dir, ["wait", ...args]);
  const said = { stderr: "" };
  const ended = (async () => {
    const reading = (async () => {
      for await (const piece of child.stderr.pipeThrough(new TextDecoderStream())) said.stderr += piece;
    })();
    const stdout = new Response(child.stdout).text();
    await Promise.all([reading, stdout, child.stdin.close()]);
    const { code } = await child.status;
    return { code, stdout: await stdout, stderr: said.stderr };
  })();
  await waitFor("it to watch", () => isWatching(child.pid));
  const until = (text: string) => waitFor(`"${text}" on stderr`, () => said.stderr.includes(text));
  return { ended, until };
}

/** Two jobs: `bad` fails twice, the second time for good, each time behind a gate; `good` waits for its own. */
async function enqueueTwo(home: TemporaryHome): Promise<void> {
  const command = `echo sorry >&2; ${gate("first")}; [ $QUEUECTL_ATTEMPT = 1 ] || { ${
    gate("second")
  }; }; exit 5`;
  await home.enqueue(
    { id: "bad", command, max_retries: 2, backoff_base: 0 },
    { id: "good", command: gate() },
  );
}

const FAILED_ONCE = /^queuectl: job bad: attempt 1\/2 failed \(exited with 5: sorry\); the next one now$/m;
const FAILED = "queuectl: job bad: out of attempts (2/2): exited with 5: sorry\n";

for (const args of [["bad", "good"], ["--all"], ["--queue", "default"], ["bad", "good", "--json"]]) {
  Deno.test(`wait ${args.join(" ")}: tells on stderr that a job is retried, and that it failed for good`, () =>
    TemporaryHome.use(async (home) => {
      await enqueueTwo(home);
      await home.startWorkers(2);
      for (const id of ["bad", "good"]) await home.untilJob(id, "processing");
      const { ended, until } = await startWait(home, "--timeout", "10m", ...args);
      await openGate(home, "first");
      await until("the next one now");
      await openGate(home, "second");
      await until("out of attempts");
      await openGate(home);
      const { code, stderr } = await ended;
      assert.equal(code, 1);
      assert.match(stderr, FAILED_ONCE);
      assert.equal(stderr.replace(FAILED_ONCE, "").trimStart(), FAILED);
    }));
}

Deno.test("wait: tells at its start that a job has failed and waits for its next attempt", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "exit 3", backoff_base: 1000, max_retries: 4 });
    await home.startWorkers(1);
    await home.untilJob("a", "failed");
    const one = await home.call(["wait", "a", "--timeout", "10ms"]);
    assert.match(one.stderr, /^queuectl: job a: attempt 1\/4 failed \(exited with 3\); the next one in \S+/);
    const all = await home.call(["wait", "--all", "--timeout", "10ms"]);
    assert.match(all.stderr, /^queuectl: 1 job\(s\) have failed and wait for their next attempts$/m);
    const quiet = await home.call(["wait", "a", "--timeout", "10ms", "--quiet"]);
    assert.doesNotMatch(quiet.stderr, /queuectl:/);
  }));

await testWith(
  ["tmux"],
  "wait: on a terminal its news stand above the line that shows how it stands",
  () =>
    TemporaryHome.use(async (home) => {
      await enqueueTwo(home);
      await home.startWorkers(2);
      await TmuxTerminal.use(home, onTerminal("wait", "bad", "good"), {}, async (terminal) => {
        await terminal.until(/^░{20} 0\/2 done, 2 running, 0 failed, /m);
        await openGate(home, "first");
        await terminal.until(/^queuectl: job bad: attempt 1\/2 failed .*\n░{20} 0\/2 done, 2 running/m);
        await openGate(home, "second");
        await terminal.until(
          /^queuectl: job bad: out of attempts .*\n█{10}░{10} 1\/2 done, 1 running, 1 failed/m,
        );
        await openGate(home);
        const screen = await terminal.until(/status 1/);
        assert.match(screen, /sorry\nJob bad died: exited with 5: sorry\nJob good completed\nstatus 1\n/);
      });
    }),
);
