/**
 * Commands that run in subshells of a shell that is kept. That nothing differs from a plain `sh -c` is tested in
 * `spawner_test.ts`, script by script; here it is what is special about it.
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { CommandSpec } from "../../src/worker/running_command.ts";
import type { Spawner } from "../../src/worker/spawner.ts";
import { bySpec, COOKIE, plainly, type Result, specOf, useSpawner } from "../harness/commands.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { isGone, waitFor } from "../harness/wait_for.ts";

/** The process group in which a command ran: that of the shell. */
async function groupOf(spawner: Spawner, spec: CommandSpec): Promise<number> {
  const running = spawner.start(spec)!;
  await running.exited;
  return running.pgid;
}

function jobIn(dir: string, script: string, changes: Partial<CommandSpec> = {}): CommandSpec {
  return specOf(dir, script, { env: COOKIE, ...changes });
}

/** What shells stumble over, and nothing that reaches beyond the folder in which it runs. */
const PIECES = [
  ...[
    "echo a",
    "echo b >&2",
    "true",
    "false",
    "exit 3",
    "printf %s x",
    "cat",
    "echo $A",
    "A=1",
    "A='b c'",
    "!",
  ],
  ...[
    ";",
    ";",
    " ",
    " ",
    "\n",
    "\n",
    "&&",
    "||",
    "|",
    "(",
    ")",
    "{",
    "}",
    "'",
    '"',
    "\\",
    "\\\n",
    "`",
    "$(",
    "#",
  ],
  ...[
    "if",
    "then",
    "else",
    "fi",
    "while false",
    "do",
    "done",
    "f() ",
    "f",
    "<<E",
    "\nE\n",
    "2>&1",
    "$?",
    "$",
    "ä",
  ],
];

/** Processes that print at the same time do so in any order. */
function inNoOrder({ exit, stdout, stderr }: Result) {
  return { exit, stdout: [...stdout].sort().join(""), stderr: [...stderr].sort().join("") };
}

Deno.test("ForkServer: nonsense is the same as with a plain sh -c", () =>
  useSpawner(async (spawner, dir) => {
    const scripts = fc.tuple(
      fc.array(fc.constantFrom(...PIECES), { maxLength: 9 }),
      fc.constantFrom("", " "),
    );
    await fc.assert(
      fc.asyncProperty(scripts, async ([pieces, between]) => {
        const spec = jobIn(dir, pieces.join(between));
        // Its pid is another one each time, and what it leaves in the background is killed sooner or later.
        fc.pre(!/\$(\\\n)*\$|\\&|(^|[^&>])&($|[^&])/.test(spec.args[2]!));
        assert.deepEqual(inNoOrder(await bySpec(spawner, spec)), inNoOrder(await plainly(spec)));
      }),
      { numRuns: 200 },
    );
  }));

Deno.test("ForkServer: much of Unicode arrives as with a plain sh -c, in the command and in its variables", () =>
  useSpawner(async (spawner, dir) => {
    const codes = Array.from({ length: 0x1800 }, (_, index) => index + 1).filter((code) => code !== 0x0a);
    for (let start = 0; start < codes.length; start += 900) {
      const text = `${String.fromCodePoint(...codes.slice(start, start + 900))}😀`.replaceAll("'", "");
      const quoted = `printf %s "${text.replaceAll(/["\\`$]/g, "\\$&")}"`;
      for (const script of [`printf %s '${text}'`, quoted, `echo ${text.replaceAll(/[\0-\x7f]/g, "")}`]) {
        assert.deepEqual(await bySpec(spawner, jobIn(dir, script)), await plainly(jobIn(dir, script)));
      }
      const spec = jobIn(dir, 'printf %s "$TEXT"', { env: { ...COOKIE, TEXT: text } });
      assert.equal((await bySpec(spawner, spec)).stdout, text);
    }
  }));

Deno.test("ForkServer: lines of all lengths arrive whole, whatever the length of their characters", () =>
  useSpawner(async (spawner, dir) => {
    // Up to 10,666 characters go to the shell that is kept, in up to three bytes each; longer ones to one of their own.
    for (const length of [1, 1000, 5000, 5400, 6000, 9000, 12_000, 20_000]) {
      for (const character of ["x", "ä", "€"]) {
        const TEXT = character.repeat(length);
        const spec = jobIn(dir, 'printf %s "$TEXT"', { env: { ...COOKIE, TEXT } });
        assert.equal((await bySpec(spawner, spec)).stdout, TEXT, `${length} times ${character}`);
      }
    }
  }));

Deno.test("ForkServer: all exit codes and signals are told apart, except two", () =>
  useSpawner(async (spawner, dir) => {
    for (let code = 0; code < 256; code++) {
      const { exit } = await bySpec(spawner, jobIn(dir, `exit ${code}`));
      assert.deepEqual(exit, { exitCode: code, signal: null });
    }
    await Deno.writeTextFile(`${dir}/die`, "ulimit -c 0; kill -$1 $$");
    for (const signal of ["HUP", "QUIT", "ABRT", "KILL", "USR1", "SEGV", "ALRM", "TERM", "XCPU"]) {
      for (
        const script of [
          `sh ./die ${signal}`,
          `true\nsh ./die ${signal}; true`,
          `ulimit -c 0; kill -${signal} 0`,
        ]
      ) {
        const spec = jobIn(dir, script);
        assert.deepEqual(await bySpec(spawner, spec), await plainly(spec), script);
      }
    }
    // A shell says nothing about these: nobody can tell them from the exit code that they are given as.
    for (const [signal, exitCode] of Object.entries({ INT: 130, PIPE: 141 })) {
      assert.deepEqual((await bySpec(spawner, jobIn(dir, `kill -${signal} 0`))).exit, {
        exitCode,
        signal: null,
      });
    }
  }));

Deno.test("ForkServer: one shell runs one command after the other", () =>
  useSpawner(async (spawner, dir) => {
    const first = await groupOf(spawner, jobIn(dir, "true"));
    for (
      const script of [
        "exit 3",
        "kill 0",
        "kill -HUP 0; sleep 5",
        "exec sh -c 'exit 4'",
        "cd /; umask 0; exit",
      ]
    ) {
      assert.equal(await groupOf(spawner, jobIn(dir, script)), first, script);
    }
    assert.equal(
      (await bySpec(spawner, jobIn(dir, "umask; pwd"))).stdout,
      (await plainly(jobIn(dir, "umask; pwd"))).stdout,
    );
  }));

/** What could be told from a plain `sh -c`, or isn't worth the trouble. */
const LONERS: Readonly<Record<string, Partial<CommandSpec> & { readonly script: string }>> = {
  "its pid": { script: "echo $$" },
  "its pid, hidden": { script: "echo ${$} $\\\n$" },
  "its options": { script: "echo $-" },
  "a trap": { script: "trap '' TERM" },
  "an alias": { script: "alias a=true\na" },
  "what it reads": { script: "set -v\ntrue" },
  "a file that it sources": { script: ". ./file" },
  "a text that it evaluates": { script: "eval $TEXT" },
  "setsid": { script: "setsid true" },
  "a case": { script: "case a in a) echo b ;; esac" },
  "a long command": { script: `true ${"#".repeat(5000)}` },
  "a variable that a shell uses": { script: "true", env: { ...COOKIE, IFS: "x" } },
  "a variable of several lines": { script: "true", env: { ...COOKIE, A: "b\nc" } },
  "a variable no shell could write": { script: "true", env: { ...COOKIE, "a-b": "c" } },
  "a descriptor of no number": { script: "echo a >&$A" },
  "a directory with an unusual name": { script: "true", cwd: "/usr/../tmp" },
  "a syntax error": { script: "if then" },
};

for (const [name, { script, ...changes }] of Object.entries(LONERS)) {
  Deno.test(`ForkServer: a command has a shell of its own: ${name}`, () =>
    useSpawner(async (spawner, dir) => {
      await Deno.writeTextFile(`${dir}/file`, "echo sourced");
      const shared = await groupOf(spawner, jobIn(dir, "true"));
      assert.notEqual(await groupOf(spawner, jobIn(dir, script, changes)), shared);
      assert.equal((await bySpec(spawner, jobIn(dir, "exit 5"))).exit.exitCode, 5);
    }));
}

Deno.test("ForkServer: it goes by the name that PWD has for its directory, as a plain sh -c does", () =>
  useSpawner(async (spawner, dir) => {
    await Deno.mkdir(`${dir}/real`);
    await Deno.symlink(`${dir}/real`, `${dir}/link`);
    for (const cwd of [`${dir}/real`, `${dir}/link`, "/"]) {
      const spec = jobIn(dir, "pwd; env | grep PWD | sort", { cwd });
      assert.deepEqual(await bySpec(spawner, spec), await plainly(spec), cwd);
    }
  }));

Deno.test("ForkServer: where the shell is killed with its command, the next command has another one", () =>
  useSpawner(async (spawner, dir) => {
    const first = await groupOf(spawner, jobIn(dir, "true"));
    assert.deepEqual((await bySpec(spawner, jobIn(dir, "kill -KILL 0; sleep 5"))).exit, {
      exitCode: null,
      signal: "SIGKILL",
    });
    const second = await groupOf(spawner, jobIn(dir, "true"));
    assert.notEqual(second, first);
    Deno.kill(second, "SIGKILL"); // and where it is killed while it has nothing to do
    await waitFor("it to be gone", () => isGone(second));
    assert.deepEqual((await bySpec(spawner, jobIn(dir, "exit 6"))).exit, { exitCode: 6, signal: null });
  }));

Deno.test("ForkServer: what a script leaves behind in a loop of its own is known, and only that is killed", () =>
  useSpawner(async (spawner, dir) => {
    // Both are loops of a shell that has become no other program: their variables are those of the kept shells.
    const loop = (name: string) => `while :; do : >${name}; sleep 0.01; done`;
    const gate = "while [ ! -e gate ]; do sleep 0.01; done";
    const files = { stdout: `${dir}/out2`, stderr: `${dir}/err2` };
    const other = spawner.start(jobIn(dir, `(${loop("theirs")} &); ${gate}; exit 3`, files))!;
    await waitFor(
      "the other's orphan to run",
      () => Deno.stat(`${dir}/theirs`).then(() => true, () => false),
    );
    const running = spawner.start(jobIn(dir, `(${loop("ours")} &); until [ -e ours ]; do sleep 0.01; done`))!;
    assert.equal((await running.exited).hasLeftovers, true);
    assert.ok(await running.killLeftovers() ?? 0 > 0);
    await Deno.remove(`${dir}/theirs`);
    await waitFor(
      "the other's orphan to run on",
      () => Deno.stat(`${dir}/theirs`).then(() => true, () => false),
    );
    await Deno.writeTextFile(`${dir}/gate`, "");
    const exit = await other.exited;
    assert.deepEqual([exit.exitCode, exit.hasLeftovers], [3, true]);
    await other.killLeftovers();
  }));

Deno.test("ForkServer: a command whose group was sealed is the last of its shell", () =>
  useSpawner(async (spawner, dir) => {
    const shared = await groupOf(spawner, jobIn(dir, "true"));
    const running = spawner.start(jobIn(dir, ": >ready; while :; do sleep 0.01; done"))!;
    assert.equal(running.pgid, shared);
    await waitFor("it to run", () => Deno.stat(`${dir}/ready`).then(() => true, () => false));
    running.sealGroup();
    Deno.kill(-running.pgid, "SIGTERM");
    assert.equal((await running.exited).signal, "SIGTERM");
    assert.ok(isGone(shared));
    assert.equal((await bySpec(spawner, jobIn(dir, "exit 8"))).exit.exitCode, 8);
  }));

Deno.test("ForkServer: shells that have nothing to do end, after a while and with the worker", () =>
  useSpawner(async (spawner, dir) => {
    const idle = await groupOf(spawner, jobIn(dir, "true"));
    await waitFor("it to be let go", () => isGone(idle));
    const last = await groupOf(spawner, jobIn(dir, "true"));
    await spawner.close();
    assert.ok(isGone(last));
  }));

Deno.test("fork servers: a script that loops is gone when its worker was killed, and runs again", () =>
  TemporaryHome.use(async (home) => {
    const [pid] = await home.startWorkers(1);
    const command = "echo begun >>log; while [ ! -e gate ]; do sleep 0.01; done";
    await home.enqueue({ id: "loop", command, cwd: home.dir });
    const log = () => Deno.readTextFile(`${home.dir}/log`).catch(() => "");
    await waitFor("it to begin", async () => await log() !== "");
    Deno.kill(pid!, "SIGKILL");
    await home.startWorkers(1);
    await waitFor("it to begin again", async () => await log() === "begun\nbegun\n");
    await Deno.writeTextFile(`${home.dir}/gate`, "");
    const job = await home.untilJob("loop", "completed");
    assert.deepEqual(job.attempt_history.map(({ outcome }: { outcome: string }) => outcome), [
      "lost",
      "succeeded",
    ]);
    await home.run("worker", "stop");
    assert.deepEqual((await home.processes()).filter((one) => !isGone(one)), []);
  }));

Deno.test("fork servers: what a script runs and ignores SIGTERM is gone after its timeout, and the next one runs", () =>
  TemporaryHome.use(async (home) => {
    await home.run("config", "set", "kill_grace_seconds", "1");
    await home.startWorkers(1);
    await Deno.writeTextFile(`${home.dir}/rude`, "trap '' TERM; while :; do sleep 0.01; done");
    const limits = { cwd: home.dir, timeout: 1, max_retries: 1 };
    await home.enqueue(
      { id: "rude", command: "sh ./rude; : >after", ...limits },
      { id: "polite", command: "sleep 300; : >after", ...limits },
      { id: "next", command: "exit 0" },
    );
    for (const id of ["rude", "polite"]) {
      const job = await home.untilJob(id, "dead");
      assert.equal(job.last_error, "timed out after 1s");
      assert.equal(job.attempt_history[0].signal, "SIGTERM");
      assert.equal(job.attempt_history[0].duration_seconds >= 2, id === "rude");
    }
    await assert.rejects(Deno.stat(`${home.dir}/after`), Deno.errors.NotFound);
    await home.untilJob("next", "completed");
    await home.run("worker", "stop");
    assert.deepEqual((await home.processes()).filter((one) => !isGone(one)), []);
  }));
