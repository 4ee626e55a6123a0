import assert from "node:assert/strict";
import type { CommandSpec } from "../../src/worker/running_command.ts";
import { Spawner } from "../../src/worker/spawner.ts";
import {
  bySpec,
  COOKIE,
  plainly,
  type Result,
  specOf,
  useSpawner,
  VARIABLES,
  WORKER_COOKIE,
} from "../harness/commands.ts";
import { isGone } from "../harness/wait_for.ts";

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
  "exit codes that look like signals": "exit 255",
  "a program that dies of a signal, and isn't told to be the last":
    "ulimit -f 1; head -c 100000 /dev/zero >big",
  "a signal to its group": "kill -USR1 0; sleep 5",
  "a signal to its group that it ignores": "trap '' TERM; kill 0; echo alive",
  "a signal to its group that it handles": "trap 'echo got it; exit 6' HUP; kill -HUP 0; sleep 5",
  "a program that dies of a signal": "ulimit -f 1; exec head -c 100000 /dev/zero >big",
  "traps of nobody else": "trap",
  "variables of nobody else": "set",
  "jobs of nobody else": "jobs; until [ -e gate ]; do sleep 0.01; done & jobs; : >gate; wait; rm gate",
  "backquotes": 'echo \`echo a \\\`echo b\\\`\` "\`echo \'"\'\`"',
  "a backslash at its end": "echo a\\",
  "a comment at its end": "echo a # b",
  "an open here document": "cat <<END\nabc",
  "an unfinished backquote": "echo \`echo a",
  "a parenthesis too many": "echo a; )",
  "a quoted parenthesis, and one too many": "echo 'a (' ) ; echo b",
  "a brace too many": "echo a; }",
  "an end of a condition too many": "echo a; fi; echo b",
  "an end of a loop too many": "echo a; done; }; )",
  "a case of another kind": "echo a ;; y) echo b",
  "nothing but a comment": "# nothing",
  "a syntax error on a later line": "echo a\n(\necho b",
  "options for the shell": 'set -eu; echo "$((1 + 1))"; echo $missing; echo never',
  "functions": "f() { local a=1; echo $1 $a; return 4; }; f x",
  "an exit in a function of a subshell": "f() { exit 3; }; (f); echo $?; f; echo never",
  "a redirection that fails": ": >/no/such/folder; echo $?",
  "a directory that it leaves": "cd /; pwd; echo $PWD $OLDPWD; cd - ",
  "standard input that it reads": "read line; echo $? $line",
  "output after its end": "exec 3>&1; (sleep 0.02; echo late >&3) & wait",
  "a file descriptor of its own": "exec 9>own; echo x >&9; exec 9>&-; cat own; rm own",
  "positional parameters": "set -- a 'b c'; echo $# $2; shift; echo $1",
  "arithmetic and patterns": "x=abc.def; echo ${x%.*} ${#x} $((7 % 4)); case $x in a*) echo y;; esac",
  "its parent": "ps -o comm= -p $PPID",
};

/** With the second a command has a shell of its own: no shell could write such a name. */
const VARIABLES_OF_JOBS = {
  "in a subshell": { JOB: "a b'c' $d" },
  "alone": { JOB: "a b\n'c'", "job-name": "1" },
};

for (const [how, env] of Object.entries(VARIABLES_OF_JOBS)) {
  for (const [name, script] of Object.entries(SCRIPTS)) {
    Deno.test(`Spawner: nothing differs from a plain sh -c, ${how}: ${name}`, () =>
      useSpawner(async (spawner, dir) => {
        const spec = specOf(dir, script, { env: { ...env, ...COOKIE } });
        assert.deepEqual(await bySpec(spawner, spec), await plainly(spec));
      }));
  }
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
      startError: null,
    });
    const mode = async (path: string) => (await Deno.stat(`${dir}/${path}`)).mode! & 0o777;
    assert.deepEqual([await mode("out"), await mode("err")], [0o600, 0o600]);
    assert.equal(await mode("theirs"), 0o666 & ~Deno.umask());
  }));

Deno.test("Spawner: what can't be used is told apart, and the next command starts", () =>
  useSpawner(async (spawner, dir) => {
    await Deno.writeTextFile(`${dir}/file`, "");
    const start = (changes: Partial<CommandSpec>) => () => spawner.start(specOf(dir, "true", changes));
    const unusable: [Partial<CommandSpec>, string | RegExp, boolean][] = [
      [{ cwd: `${dir}/missing` }, `no such directory: ${dir}/missing`, false],
      [{ cwd: `${dir}/file` }, `no such directory: ${dir}/file`, false],
      [
        { stdout: `${dir}/missing/out` },
        /^can't create the files for its output: No such file or directory/,
        true,
      ],
    ];
    for (const [changes, message, isOurFault] of unusable) {
      // With a shell of its own that is known at once, in a subshell a little later.
      const own = { args: ["/bin/sh", "-c", ": $$"] };
      assert.throws(start({ ...changes, ...own }), { message, isOurFault });
      const { startError, exitCode, signal } = await start(changes)()!.exited;
      assert.throws(() => {
        throw startError;
      }, { message, isOurFault });
      assert.deepEqual([exitCode, signal], [null, null]);
    }
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
      assert.ok((await running!.killLeftovers() ?? 0) > 0);
      assert.ok(isGone(Number(await Deno.readTextFile(`${dir}/pid`))));
      const next = spawner.start(specOf(dir, "exit 7", { env: COOKIE }));
      assert.deepEqual(await next!.exited, {
        exitCode: 7,
        signal: null,
        outputBytes: 0,
        hasLeftovers: false,
        startError: null,
      });
    }));
}

for (const [how, env] of Object.entries(VARIABLES_OF_JOBS)) {
  Deno.test(`Spawner: what is just becoming another program at a command's end is known, ${how}`, () =>
    useSpawner(async (spawner, dir) => {
      // Meanwhile the kernel shows no variables of it; each round meets another moment.
      for (let round = 0; round < 200; round++) {
        const running = spawner.start(specOf(dir, "sleep 300 &", { env: { ...env, ...COOKIE } }));
        assert.equal((await running!.exited).hasLeftovers, true, `round ${round}`);
        assert.equal(await running!.killLeftovers(), 1);
      }
    }));
}

for (const without of ["-u QUEUECTL_ATTEMPT_ID", "-i"]) {
  Deno.test(`Spawner: what a command leaves on purpose, by env ${without}, stays`, () =>
    useSpawner(async (spawner, dir) => {
      const script = `env ${without} /usr/bin/setsid /bin/sleep 300 & echo $! >pid; ` +
        "until grep -q sleep /proc/$!/comm; do sleep 0.01; done";
      const running = spawner.start(specOf(dir, script, { env: COOKIE }));
      assert.equal((await running!.exited).hasLeftovers, false);
      assert.equal(await running!.killLeftovers(), 0);
      const pid = Number(await Deno.readTextFile(`${dir}/pid`));
      assert.ok(!isGone(pid));
      Deno.kill(pid, "SIGKILL");
    }));
}

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
  const spawner = new Spawner({ PATH: Deno.env.get("PATH") }, "${WORKER_COOKIE}");
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
  await spawner.close();
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
    assert.equal(new Spawner(VARIABLES, WORKER_COOKIE, null).start(specOf(dir, "echo run")), null);
    return Promise.resolve();
  }));
