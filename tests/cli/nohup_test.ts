import assert from "node:assert/strict";
import { shellJoin } from "../../src/core/shell_words.ts";
import { programCommand } from "../harness/program.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { testWith, TmuxTerminal } from "../harness/tmux_terminal.ts";
import { isGone, waitFor } from "../harness/wait_for.ts";
import { gate, openGate } from "./gate.ts";

/** Calls the program on a terminal, waits until job `a` runs, and closes the terminal. Returns the program's pid. */
async function hangUp(home: TemporaryHome, prefix: string, ...args: string[]): Promise<number> {
  const script = `echo "pid=$$"; exec ${prefix} ${shellJoin([...programCommand(), ...args])}`;
  let pid = 0;
  await TmuxTerminal.use(home, ["/bin/sh", "-c", script], {}, async (terminal) => {
    pid = Number(/pid=(\d+)/.exec(await terminal.until(/pid=\d+/))![1]);
    await waitFor("the job to run", async () => (await home.json("list"))[0]?.state === "processing");
  });
  return pid;
}

const CALLS: Record<string, string[]> = {
  run: ["run", "--id", "a", "--", gate()],
  drain: ["drain"],
  "worker start --foreground": ["worker", "start", "--foreground"],
};

for (const [name, args] of Object.entries(CALLS)) {
  await testWith(
    ["tmux", "nohup"],
    `${name}: under nohup it goes on when the terminal is closed`,
    () =>
      TemporaryHome.use(async (home) => {
        if (name !== "run") await home.enqueue({ id: "a", command: gate() });
        const pid = await hangUp(home, "nohup", ...args);
        // What comes later is done as well: nobody has told it to stop.
        await home.enqueue({ id: "b", command: "true" });
        await openGate(home);
        await home.untilJob("a", "completed");
        if (name !== "run") await home.untilJob("b", "completed");
        if (name !== "worker start --foreground") await waitFor("its end", () => isGone(pid));
      }),
  );
}

await testWith(
  ["tmux"],
  "run: without nohup the job is cancelled when the terminal is closed",
  () =>
    TemporaryHome.use(async (home) => {
      const pid = await hangUp(home, "", ...CALLS.run!);
      await home.untilJob("a", "cancelled");
      await waitFor("its end", () => isGone(pid));
      assert.deepEqual(await home.processes(), []);
    }),
);
