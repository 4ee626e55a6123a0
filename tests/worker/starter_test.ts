import assert from "node:assert/strict";
import type { CommandExit, CommandSpec } from "../../src/worker/running_command.ts";
import { Starters } from "../../src/worker/starter.ts";
import { isGone, waitFor } from "../harness/wait_for.ts";

const VARIABLES = { PATH: Deno.env.get("PATH")!, HOME: "/root", LANG: "C.UTF-8", "odd-name": "kept" };

const COOKIE = { QUEUECTL_ATTEMPT_ID: "0123456789abcdef-1" };

/** Lets `work` start commands in a folder of their own, and leaves nothing behind. */
async function useStarters(work: (starters: Starters, dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  const starters = new Starters({ storeUid: "0123456789abcdef", workerId: 7, variables: VARIABLES });
  try {
    await work(starters, dir);
  } finally {
    await starters.close();
    await Deno.remove(dir, { recursive: true });
  }
}

function specOf(dir: string, command: string, changes: Partial<CommandSpec> = {}): CommandSpec {
  const files = { stdout: `${dir}/out`, stderr: `${dir}/err` };
  return { args: ["/bin/sh", "-c", command], words: [], cwd: dir, env: {}, ...files, ...changes };
}

interface Result {
  readonly exit: Pick<CommandExit, "exitCode" | "signal">;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a command does when a starter starts it. */
async function bySpec(starters: Starters, spec: CommandSpec): Promise<Result> {
  const running = await starters.start(spec);
  assert.ok(running !== null, "the starter has died");
  const { exitCode, signal } = await running.exited;
  const [stdout, stderr] = [await Deno.readTextFile(spec.stdout), await Deno.readTextFile(spec.stderr)];
  await Deno.remove(spec.stdout);
  await Deno.remove(spec.stderr);
  return { exit: { exitCode, signal }, stdout, stderr };
}

/** What it does when it is started plainly, in a session of its own. */
async function plainly(spec: CommandSpec): Promise<Result> {
  const { code, signal, stdout, stderr } = await new Deno.Command("setsid", {
    args: [...spec.args],
    cwd: spec.cwd,
    env: { ...VARIABLES, ...spec.env },
    clearEnv: true,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return {
    exit: signal === null ? { exitCode: code, signal: null } : { exitCode: null, signal },
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

/** Scripts that show what could differ. */
const SCRIPTS: Readonly<Record<string, string>> = {
  "variables": "env | sort",
  "its name and arguments": 'echo "$0 $# $-"',
  "no input": "cat; readlink /proc/self/fd/0",
  "exit codes": "exit 143",
  "a signal to itself": "kill -TERM $$; sleep 5",
  "a signal that leaves no core": "kill -KILL $$",
  "kill 0": "kill 0; sleep 5",
  "a trap that kills all": "trap 'kill 0' EXIT; true",
  "an ignored signal": "trap '' TERM; kill -TERM $$; echo alive",
  "a trap at its exit": "trap 'echo bye' EXIT; exit 3",
  "set -e": "set -e; false; echo never",
  "set -u": "set -u; echo $nothing",
  "exec": "exec sh -c 'exit 9'",
  "a missing command": "no-such-command",
  "a syntax error": "if then",
  "an unfinished quote": "echo 'abc",
  "newlines and quotes": "echo \"a\n  'b'\" \\\n  c\necho $'x' \"\\$y\"",
  "a here document": "cat <<'END'\n$HOME\n\tEND\nEND",
  "line numbers": "true\n\nno-such-command\necho $LINENO",
  "a background child": "sleep 0.05 & wait; echo done",
  "closed descriptors": "exec 1>&- 2>&-; exit 4",
  "descriptors": "ls /proc/self/fd | head -4",
  "umask": "umask",
  "its own process group":
    '[ "$(ps -o pgid= -p $$ | tr -d " ")" = $$ ] || ps -o pgid= -p $$ >/dev/null; echo $?',
  "text that is no ASCII": "printf 'ä €\\n'",
};

for (const [name, script] of Object.entries(SCRIPTS)) {
  Deno.test(`Starters: nothing differs from a plain sh -c: ${name}`, () =>
    useStarters(async (starters, dir) => {
      const spec = specOf(dir, script, { env: { JOB: "a b\n'c'", "job-name": "1" } });
      assert.deepEqual(await bySpec(starters, spec), await plainly(spec));
    }));
}

Deno.test("Starters: a command of plain words is the same without a shell", () =>
  useStarters(async (starters, dir) => {
    await Deno.writeTextFile(`${dir}/no-shebang`, "echo run by a shell: $0", { mode: 0o700 });
    for (
      const command of [
        "/usr/bin/env",
        "./no-shebang",
        "./missing arg",
        "/usr/bin/printf %s-%s a b=c",
        "/tmp",
      ]
    ) {
      const spec = specOf(dir, command, { env: { PWD: "/nonsense" } });
      const withWords = { ...spec, words: command.split(" ") };
      const sorted = ({ exit, stdout, stderr }: Result) => ({
        exit,
        stderr,
        lines: stdout.split("\n").sort(),
      });
      assert.deepEqual(sorted(await bySpec(starters, withWords)), sorted(await plainly(spec)), command);
    }
  }));

Deno.test("Starters: a megabyte of arguments and variables arrives", () =>
  useStarters(async (starters, dir) => {
    const env = Object.fromEntries(
      Array.from({ length: 10 }, (_, index) => [`V${index}`, `${index}`.repeat(100_000)]),
    );
    const spec = specOf(dir, `${"#".repeat(100_000)}\nprintf %s "$V7" | wc -c`, { env });
    assert.equal((await bySpec(starters, spec)).stdout.trim(), "100000");
  }));

Deno.test("Starters: files are created for nobody else, and the command's own umask is unchanged", () =>
  useStarters(async (starters, dir) => {
    const spec = specOf(dir, "echo out; : >theirs");
    const running = await starters.start(spec);
    assert.deepEqual(await running!.exited, {
      exitCode: 0,
      signal: null,
      outputBytes: 4,
      hasLeftovers: false,
    });
    const mode = async (path: string) => (await Deno.stat(`${dir}/${path}`)).mode! & 0o777;
    assert.deepEqual([await mode("out"), await mode("err")], [0o600, 0o600]);
    assert.equal(await mode("theirs"), 0o666 & ~Deno.umask());
  }));

Deno.test("Starters: what can't be used is told apart, and the next command starts", () =>
  useStarters(async (starters, dir) => {
    await Deno.writeTextFile(`${dir}/file`, "");
    const start = (changes: Partial<CommandSpec>) => starters.start(specOf(dir, "true", changes));
    await assert.rejects(start({ cwd: `${dir}/missing` }), {
      message: `no such directory: ${dir}/missing`,
      isOurFault: false,
    });
    await assert.rejects(start({ cwd: `${dir}/file` }), { isOurFault: false });
    await assert.rejects(start({ stdout: `${dir}/missing/out` }), {
      message: "can't create the files for its output: No such file or directory",
      isOurFault: true,
    });
    assert.deepEqual((await bySpec(starters, specOf(dir, "exit 2"))).exit, { exitCode: 2, signal: null });
  }));

Deno.test("Starters: commands that run at the same time don't wait for each other", () =>
  useStarters(async (starters, dir) => {
    const gated = specOf(dir, "while [ ! -e gate ]; do sleep 0.01; done");
    const first = await starters.start(gated);
    const other = { stdout: `${dir}/out2`, stderr: `${dir}/err2` };
    assert.deepEqual((await bySpec(starters, specOf(dir, "exit 5", other))).exit.exitCode, 5);
    await Deno.writeTextFile(`${dir}/gate`, "");
    assert.equal((await first!.exited).exitCode, 0);
  }));

Deno.test("Starters: a command that kills what has started it has no known end, and the next one starts", () =>
  useStarters(async (starters, dir) => {
    for (const longer of ["", "sleep 0.2; "]) { // before and after it has been told that the command runs
      const { exit, stdout } = await bySpec(
        starters,
        specOf(dir, `echo run; ${longer}kill -KILL $PPID; sleep 0.2`),
      );
      assert.deepEqual(exit, { exitCode: null, signal: null });
      assert.equal(stdout, "run\n", "it was started again");
    }
    assert.deepEqual((await bySpec(starters, specOf(dir, "exit 6"))).exit.exitCode, 6);
  }));

/** Each leaves processes outside its group, the last of which is written to `pid`. */
const LEAVERS: Readonly<Record<string, string>> = {
  "a daemon": "setsid sh -c 'echo $$ >pid; exec sleep 300' & while [ ! -s pid ]; do sleep 0.01; done",
  "a daemon of a daemon":
    "(setsid sh -c 'setsid sh -c \"echo \\$\\$ >pid; exec sleep 300\" & exec sleep 300' &); until [ -s pid ]; do sleep 0.01; done",
  // Each of them is gone before anyone could look at it twice.
  "one that hops from process to process": [
    `export S='echo $$ >pid; sleep 0.001; setsid sh -c "$S" &'`,
    'setsid sh -c "$S"; until [ -s pid ]; do sleep 0.01; done',
  ].join("\n"),
};

for (const [name, script] of Object.entries(LEAVERS)) {
  Deno.test(`Starters: a command that leaves ${name} is known to, and it can be killed`, () =>
    useStarters(async (starters, dir) => {
      const running = await starters.start(specOf(dir, script, { env: COOKIE }));
      assert.equal((await running!.exited).hasLeftovers, true);
      assert.ok(await running!.killLeftovers() ?? 0 > 0);
      assert.ok(isGone(Number(await Deno.readTextFile(`${dir}/pid`))));
      const next = await starters.start(specOf(dir, "exit 7", { env: COOKIE }));
      assert.deepEqual(await next!.exited, {
        exitCode: 7,
        signal: null,
        outputBytes: 0,
        hasLeftovers: false,
      });
    }));
}

Deno.test("Starters: what a command leaves on purpose, without its cookie, stays", () =>
  useStarters(async (starters, dir) => {
    const script = "env -u QUEUECTL_ATTEMPT_ID setsid sh -c 'echo $$ >pid; exec sleep 300' & " +
      "while [ ! -s pid ]; do sleep 0.01; done";
    const running = await starters.start(specOf(dir, script, { env: COOKIE }));
    assert.equal((await running!.exited).hasLeftovers, true);
    assert.equal(await running!.killLeftovers(), 0);
    const pid = Number(await Deno.readTextFile(`${dir}/pid`));
    assert.ok(!isGone(pid));
    Deno.kill(pid, "SIGKILL");
  }));

Deno.test("Starters: signals that a service manager sends to all don't end them", () =>
  useStarters(async (starters, dir) => {
    const spec = specOf(dir, "echo $PPID; while [ ! -e gate ]; do sleep 0.01; done");
    const running = await starters.start(spec);
    const pid = Number(
      await waitFor("the pid", async () => (await Deno.readTextFile(spec.stdout)).trim() || null),
    );
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) Deno.kill(pid, signal);
    await Deno.writeTextFile(`${dir}/gate`, "");
    assert.equal((await running!.exited).exitCode, 0);
    assert.ok(!isGone(pid));
    await starters.close();
    assert.ok(isGone(pid));
  }));

Deno.test("Starters: without Perl nothing is started", async () => {
  const dir = await Deno.makeTempDir();
  try {
    for (const tool of ["setsid", "sh"]) await Deno.symlink(`/usr/bin/${tool}`, `${dir}/${tool}`);
    const variables = { PATH: dir };
    const starters = new Starters({ storeUid: "0123456789abcdef", workerId: 7, variables });
    assert.equal(await starters.start(specOf(dir, "true")), null);
    assert.equal(await starters.start(specOf(dir, "true")), null);
    await starters.close();
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
