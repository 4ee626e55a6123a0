import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { call, programCommand, start } from "../harness/program.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { programInPath, testWith, TmuxTerminal } from "../harness/tmux_terminal.ts";
import { isGone, waitFor } from "../harness/wait_for.ts";
import { GATED } from "./every_state.ts";
import { assertRefused } from "./refusal.ts";

interface TopOptions {
  readonly columns?: number;
  readonly rows?: number;
  readonly env?: Record<string, string>;
}

/** Starts `top` in a shell on a real terminal, and waits for its first screen. */
function topIn(
  home: TemporaryHome,
  options: TopOptions,
  work: (terminal: TmuxTerminal) => Promise<void>,
): Promise<void> {
  const shell = ["/bin/sh", "-c", 'echo before; "$@"; echo "exit status: $?"; exec cat', "sh"];
  return TmuxTerminal.use(home, [...shell, ...programCommand(), "top"], options, async (terminal) => {
    await terminal.until(/q quit/);
    await work(terminal);
  });
}

/** Waits until the screen is as it was before `top`, with the exit status that it left. */
async function untilRestored(terminal: TmuxTerminal, exitStatus: number): Promise<void> {
  const screen = await terminal.until(/^exit status: \d+$/m);
  assert.match(screen, new RegExp(`^before\nexit status: ${exitStatus}$`, "m"));
  assert.deepEqual(await terminal.ask("#{alternate_on} #{cursor_flag} #{wrap_flag}"), "0 1 1");
  await terminal.type("typed again");
  await terminal.until(/typed again/); // it is no longer raw: the terminal echoes
}

/** The pid of the `top` in this home. */
async function pidOfTop(home: TemporaryHome): Promise<number> {
  // Deno reads /proc only for a program that may do everything.
  const script = `for pid; do
    line=$(tr '\\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)
    case $line in /bin/sh*|tmux*) ;; *" top ") echo "$pid" ;; esac
  done`;
  const pids = (await home.processes()).map(String);
  const { stdout } = await new Deno.Command("/bin/sh", { args: ["-c", script, "sh", ...pids] }).output();
  return Number(new TextDecoder().decode(stdout).trim()) || assert.fail("there is no top");
}

function tops(title: string, work: (home: TemporaryHome) => Promise<void>): Promise<void> {
  return testWith(["tmux"], title, () => TemporaryHome.use(work));
}

await tops("top: shows workers, queues and what runs, as it happens", async (home) => {
  await home.startWorkers(1, "--concurrency", "2");
  await topIn(home, { columns: 80, rows: 24 }, async (terminal) => {
    await terminal.until(/^Workers 1 \(0 busy\) +Pending 0 +Running 0/m);
    await home.enqueue(
      { id: "slow", queue: "mail", command: `echo "queuectl:progress 40 Halfway"; ${GATED}` },
      { id: "bad", command: "echo oops >&2; exit 3", max_retries: 1 },
    );
    await terminal.until(/^Workers 1 \(1 busy\) +Pending 0 +Running 1 +Failed 0 +Dead 1/m);
    await terminal.until(/^> slow +running +1\/3 +\S+ ████░░░░░░ 40% Halfway/m);
    await terminal.until(/^mail +0 +1 +0 +0$/m);
    await terminal.until(/^Worker 1 +busy +1\/2 slots/m);
    await terminal.until(/^Ended 1\/min, failed 1\/min/m);
    await terminal.press("Tab");
    await terminal.until(/^Failures \(1\)/m);
    await terminal.until(/^> bad +dead +1\/1 +\S+ exited with 3/m);
    await Deno.writeTextFile(`${home.dir}/release`, "");
    await terminal.press("Tab");
    await terminal.until(/^Finished last \(2\)\n.*\n.*slow +completed/m);
    await terminal.press("q");
    await untilRestored(terminal, 0);
  });
});

await tops("top: tells jobs that are ready from those that are due later, and when", async (home) => {
  await home.enqueue(
    { id: "flaky", command: "exit 3", backoff_base: 1000 },
    { id: "later", command: "make later", run_at: "2999-01-01T00:00:00Z" },
  );
  await home.startWorkers(1);
  await home.untilJob("flaky", "failed");
  await home.run("worker", "stop");
  await home.enqueue({ id: "due", command: "make due" });
  await topIn(home, { columns: 80, rows: 24 }, async (terminal) => {
    await terminal.until(/^> flaky +failed +1\/3 +\S+ in \dm.*: exited with 3/m);
    await terminal.until(/^ {2}later +pending +0\/3 +\S+ in \d+d( \d+[hm])? {2}make later/m);
    await terminal.until(/^ {2}due +ready +0\/3 +\S+ make due/m);
  });
});

await tops("top: c cancels the marked job after a question, r retries it", async (home) => {
  await home.enqueue(
    ...["one", "two", "three"].map((id) => ({ id, command: "true", run_at: "2999-01-01T00:00:00Z" })),
  );
  await topIn(home, {}, async (terminal) => {
    await terminal.until(/^> one/m);
    await terminal.press("Down");
    await terminal.until(/^> two/m);
    await terminal.type("cn");
    await terminal.until(/Nothing was cancelled/);
    await terminal.type("c");
    await terminal.until(/^Cancel two\? y\/n/m);
    await terminal.type("y");
    await terminal.until(/^Cancelled two/m);
    await terminal.until(/^> three/m);
    assert.equal((await home.json("get", "two")).state, "cancelled");
    await terminal.press("BTab");
    await terminal.until(/^> two +cancelled/m);
    await terminal.type("r");
    await terminal.until(/^two is pending again/m);
    await waitFor("it to be pending", async () => (await home.json("get", "two")).state === "pending");
    await terminal.press("Tab");
    await terminal.until(/^> one/m);
    await terminal.type("r");
    await terminal.until(/Cannot retry one: it is pending/);
  });
});

await tops("top: Enter opens a job's output, which goes on as it comes", async (home) => {
  const evil = "\\033[2J\\033]0;title\\007";
  await home.enqueue({
    id: "job",
    command: `echo first; printf '${evil}\\n'; ${GATED}; echo later; echo bad >&2`,
  });
  await home.startWorkers(1);
  await topIn(home, {}, async (terminal) => {
    await terminal.until(/^> job +running/m);
    await terminal.press("Enter");
    await terminal.until(/^Output of job \(processing, attempt 1\)/m);
    await terminal.until(/^first\n\\x1b\[2J\\x1b\]0;title\\x07$/m);
    await Deno.writeTextFile(`${home.dir}/release`, "");
    await terminal.until(/^later\n--- stderr ---\nbad$/m);
    await terminal.press("Escape");
    await terminal.until(/^Running and next/m);
  });
});

await tops("top: / shows only jobs with a text, Escape all again", async (home) => {
  await home.enqueue(
    { id: "a", command: "make Report", run_at: "2999-01-01T00:00:00Z" },
    { id: "b", command: "true", run_at: "2999-01-01T00:00:00Z" },
  );
  await topIn(home, {}, async (terminal) => {
    await terminal.until(/^ {2}b +pending/m);
    await terminal.type("/reporx");
    await terminal.press("BSpace");
    await terminal.until(/^Search: repor_/m);
    await terminal.press("Enter");
    await terminal.until(/^Running and next, with "repor" \(1\)/m);
    assert.doesNotMatch(await terminal.screen(), /^ {2}b +pending/m);
    await terminal.press("Escape");
    await terminal.until(/^ {2}b +pending/m);
    await terminal.type("?");
    await terminal.until(/cancel it, after a question/);
    await terminal.type("x");
    await terminal.until(/^ {2}b +pending/m);
  });
});

await tops("top: no size of the terminal breaks it, and it follows each change", async (home) => {
  const long = "日本語テキスト😀é".repeat(30);
  await home.enqueue(
    ...Array.from({ length: 40 }, (_, index) => ({
      ...{ id: `${index}-名前${long.slice(0, 20)}`, command: `echo ${long}`, queue: `列${index}` },
      run_at: "2999-01-01T00:00:00Z",
    })),
  );
  await topIn(home, { columns: 80, rows: 24 }, async (terminal) => {
    for (
      const [columns, rows] of [[80, 24], [200, 50], [40, 10], [15, 3], [2, 2], [300, 5], [80, 24]] as const
    ) {
      await terminal.resize(columns, rows);
      const footer = rows >= 4 && columns >= 80 ? /q quit$/m : columns >= 15 ? /↑↓/ : /…|0/;
      const screen = await terminal.until(footer);
      assert.ok(screen.trimEnd().split("\n").length <= rows, screen);
      if (columns >= 80 && rows >= 10) {
        // Wide characters: the columns stand where their heads stand.
        const lines = (await terminal.until(/^> 0-/m)).split("\n");
        const cells = (text: string) =>
          [...text].reduce((sum, one) => sum + (/[^\x20-\x7e…é]/.test(one) ? 2 : 1), 0);
        const head = lines.find((line) => line.startsWith("  ID "))!;
        const job = lines.find((line) => line.startsWith("> 0-"))!;
        assert.equal(cells(job.slice(0, job.indexOf("pending"))), head.indexOf("STATE"), `${head}\n${job}`);
      }
    }
    await terminal.press("End");
    await terminal.until(/^> 39-/m);
    await terminal.press("Home");
    await terminal.until(/^> 0-/m);
  });
});

for (
  const [how, exitStatus, end] of [
    ["Ctrl-C", 0, (terminal: TmuxTerminal) => terminal.press("C-c")],
    [
      "SIGTERM",
      143,
      async (_: TmuxTerminal, home: TemporaryHome) => Deno.kill(await pidOfTop(home), "SIGTERM"),
    ],
    [
      "SIGHUP",
      129,
      async (_: TmuxTerminal, home: TemporaryHome) => Deno.kill(await pidOfTop(home), "SIGHUP"),
    ],
    ["an unusable store", 5, async (_: TmuxTerminal, home: TemporaryHome) => {
      await Deno.remove(`${home.dir}/queue.db-wal`).catch(() => {});
      await Deno.writeTextFile(`${home.dir}/queue.db`, "no database");
    }],
  ] as [string, number, (terminal: TmuxTerminal, home: TemporaryHome) => Promise<void>][]
) {
  await tops(`top: after ${how} the terminal is as it was before`, async (home) => {
    await home.enqueue({ id: "a", command: "true" });
    await topIn(home, {}, async (terminal) => {
      assert.equal(await terminal.ask("#{alternate_on} #{cursor_flag}"), "1 0");
      await end(terminal, home);
      if (how === "an unusable store") {
        await terminal.until(/^Error: .*\n(.*\n)?exit status: \d$/m);
        return;
      }
      await untilRestored(terminal, exitStatus);
    });
  });
}

await tops("top: Ctrl-Z gives the shell its screen, and fg takes it again", async (home) => {
  await home.enqueue({ id: "a", command: "true" });
  const bin = await programInPath(home);
  const env = { PATH: `${bin}:${Deno.env.get("PATH")}`, PS1: "shell> " };
  const shell = ["bash", "--norc", "--noprofile", "-i"];
  await TmuxTerminal.use(home, shell, { env }, async (terminal) => {
    await terminal.until(/^shell>/m);
    await terminal.type("queuectl top");
    await terminal.press("Enter");
    await terminal.until(/^> a/m);
    await terminal.press("C-z");
    await terminal.until(/Stopped +queuectl top\n+shell>/);
    await terminal.type("echo is$((1))cooked");
    await terminal.press("Enter");
    await terminal.until(/^is1cooked$/m);
    await terminal.type("fg");
    await terminal.press("Enter");
    await terminal.until(/^> a/m);
    await terminal.press("q");
    await terminal.until(/^is1cooked$/m);
  });
});

await tops("top: ends when its terminal is closed", async (home) => {
  await home.enqueue({ id: "a", command: "true" });
  let pid = 0;
  await topIn(home, {}, async () => {
    pid = await pidOfTop(home);
  });
  await waitFor("it to end", () => isGone(pid));
});

await tops("top: can be left while a wish waits for another process's transaction", async (home) => {
  await home.enqueue({ id: "a", command: "true" });
  const db = new DatabaseSync(`${home.dir}/queue.db`);
  try {
    await topIn(home, {}, async (terminal) => {
      await terminal.until(/^> a/m);
      db.exec("BEGIN IMMEDIATE");
      await terminal.type("cy");
      await terminal.press("C-c");
      await untilRestored(terminal, 0);
    });
  } finally {
    db.close();
  }
});

await tops("top: with NO_COLOR there are no colours", async (home) => {
  await home.enqueue({ id: "a", command: "true" });
  await topIn(home, { env: { NO_COLOR: "1" } }, async (terminal) => {
    await terminal.until(/^> a/m);
    assert.doesNotMatch((await terminal.colouredScreen()).replaceAll("\x1b", "ESC"), /ESC\[\d/);
  });
  await topIn(home, {}, async (terminal) => {
    await terminal.until(/^> a/m);
    assert.match((await terminal.colouredScreen()).replaceAll("\x1b", "ESC"), /ESC\[\d/);
  });
});

Deno.test("top: without a terminal it exits with 2 and tells what to do instead", () =>
  TemporaryHome.use(async (home) => {
    const result = await home.call(["top"]);
    assertRefused(result, 2, /no terminal/);
    assert.match(result.stderr, /^Try: queuectl status --watch/m);
    assertRefused(await home.call(["status", "--watch", "a"]), 2, /one job/);
  }));

Deno.test("status --watch: without a terminal the status is printed each time it has changed", () =>
  TemporaryHome.use(async (home) => {
    for (const flags of [[], ["--json"]]) {
      const child = start(home.dir, ["status", "--watch", ...flags]);
      let text = "";
      const collected = (async () => {
        for await (const bytes of child.stdout) text += new TextDecoder().decode(bytes);
      })();
      const count = () => text.match(flags.length > 0 ? /^\{.*\}$/gm : /^Total: \d+$/gm)?.length ?? 0;
      await waitFor("the first status", () => count() === 1);
      await call(home.dir, ["enqueue", "--", "true"]);
      await waitFor("the second status", () => count() === 2);
      child.kill("SIGTERM");
      await Promise.all([collected, child.status, child.stdin.close(), child.stderr.cancel()]);
    }
  }));
