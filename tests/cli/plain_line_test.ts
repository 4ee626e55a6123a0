import assert from "node:assert/strict";
import { commanderProgram } from "../../src/cli/commander_line.ts";
import { describeAll } from "../../src/cli/command_table.ts";
import type { Call, Describing } from "../../src/cli/description.ts";
import { GLOBAL_OPTIONS } from "../../src/cli/description.ts";
import { readPlainLine } from "../../src/cli/plain_line.ts";
import { randomFrom } from "../chaos/ground.ts";

/** A command's words and its flags as they are described. */
interface Known {
  readonly words: readonly string[];
  readonly flags: string[];
}

/** All commands. */
function allCommands(): Known[] {
  const all: Known[] = [];
  const describing = (words: readonly string[], flags: string[]): Describing => ({
    command: (usage) => {
      const known = { words: [...words, usage.split(" ")[0]!], flags: [] };
      all.push(known);
      return describing(known.words, known.flags);
    },
    group: (name) => describing([...words, name], []),
    option(text) {
      flags.push(text);
      return this;
    },
    hiddenOption(text) {
      flags.push(text);
      return this;
    },
    alias() {
      return this;
    },
    note() {
      return this;
    },
    runs() {
      return this;
    },
  });
  describeAll(describing([], []));
  return all;
}

/** What commander calls for a line; null if it refuses it, or prints something. */
async function byCommander(args: readonly string[]): Promise<Call | null> {
  const calls: Call[] = [];
  const program = commanderProgram(args, (call) => {
    calls.push(call);
    return Promise.resolve();
  });
  try {
    await program.configureOutput({ writeOut: () => {} }).parseAsync(args, { from: "user" });
  } catch {
    return null;
  }
  return calls[0] ?? null;
}

async function asCommanderReads(args: readonly string[]): Promise<boolean> {
  const plain = readPlainLine(args);
  if (plain === null) return false;
  const call = await byCommander(args);
  const line = JSON.stringify(args);
  assert.ok(call !== null, `${line} is refused by commander`);
  assert.deepEqual(plain.operands, call.operands, line);
  assert.deepEqual(plain.ownFlags, call.ownFlags, line);
  assert.deepEqual(plain.flags, call.flags, line);
  assert.equal((await plain.load()).name, (await call.load()).name, line);
  return true;
}

/** Words that may mean something else than they seem to. */
const ODD_WORDS = [
  ...["", "-", "--", "---", "-1", "-.5", "=", "a=b", "help", "-h", "--help", "-V", "--version", "--no-json"],
  ...[
    "--json=true",
    "--id=",
    "--id=-1",
    "-qx",
    "-q=x",
    "-qf",
    "-fq",
    "--max_retries",
    "--unknown",
    "list",
    "worker",
  ],
  ...[
    "start",
    "--home",
    "--env",
    "--queue",
    "-q",
    "--toString",
    "--__proto__",
    "constructor",
    "a b",
    "ä",
    "10m",
  ],
];

Deno.test("plain lines: whatever is read as one, commander reads just so", async () => {
  const random = randomFrom(1);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const commands = allCommands();
  let plain = 0;
  for (let round = 0; round < 4000; round++) {
    const { words, flags } = pick(commands);
    const args = [...words];
    for (let count = Math.floor(random() * 5); count > 0; count--) {
      const kind = random();
      const [, short, long, value] = /^(?:(-\w), )?(--[\w-]+)( .+)?$/.exec(
        pick([...flags, ...GLOBAL_OPTIONS.map(([one]) => one)]),
      )!;
      if (kind < 0.2) args.push(pick(ODD_WORDS));
      else if (kind < 0.4) args.push(pick(["job1", "3", "echo hi", '{"command":"true"}']));
      else if (value === undefined) args.push(short !== undefined && random() < 0.5 ? short : long!);
      else if (random() < 0.3) args.push(`${long}=${pick(["x", "1=2", "--y", "a b"])}`);
      else {args.push(
          short !== undefined && random() < 0.5 ? short : long!,
          random() < 0.9 ? "x" : pick(ODD_WORDS),
        );}
    }
    if (random() < 0.05) args.unshift(pick(["--json", "--home", "nothing", "-q"]));
    if (await asCommanderReads(args)) plain++;
  }
  assert.ok(plain > 1000, `only ${plain} were plain`);
});

Deno.test("plain lines: what is typed every day is one", async () => {
  const lines = [
    'enqueue {"id":"job1","command":"echo hello"}',
    "enqueue --id job2 --command true --priority high --delay 10m --env A=1 --env B=2",
    "enqueue -q builds -- make -j4 --json help",
    ...[
      "enqueue -",
      "enqueue --file jobs.ndjson",
      "list --state failed --json",
      "status",
      "get job1",
      "--version",
    ],
    ...["logs -f job1 job2", "history", "retry job1", "cancel job1", "clear --state completed --yes"],
    ...[
      "run --detach -- ./nightly.sh",
      "wait job1 --timeout 10m",
      "drain --count 4",
      "progress 40 Building it",
    ],
    ...[
      "worker start --count 3",
      "worker stop 2 --force",
      "worker list",
      "config set max_retries 5",
      "dlq retry --all",
    ],
    ...["output get job1", "top", "web --port 0", "completions bash", "init-db --home /tmp/x"],
  ];
  for (const line of lines) {
    const args = line.split(" ");
    assert.ok(readPlainLine(args) !== null, line);
    if (line !== "--version") assert.ok(await asCommanderReads(args), line);
  }
});
