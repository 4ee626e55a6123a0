import assert from "node:assert/strict";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { assertRefused } from "./refusal.ts";

const COMMANDS = [
  ...["enqueue", "list", "status", "get", "logs", "output get", "history", "retry", "cancel", "clear"],
  ...["dlq list", "dlq show", "dlq retry", "dlq clear", "worker start", "worker stop", "worker status"],
  ...["worker list", "config set", "config get", "config list", "config show", "config reset", "init-db"],
  ...["top", "completions", "progress", "run", "wait", "drain"],
];

async function helpOf(home: TemporaryHome, command: string): Promise<string> {
  const { code, stdout, stderr } = await home.call([...command.split(" ").filter(Boolean), "--help"]);
  assert.deepEqual([code, stderr], [0, ""], command);
  return stdout;
}

Deno.test("--help: on every command shows its usage, the global flags and examples of itself", () =>
  TemporaryHome.use(async (home) => {
    for (const command of COMMANDS) {
      const help = await helpOf(home, command);
      assert.match(help, new RegExp(`^Usage: queuectl ${command} `));
      for (const flag of ["--home", "--db", "--json", "--quiet"]) assert.ok(help.includes(flag), command);
      const examples = help.split("\nExamples:\n")[1] ?? "";
      assert.match(examples, new RegExp(`^  (\\S+ )?queuectl ${command}\\b`, "m"), command);
    }
  }));

Deno.test("--help: queuectl itself shows every command, and examples", () =>
  TemporaryHome.use(async (home) => {
    const help = await helpOf(home, "");
    for (const command of COMMANDS) assert.match(help, new RegExp(`^  ${command.split(" ")[0]}\\b`, "m"));
    assert.match(help, /^Examples:\n {2}queuectl /m);
  }));

Deno.test("--help: a group of commands shows its commands, and examples", () =>
  TemporaryHome.use(async (home) => {
    for (const group of ["dlq", "worker", "config", "output"]) {
      const help = await helpOf(home, group);
      assert.match(help, /^Examples:\n {2}queuectl /m, group);
    }
  }));

Deno.test("--help: creates nothing and needs no home", () =>
  TemporaryHome.use(async (home) => {
    await home.run("list", "--help", "--home", "/dev/null/nowhere");
    await helpOf(home, "enqueue");
    assert.deepEqual(await Array.fromAsync(Deno.readDir(home.dir)), []);
  }));

Deno.test("help: is the same as --help", () =>
  TemporaryHome.use(async (home) => {
    assert.equal(await home.run("help"), await helpOf(home, ""));
    assert.equal(await home.run("help", "enqueue"), await helpOf(home, "enqueue"));
  }));

Deno.test("queuectl: a group without a command shows its usage on stderr and exits with 2", () =>
  TemporaryHome.use(async (home) => {
    for (const args of [["dlq"], ["worker"], ["config"], ["output"]]) {
      const { code, stdout, stderr } = await home.call(args);
      assert.deepEqual([code, stdout], [2, ""], args.join(" "));
      assert.match(stderr, /^Usage: queuectl/);
      assert.match(stderr, /^Error: .*command is missing/m);
    }
  }));

Deno.test("queuectl: a mistyped command is refused with the nearest one", () =>
  TemporaryHome.use(async (home) => {
    const mistyped: [string, string][] = [
      ["enque x", "enqueue"],
      ["lst", "list"],
      ["stauts", "status"],
      ["initdb", "init-db"],
      ["dlq lst", "list"],
      ["dlq retyr a", "retry"],
      ["worker strat", "start"],
      ["config gett max_retries", "get"],
    ];
    for (const [typed, meant] of mistyped) {
      const result = await home.call(typed.split(" "));
      assertRefused(result, 2, /command/i);
      assert.match(result.stderr, new RegExp(`^Try: .*\\b${meant}\\b`, "m"), typed);
    }
  }));

Deno.test("queuectl: a mistyped flag is refused with the nearest one", () =>
  TemporaryHome.use(async (home) => {
    const mistyped: [string, string][] = [
      ["list --stat pending", "--state"],
      ["list --limt 3", "--limit"],
      ["enqueue --comand true", "--command"],
      ["enqueue --max-retry 3 --command true", "--max-retries"],
      ["enqueue --max_retry 3 --command true", "--max-retries"],
      ["clear --older-then 7d", "--older-than"],
      ["dlq retry --al", "--all"],
      ["worker start --conut 3", "--count"],
      ["list --jsn", "--json"],
    ];
    for (const [typed, meant] of mistyped) {
      const result = await home.call(typed.split(" "));
      assertRefused(result, 2, /option/i);
      assert.match(result.stderr, new RegExp(`^Try: .*${meant}\\b`, "m"), typed);
    }
  }));

Deno.test("queuectl: a word that is like no command or flag is refused with what there is", () =>
  TemporaryHome.use(async (home) => {
    assertRefused(await home.call(["frobnicate"]), 2, /no command "frobnicate"/);
    assertRefused(await home.call(["list", "--frobnicate"]), 2, /--frobnicate/);
    assertRefused(await home.call(["list", "extra"]), 2, /too many arguments/i);
    assertRefused(await home.call(["list", "--state"]), 2, /argument missing/i);
    assertRefused(await home.call(["__proto__"]), 2, /no command "__proto__"/);
  }));
