import assert from "node:assert/strict";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { assertRefused } from "./refusal.ts";
import { callOnTerminal } from "./terminal.ts";

/** Sets the title, clears the screen, moves the cursor, rings, reorders: in C0, C1 and bidi characters. */
const EVIL = "\x1b]0;title\x07\x1b[2J\x1b[1;1H\r\x08\x9b31m\x9d0;t\x9c\u202edesrever\u2066\u2028\x7f";
/** The same text as a script prints it. */
const PRINT_EVIL = `printf '%s' "$EVIL"`;

/** Fails if the screen has a character that a terminal obeys, but for the escape sequences `allowed`. */
function assertHarmless(screen: string, allowed = /^$/): void {
  const rest = screen.replace(new RegExp(allowed, "g"), "").replaceAll(/[\n\t]/g, "");
  const obeyed = [...rest].filter((character) => /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u.test(character));
  assert.deepEqual(
    obeyed.map((character) => character.codePointAt(0)!.toString(16)),
    [],
    JSON.stringify(screen),
  );
}

const STYLE = new RegExp(`${"\x1b"}\\[[\\d;]*m`);

/** A dead job whose command, directory, variables and output are all hostile. */
async function hostileJob(home: TemporaryHome): Promise<void> {
  await home.enqueue({
    id: "evil",
    command: `: '${EVIL}'; ${PRINT_EVIL}; ${PRINT_EVIL} >&2; exit 1`,
    env: { EVIL },
    max_retries: 1,
  }, { id: "lost", command: "true", cwd: `${home.dir}/${EVIL}`, max_retries: 1 });
  await home.startWorkers(1);
  await home.untilJob("lost", "dead");
  await home.untilJob("evil", "dead");
}

Deno.test("terminal: no listing passes on control characters or reordering marks of a job", () =>
  TemporaryHome.use(async (home) => {
    await hostileJob(home);
    const commands = [
      ...["list", "get evil", "status evil", "status lost", "dlq list", "dlq show lost", "history"],
      ...["worker list", "dlq retry lost", "retry evil"],
    ];
    for (const command of commands) {
      const { code, screen } = await callOnTerminal(home, command.split(" "));
      assert.equal(code, 0, screen);
      assertHarmless(screen, STYLE);
    }
  }));

Deno.test("terminal: what is shown instead tells which characters they are", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "evil", command: "echo \x1b]0;t\x07 \u202e \x9b\n" });
    const { screen } = await callOnTerminal(home, ["get", "evil"]);
    assert.match(screen, /^Command: +echo \\x1b\]0;t\\x07 \\u202e \\x9b\\n$/m);
  }));

Deno.test("terminal: JSON has no control characters or reordering marks, and means the same", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "evil", command: EVIL, env: { EVIL } });
    for (const args of [["list", "--json"], ["get", "evil", "--json"]]) {
      const { screen } = await callOnTerminal(home, args);
      assertHarmless(screen);
      assert.deepEqual([JSON.parse(screen)].flat()[0].command, EVIL);
    }
  }));

Deno.test("logs: on a terminal the output of a job can't do more than colours", () =>
  TemporaryHome.use(async (home) => {
    await hostileJob(home);
    for (const args of [["logs", "evil"], ["logs", "evil", "--follow"], ["output", "get", "evil"]]) {
      const { code, screen } = await callOnTerminal(home, args);
      assert.equal(code, 0, screen);
      assert.match(screen, /\\x1b\]0;title\\x07/);
      assertHarmless(screen);
    }
  }));

Deno.test("logs --json: on a terminal the output of a job is harmless, too", () =>
  TemporaryHome.use(async (home) => {
    await hostileJob(home);
    for (const args of [["logs", "evil", "--json"], ["output", "get", "evil", "--json"]]) {
      const { screen } = await callOnTerminal(home, args);
      assertHarmless(screen);
      assert.equal(JSON.parse(screen).stdout, EVIL);
    }
  }));

Deno.test("logs: on a terminal colours, tabs and all scripts stay as they are", () =>
  TemporaryHome.use(async (home) => {
    const text = "\x1b[1;31mred\x1b[0m\ttab ünï → 😀 日本\n";
    await home.enqueue({ id: "a", command: `printf '%s' "$TEXT"`, env: { TEXT: text } });
    await home.startWorkers(1);
    await home.untilJob("a", "completed");
    assert.equal((await callOnTerminal(home, ["logs", "a"])).screen, text);
  }));

Deno.test("logs --raw: passes everything on, even to a terminal", () =>
  TemporaryHome.use(async (home) => {
    await hostileJob(home);
    const { screen } = await callOnTerminal(home, ["logs", "evil", "--raw", "--stdout"]);
    assert.equal(screen, EVIL);
  }));

Deno.test("enqueue: an id or a queue with control characters is refused, harmlessly", () =>
  TemporaryHome.use(async (home) => {
    for (
      const evil of [
        "a\nb",
        "a\0b",
        "\x1b[2J",
        "a\x7f",
        "a\x9bb",
        "a\u202eb",
        "a\u2066b",
        "a\u200fb",
        "a\u2028b",
      ]
    ) {
      for (const key of ["id", "queue"]) {
        const result = await home.call(["enqueue", JSON.stringify({ command: "true", [key]: evil })]);
        assertRefused(result, 2, new RegExp(`"${key}" must be`));
        assertHarmless(result.stderr);
      }
    }
    assert.deepEqual(await home.json("list"), []);
  }));

Deno.test("terminal: an error never passes on what was typed raw", () =>
  TemporaryHome.use(async (home) => {
    const calls = [
      ...[["get", EVIL], ["config", "get", EVIL], ["config", "set", "max_retries", EVIL], [EVIL]],
      ...[["list", `--${EVIL}`], ["list", "--state", EVIL], ["enqueue", EVIL], ["enqueue", "--file", EVIL]],
      ...[["enqueue", JSON.stringify({ command: "true", [EVIL]: 1 })], [
        "list",
        "--home",
        `/dev/null/${EVIL}`,
      ]],
    ];
    for (const args of calls) {
      const { code, screen } = await callOnTerminal(home, args);
      assert.notEqual(code, 0);
      assertHarmless(screen);
    }
  }));
