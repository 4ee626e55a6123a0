import assert from "node:assert/strict";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { testWith, TmuxTerminal } from "../harness/tmux_terminal.ts";
import { onTerminal } from "./gate.ts";
import { callOnTerminal } from "./terminal.ts";

/** A pager that marks what it was given. */
const MARKING = "sed 's/^/paged: /'";

async function withManyJobs(work: (home: TemporaryHome) => Promise<void>): Promise<void> {
  await TemporaryHome.use(async (home) => {
    await home.enqueue(...Array.from({ length: 60 }, (_, index) => ({ id: `job${index}`, command: "true" })));
    await work(home);
  });
}

Deno.test("PAGER: shows a listing that is longer than the terminal; QUEUECTL_PAGER wins over it", () =>
  withManyJobs(async (home) => {
    for (const env of [{ PAGER: MARKING }, { PAGER: "false", QUEUECTL_PAGER: MARKING }]) {
      const { code, screen } = await callOnTerminal(home, ["list"], { env });
      assert.equal(code, 0);
      assert.match(screen, /^paged: .*ID/);
      assert.match(screen, /^paged: job59 /m);
    }
  }));

Deno.test("PAGER: a listing that fits, --json, --quiet, or an empty pager or cat: it isn't used", () =>
  withManyJobs(async (home) => {
    const calls = [["list", "--limit", "30"], ["list", "--json"], ["list", "--quiet"], ["status"]];
    for (const args of calls) {
      const { code, screen } = await callOnTerminal(home, args, { env: { PAGER: MARKING } });
      assert.equal(code, 0);
      assert.ok(!screen.includes("paged: "), args.join(" "));
    }
    for (const PAGER of ["", "cat"]) {
      const { screen } = await callOnTerminal(home, ["list"], { env: { PAGER } });
      assert.match(screen, /^job59 /m);
    }
  }));

await testWith(
  ["tmux", "less"],
  "PAGER: where none is chosen it is less, which q leaves",
  () =>
    withManyJobs(async (home) => {
      await TmuxTerminal.use(home, onTerminal("list"), { rows: 20 }, async (terminal) => {
        await terminal.until(/^ID [^]*^job17 .*\n:$/m);
        await terminal.press("Space");
        await terminal.until(/^job36 .*\n:$/m);
        await terminal.press("C-c");
        await terminal.press("q");
        await terminal.until(/^status 0$/m);
        assert.doesNotMatch(await terminal.screen(), /job59/);
      });
    }),
);

await testWith(
  ["tmux"],
  "PAGER: where none is chosen and there is no less, the listing is printed",
  () =>
    withManyJobs(async (home) => {
      const [shell, flag, script] = onTerminal("list").map((word) =>
        word.replace("exec cat", "exec /bin/cat")
      );
      await TmuxTerminal.use(
        home,
        [shell!, flag!, `PATH=/nowhere; ${script}`],
        { rows: 20 },
        async (terminal) => {
          await terminal.until(/^job58 .*\njob59 .*\nstatus 0$/m);
        },
      );
    }),
);

Deno.test("PAGER: the output of jobs doesn't go through it", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "a", command: "seq 1 100" });
    await home.run("drain");
    const { screen } = await callOnTerminal(home, ["logs", "a"], { env: { PAGER: MARKING } });
    assert.match(screen, /^1\n2\n[^]*^100$/m);
  }));

Deno.test("PAGER: without a terminal it isn't used", () =>
  withManyJobs(async (home) => {
    const { stdout } = await home.call(["list"], { env: { PAGER: MARKING } });
    assert.match(stdout, /^job59 /m);
  }));

Deno.test("PAGER: one that can't be started or fails costs nothing", () =>
  withManyJobs(async (home) => {
    for (const PAGER of ["no-such-pager --at-all", "false"]) {
      const { code, screen } = await callOnTerminal(home, ["list"], { env: { PAGER } });
      assert.equal(code, 0);
      assert.match(screen, /^job0 [^]*^job59 /m);
    }
  }));

Deno.test("PAGER: one that is left before the end is no failure", () =>
  withManyJobs(async (home) => {
    const { code, screen } = await callOnTerminal(home, ["list"], { env: { PAGER: "head -n 3" } });
    assert.equal(code, 0);
    assert.match(screen, /^job1 /m);
    assert.ok(!screen.includes("job59"));
  }));
