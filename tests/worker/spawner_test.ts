import assert from "node:assert/strict";
import type { CommandExit, CommandSpec } from "../../src/worker/running_command.ts";
import { Spawner } from "../../src/worker/spawner.ts";
import { isGone } from "../harness/wait_for.ts";

const VARIABLES = { PATH: Deno.env.get("PATH")!, HOME: "/root", LANG: "C.UTF-8", "odd-name": "kept" };

const COOKIE = { QUEUECTL_ATTEMPT_ID: "0123456789abcdef-1" };

/** Lets `work` start commands in a folder of their own, and leaves nothing behind. */
async function useSpawner(work: (spawner: Spawner, dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await work(new Spawner(VARIABLES), dir);
  } finally {
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

/** What a command does when the spawner starts it. */
async function bySpec(spawner: Spawner, spec: CommandSpec): Promise<Result> {
  const running = spawner.start(spec);
  assert.ok(running !== null, "the library can't be used");
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
  "its own session and process group":
    '[ "$(ps -o pid= -o pgid= -o sid= -p $$ | xargs -n1 | sort -u | wc -l)" = 1 ]; echo $?',
  "a broken pipe": '(yes; echo "$?" >&2) | head -1',
  "signals that are ignored": "grep SigIgn /proc/self/status",
  "text that is no ASCII": "printf 'ä €\\n'",
};

for (const [name, script] of Object.entries(SCRIPTS)) {
  Deno.test(`Spawner: nothing differs from a plain sh -c: ${name}`, () =>
    useSpawner(async (spawner, dir) => {
      const spec = specOf(dir, script, { env: { JOB: "a b\n'c'", "job-name": "1" } });
      assert.deepEqual(await bySpec(spawner, spec), await plainly(spec));
    }));
}

Deno.test("Spawner: a command of plain words is the same without a shell", () =>
  useSpawner(async (spawner, dir) => {
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
      assert.deepEqual(sorted(await bySpec(spawner, withWords)), sorted(await plainly(spec)), command);
    }
  }));

Deno.test("Spawner: a megabyte of arguments and variables arrives", () =>
  useSpawner(async (spawner, dir) => {
    const env = Object.fromEntries(
      Array.from({ length: 10 }, (_, index) => [`V${index}`, `${index}`.repeat(100_000)]),
    );
    const spec = specOf(dir, `${"#".repeat(100_000)}\nprintf %s "$V7" | wc -c`, { env });
    assert.equal((await bySpec(spawner, spec)).stdout.trim(), "100000");
  }));

Deno.test("Spawner: files are created for nobody else, and the command's own umask is unchanged", () =>
  useSpawner(async (spawner, dir) => {
    const spec = specOf(dir, "echo out; : >theirs");
    const running = spawner.start(spec);
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

Deno.test("Spawner: what can't be used is told apart, and the next command starts", () =>
  useSpawner(async (spawner, dir) => {
    await Deno.writeTextFile(`${dir}/file`, "");
    const start = (changes: Partial<CommandSpec>) => () => spawner.start(specOf(dir, "true", changes));
    assert.throws(start({ cwd: `${dir}/missing` }), {
      message: `no such directory: ${dir}/missing`,
      isOurFault: false,
    });
    assert.throws(start({ cwd: `${dir}/file` }), { isOurFault: false });
    assert.throws(start({ stdout: `${dir}/missing/out` }), {
      message: /^can't create the files for its output: No such file or directory/,
      isOurFault: true,
    });
    assert.throws(start({ env: { A: "x".repeat(200_000) } }), {
      message: "can't start it: its command or its variables are longer than this system allows",
      isOurFault: false,
    });
    assert.deepEqual((await bySpec(spawner, specOf(dir, "exit 2"))).exit, { exitCode: 2, signal: null });
  }));

Deno.test("Spawner: commands that run at the same time don't wait for each other", () =>
  useSpawner(async (spawner, dir) => {
    const gated = specOf(dir, "while [ ! -e gate ]; do sleep 0.01; done");
    const first = spawner.start(gated);
    const other = { stdout: `${dir}/out2`, stderr: `${dir}/err2` };
    assert.deepEqual((await bySpec(spawner, specOf(dir, "exit 5", other))).exit.exitCode, 5);
    await Deno.writeTextFile(`${dir}/gate`, "");
    assert.equal((await first!.exited).exitCode, 0);
  }));

/** Each leaves processes outside its group, the last of which is written to `pid`. */
const LEAVERS: Readonly<Record<string, string>> = {
  "a daemon": "setsid sh -c 'echo $$ >pid; exec sleep 300' & while [ ! -s pid ]; do sleep 0.01; done",
  "a daemon of a daemon":
    "(setsid sh -c 'setsid sh -c \"echo \\$\\$ >pid; exec sleep 300\" & exec sleep 300' &); until [ -s pid ]; do sleep 0.01; done",
  // Each of them is gone before anyone could look at it twice.
  "one that hops from process to process": [
    `export S='echo $$ >pid && sleep 0.001 && setsid sh -c "$S" &'`,
    'setsid sh -c "$S"; until [ -s pid ]; do sleep 0.01; done',
  ].join("\n"),
};

for (const [name, script] of Object.entries(LEAVERS)) {
  Deno.test(`Spawner: a command that leaves ${name} is known to, and it can be killed`, () =>
    useSpawner(async (spawner, dir) => {
      const running = spawner.start(specOf(dir, script, { env: COOKIE }));
      assert.equal((await running!.exited).hasLeftovers, true);
      assert.ok(await running!.killLeftovers() ?? 0 > 0);
      assert.ok(isGone(Number(await Deno.readTextFile(`${dir}/pid`))));
      const next = spawner.start(specOf(dir, "exit 7", { env: COOKIE }));
      assert.deepEqual(await next!.exited, {
        exitCode: 7,
        signal: null,
        outputBytes: 0,
        hasLeftovers: false,
      });
    }));
}

Deno.test("Spawner: what a command leaves on purpose, without its cookie, stays", () =>
  useSpawner(async (spawner, dir) => {
    const script = "env -u QUEUECTL_ATTEMPT_ID setsid sh -c 'echo $$ >pid; exec sleep 300' & " +
      "while [ ! -s pid ]; do sleep 0.01; done";
    const running = spawner.start(specOf(dir, script, { env: COOKIE }));
    assert.equal((await running!.exited).hasLeftovers, false);
    assert.equal(await running!.killLeftovers(), 0);
    const pid = Number(await Deno.readTextFile(`${dir}/pid`));
    assert.ok(!isGone(pid));
    Deno.kill(pid, "SIGKILL");
  }));

Deno.test("Spawner: what has ended among the orphans leaves no zombies", () =>
  useSpawner(async (spawner, dir) => {
    // The grandchild outlives its parent, and has ended when the command ends.
    const orphan = "(sh -c 'echo $$ >pid; sleep 0.02; : >over' &); until [ -e over ]; do sleep 0.01; done";
    const script = `${orphan}; while grep -q 'State:.[^Z]' /proc/$(cat pid)/status; do :; done`;
    const running = spawner.start(specOf(dir, script, { env: COOKIE }));
    assert.equal((await running!.exited).hasLeftovers, false);
    const pid = (await Deno.readTextFile(`${dir}/pid`)).trim();
    await assert.rejects(Deno.stat(`/proc/${pid}`), Deno.errors.NotFound);
  }));

/** Run by the first thread of a process of its own, which is the one that orphans come to. */
const WITH_A_HELPER = `
  import { noteAwaited } from "${new URL("../../src/worker/awaited_children.ts", import.meta.url)}";
  import { Spawner } from "${new URL("../../src/worker/spawner.ts", import.meta.url)}";
  const spawner = new Spawner({ PATH: Deno.env.get("PATH") });
  const files = { stdout: Deno.args[0] + "/out", stderr: Deno.args[0] + "/err" };
  const helpers = [];
  for (let round = 0; round < 20; round++) {
    const helper = new Deno.Command("/bin/sh", { args: ["-c", "exit 9"] }).spawn();
    noteAwaited(helper.pid, helper.status);
    helpers.push(helper.status);
    const running = spawner.start({ args: ["/bin/sh", "-c", "true"], words: [], cwd: "/", env: {}, ...files });
    // Both end before anybody can hear of it.
    const until = performance.now() + 20;
    while (performance.now() < until);
    await running.exited;
  }
  console.log((await Promise.all(helpers)).every(({ code }) => code === 9));
`;

Deno.test("Spawner: what others in this process wait for is left to them", () =>
  useSpawner(async (_, dir) => {
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--quiet", WITH_A_HELPER, dir],
    }).output();
    assert.equal(new TextDecoder().decode(stdout), "true\n", new TextDecoder().decode(stderr));
  }));

Deno.test("Spawner: very many commands at a time are left to Deno, so that a thread is free for its own work", () =>
  useSpawner(async (spawner, dir) => {
    const sleeper = specOf(dir, "exec sleep 300");
    const running = [];
    for (let next = spawner.start(sleeper); next !== null; next = spawner.start(sleeper)) running.push(next);
    for (const { pgid } of running) Deno.kill(-pgid, "SIGKILL");
    for (const { exited } of running) assert.equal((await exited).signal, "SIGKILL");
    assert.ok(running.length >= 100 && running.length < 512, `${running.length} at a time`);
    assert.equal((await bySpec(spawner, specOf(dir, "exit 8"))).exit.exitCode, 8);
  }));

Deno.test("Spawner: without the library nothing is started", () =>
  useSpawner((_, dir) => {
    assert.equal(new Spawner(VARIABLES, null).start(specOf(dir, "echo run")), null);
    return Promise.resolve();
  }));
