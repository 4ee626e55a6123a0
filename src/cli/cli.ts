/**
 * The command table: every command with its arguments, flags and examples, and what runs it.
 *
 * A command's code is loaded when it runs, so that none makes another one slower to start.
 */

import { Command, CommanderError, type Option } from "commander";
import { badInput, QueueError, unknownWord } from "../core/errors.ts";
import { Context, type GlobalFlags, type Wiring } from "./context.ts";
import { collect, jobOptions } from "./job_options.ts";
import { describePipelines } from "./pipeline_commands.ts";
import { printVersion } from "./version.ts";

/** Runs one command; returns the exit status, or nothing for 0. */
// deno-lint-ignore no-explicit-any -- each command knows its own flags, and commander gives them untyped
type Handler = (context: Context, operands: string[], flags: any) => Promise<number | void>;

/** Runs the command line `args`; returns the exit status. Throws `QueueError` for what a user can mend. */
export async function runCli(args: readonly string[], wiring: Wiring): Promise<number> {
  let exitStatus = 0;
  const on = (load: () => Promise<Handler>) => async (...given: unknown[]) => {
    const command = given.at(-1) as Command;
    const context = new Context(command.optsWithGlobals<GlobalFlags>(), wiring, typed);
    try {
      exitStatus = await (await load())(context, command.args, command.opts()) ?? 0;
    } finally {
      await context.close();
    }
  };
  const program = describe(on);
  if (args[0] === "__complete") {
    await (await import("./completion/answer.ts")).answerShell(program, args.slice(1), wiring);
    return 0;
  }
  const typed = withKebabFlags(args, program);
  try {
    await program.parseAsync(typed, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      throw inOurWords(error, helpOf(typed, program));
    }
    if (!(error instanceof QueueError) || error.code !== "bad_input" || error.hint || error.mistyped) {
      throw error;
    }
    throw badInput(error.message, helpOf(typed, program));
  }
  return exitStatus;
}

/** `--max_retries` is the same as `--max-retries`; a word that is a flag's value stays as it is. */
function withKebabFlags(args: readonly string[], program: Command): string[] {
  const options = optionsOf(program);
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  let isValue = false;
  return args.map((arg, index) => {
    if (isValue || index >= end) {
      isValue = false;
      return arg;
    }
    const flag = arg.replace(/^--[^=]+/, (name) => name.replaceAll("_", "-"));
    isValue = options.some((option) => option.required && (option.long === flag || option.short === flag));
    return flag;
  });
}

function optionsOf(command: Command): Option[] {
  return [...command.options, ...command.commands.flatMap(optionsOf)];
}

/** The way to the help of the command that was meant, as far as it is known. */
function helpOf(typed: readonly string[], program: Command): string {
  let command = program;
  const words = ["queuectl"];
  for (const word of typed) {
    const next = command.commands.find((candidate) => candidate.name() === word);
    if (next === undefined) continue;
    command = next;
    words.push(word);
  }
  return [...words, "--help"].join(" ");
}

function inOurWords(error: CommanderError, help: string): QueueError {
  if (error.code === "commander.help") return badInput("A command is missing", "one of those above");
  const [first = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
  const message = `${first.charAt(0).toUpperCase()}${first.slice(1)}`.replace(/\.$/, "");
  const suggestion = /Did you mean (?:one of )?(.*?)\?/.exec(rest.join(" "))?.[1];
  return badInput(message, suggestion ?? help);
}

function describe(on: (load: () => Promise<Handler>) => (...given: unknown[]) => Promise<void>): Command {
  const program = new Command("queuectl")
    .description("Runs shell commands in the background and never loses one")
    .option("--home <dir>", "where everything is kept (QUEUECTL_HOME; ~/.queuectl)")
    .option("--db <file>", "the store alone elsewhere (QUEUECTL_DB)")
    .option("--json", "print the result as one JSON document")
    .option("--quiet", "print nothing but the result")
    .option("-V, --version", "print the versions of queuectl, Deno and SQLite")
    .helpOption("-h, --help", "show how it is used")
    .argument("[command]")
    .usage("[options] <command>")
    .configureHelp({ showGlobalOptions: true, visibleArguments: () => [] })
    .helpCommand("help [command]", "show how a command is used")
    .configureOutput({ outputError: () => {} })
    .exitOverride()
    .allowExcessArguments()
    .addHelpText(
      "after",
      examplesText(["queuectl enqueue -- make test", "queuectl worker start", "queuectl status"]),
    )
    .action(on(() => Promise.resolve((context, operands) => atRoot(context, operands, program))));

  const command = (parent: Command, usage: string, text: string, examples: readonly string[]) => {
    const added = parent.command(usage).description(text).allowExcessArguments(false);
    return added.addHelpText("after", examplesText(examples));
  };

  jobOptions(command(program, "enqueue [job] [words...]", "Store jobs, to be run by a worker", [
    `queuectl enqueue '{"id": "job1", "command": "echo hello"}'`,
    `queuectl enqueue --id job2 --command "sleep 2 && echo done"`,
    "queuectl enqueue --priority high --delay 10m -- make test",
    "queuectl enqueue --file jobs.ndjson",
    "queuectl enqueue - < jobs.ndjson",
  ]))
    .option("--file <file>", "read JSON or NDJSON from a file")
    .option("-q, --queue <queue>", "the queue; default if absent")
    .action(on(async () => (await import("./commands/enqueue.ts")).enqueue));

  command(program, "list", "Show jobs, oldest first", [
    "queuectl list",
    "queuectl list --state failed --queue reports",
    "queuectl list --search backup --limit 20 --json",
  ])
    .option("--state <state>", "only jobs in this state; several separated by commas")
    .option("-q, --queue <queue>", "only jobs of this queue")
    .option("--limit <n>", "at most so many")
    .option("--search <text>", "only jobs with this text in their id or command")
    .action(on(async () => (await import("./commands/list.ts")).list));

  command(program, "status [id]", "Show workers and jobs by state, or one job in full", [
    "queuectl status",
    "queuectl status job1",
    "queuectl status --json",
    "queuectl status --watch",
  ])
    .option("-w, --watch", "go on, as top does; without a terminal print it each time it has changed")
    .action(on(async () => (await import("./commands/status.ts")).status));

  command(program, "top", "Watch workers, queues and jobs, and act on them, on the whole screen", [
    "queuectl top",
  ])
    .action(on(async () => (await import("./commands/top.ts")).top));

  command(program, "get <id>", "Show one job in full, with its attempts", [
    "queuectl get job1",
    "queuectl get job1 --json",
  ])
    .action(on(async () => (await import("./commands/status.ts")).get));

  command(program, "logs [id...]", "Print what jobs printed, or print it as it comes", [
    "queuectl logs job1",
    "queuectl logs job1 job2 --follow",
    "queuectl logs -f --queue reports --since 10m",
    "queuectl logs job1 --attempt 2 --stderr",
    "queuectl logs --all --tail 5 --timestamps",
    "queuectl logs job1 --path",
  ])
    .option("-f, --follow", "go on until the jobs have ended; all jobs if none is named")
    .option("-q, --queue <queue>", "of all jobs of this queue; with -f, also of those that come later")
    .option("--all", "of all jobs")
    .option("--attempt <n>", "of this attempt; the last if absent")
    .option("--since <time>", "of all attempts that ran since then: 10m, or a time in ISO 8601")
    .option("--tail <n>", "only the last lines of each stream that are there by now")
    .option("-t, --timestamps", "before each line, when it was seen, or its file last changed before that")
    .option("--stdout", "standard output alone")
    .option("--stderr", "standard error alone")
    .option("--path", "print the paths of the files instead")
    .option("--raw", "pass control characters on, even to a terminal")
    .action(on(async () => (await import("./commands/logs.ts")).logs));

  const output = group(program, "output", "What jobs printed, and how they ended", [
    "queuectl output get job1",
  ]);
  command(output, "get <id>", "Print a job's output, exit code and finish time", ["queuectl output get job1"])
    .action(on(async () => (await import("./commands/output.ts")).outputGet));

  command(program, "history [id]", "Show attempts, of one job or the newest of all", [
    "queuectl history",
    "queuectl history job1 --json",
  ])
    .option("--limit <n>", "at most so many, the newest; 100 of all jobs if absent")
    .action(on(async () => (await import("./commands/history.ts")).history));

  command(program, "retry <id...>", "Run failed, dead, cancelled or completed jobs again, now", [
    "queuectl retry job1 job2",
  ])
    .action(on(async () => (await import("./commands/retry.ts")).retry));

  command(program, "cancel <id...>", "Withdraw jobs; the command of one that runs is ended", [
    "queuectl cancel job1",
  ])
    .action(on(async () => (await import("./commands/retry.ts")).cancel));

  command(program, "clear", "Delete jobs and their output, but none that is processing", [
    "queuectl clear --state completed --older-than 7d",
    "queuectl clear --yes",
  ])
    .option("--state <state>", "only jobs in this state; several separated by commas")
    .option("--older-than <time>", "only jobs not touched for this long, such as 7d")
    .option("-y, --yes", "don't ask")
    .action(on(async () => (await import("./commands/clear.ts")).clear));

  describePipelines(program, command, on);
  describeDlq(
    group(program, "dlq", "The dead letter queue: jobs that are out of attempts", [
      "queuectl dlq list",
      "queuectl dlq retry --all",
    ]),
    command,
    on,
  );
  describeWorker(
    group(program, "worker", "The processes that run jobs", [
      "queuectl worker start --count 3",
      "queuectl worker stop",
    ]),
    command,
    on,
  );
  describeConfig(
    group(program, "config", "The configuration", [
      "queuectl config list",
      "queuectl config set max_retries 5",
    ]),
    command,
    on,
  );

  command(program, "completions <shell>", "Print what makes a shell complete commands, flags and ids", [
    `eval "$(queuectl completions bash)"`,
    "queuectl completions fish > ~/.config/fish/completions/queuectl.fish",
  ])
    .addHelpText("after", "\nShells: bash, zsh, fish, powershell")
    .action(on(async () => (await import("./commands/completions.ts")).completions));
  command(program, "web", "Serve the dashboard and its API, until Ctrl-C", [
    "queuectl web --open",
    "queuectl web --port 8080 --read-only",
    "queuectl web --host 0.0.0.0 --allow-host queue.example.com",
  ])
    .alias("dashboard")
    .option("--host <host>", "where to listen; 127.0.0.1, this machine alone, if absent")
    .option("--port <port>", "5000 if absent; 0 for any that is free")
    .option("--open", "open it in the browser")
    .option("--read-only", "make no change possible")
    .option("--token-file <file>", "where the token is kept (QUEUECTL_WEB_TOKEN is the token itself)")
    .option("--allow-host <name>", "one more name under which it may be asked; may be repeated", collect)
    .action(on(async () => (await import("./commands/web.ts")).web));

  command(program, "init-db", "Create the store, which other commands do by themselves", ["queuectl init-db"])
    .action(on(async () => (await import("./commands/init_db.ts")).initDb));
  return program;
}

type Describer = (parent: Command, usage: string, text: string, examples: readonly string[]) => Command;
type Runner = (load: () => Promise<Handler>) => (...given: unknown[]) => Promise<void>;

function describeDlq(dlq: Command, command: Describer, on: Runner): void {
  command(dlq, "list", "Show the dead jobs, oldest first", ["queuectl dlq list", "queuectl dlq list --json"])
    .option("--limit <n>", "at most so many")
    .action(on(async () => (await import("./commands/dlq.ts")).dlqList));
  command(dlq, "show <id>", "Show a dead job in full, with its attempts", ["queuectl dlq show job1"])
    .action(on(async () => (await import("./commands/dlq.ts")).dlqShow));
  command(dlq, "retry [id...]", "Run dead jobs again, now", [
    "queuectl dlq retry job1",
    "queuectl dlq retry --all",
  ])
    .option("--all", "all dead jobs")
    .option("--reset-attempts", "begin with attempts 0, which is the default")
    .option("--keep-attempts", "keep the count, and grant one more attempt")
    .action(on(async () => (await import("./commands/dlq.ts")).dlqRetry));
  command(dlq, "clear", "Delete the dead jobs and their output", ["queuectl dlq clear --yes"])
    .option("-y, --yes", "don't ask")
    .action(on(async () => (await import("./commands/clear.ts")).dlqClear));
}

function describeWorker(worker: Command, command: Describer, on: Runner): void {
  command(worker, "start", "Start workers", [
    "queuectl worker start --count 3",
    "queuectl worker start --queue reports --concurrency 4",
    "queuectl worker start --foreground",
    "queuectl worker start --drain",
  ])
    .option("-c, --count <n>", "how many processes; 1 if absent")
    .option("--concurrency <n>", "how many jobs each runs at once; 1 if absent")
    .option("-q, --queue <queue...>", "serve only these queues")
    .option("--foreground", "stay until they are stopped (QUEUECTL_FOREGROUND=1)")
    .option("--daemon", "in the background, which is the default")
    .option("--drain", "stay until nothing is left, as drain does; with --daemon in the background")
    .option("--horizon <time>", "with --drain: wait for jobs scheduled within this time; 10m if absent")
    .action(on(async () => {
      const [{ workerStart }, { drain }] = [
        await import("./commands/worker.ts"),
        await import("./commands/drain.ts"),
      ];
      return (context, operands, flags) =>
        flags.drain && !flags.daemon
          ? drain(context, operands, flags)
          : workerStart(context, operands, flags);
    }));
  command(worker, "stop [id...]", "Stop workers, after the jobs that they run", [
    "queuectl worker stop",
    "queuectl worker stop 2 --timeout 30s",
    "queuectl worker stop --force",
  ])
    .option("--force", "end the commands; their jobs go back to pending")
    .option("--timeout <time>", "after this long, as with --force")
    .action(on(async () => (await import("./commands/worker.ts")).workerStop));
  for (const name of ["list", "status"]) {
    command(worker, name, "Show the workers and what they run", [`queuectl worker ${name}`])
      .action(on(async () => (await import("./commands/worker.ts")).workerList));
  }
}

function describeConfig(config: Command, command: Describer, on: Runner): void {
  command(config, "set <key> <value>", "Change a value", [
    "queuectl config set max_retries 5",
    "queuectl config set backoff-base 1.5",
  ])
    .action(on(async () => (await import("./commands/config.ts")).configSet));
  command(config, "get <key>", "Print a value", ["queuectl config get max_retries"])
    .action(on(async () => (await import("./commands/config.ts")).configGet));
  for (const name of ["list", "show"]) {
    command(config, name, "Show all keys with their values, defaults and meanings", [
      `queuectl config ${name}`,
    ])
      .action(on(async () => (await import("./commands/config.ts")).configList));
  }
  command(config, "reset <key>", "Go back to the default", ["queuectl config reset max_retries"])
    .action(on(async () => (await import("./commands/config.ts")).configReset));
}

function group(program: Command, name: string, text: string, examples: readonly string[]): Command {
  return program.command(name)
    .description(text)
    .helpCommand("help [command]", "show how a command is used")
    .addHelpText("after", examplesText(examples));
}

function examplesText(examples: readonly string[]): string {
  return `\nExamples:\n${examples.map((example) => `  ${example}`).join("\n")}`;
}

/** `queuectl` without a command, or with one that doesn't exist. */
async function atRoot(context: Context, operands: readonly string[], program: Command): Promise<number> {
  if (program.opts().version) {
    await printVersion(context);
    return 0;
  }
  const [typed] = operands;
  if (typed === undefined) {
    const { bareStatus } = await import("./commands/status.ts");
    await bareStatus(context);
    return 0;
  }
  const inGroups = commandsInGroups(program, typed);
  if (inGroups.length > 0) {
    const calls = inGroups.map((words) => `queuectl ${words}`);
    throw badInput(`There is no command "${typed}" by itself`, calls.join(" or "));
  }
  const known = program.commands.map((command) => command.name());
  const usage = (word: string) => `queuectl ${word}`;
  throw unknownWord("bad_input", `There is no command "${typed}"`, { typed, known, usage });
}

/** Where a word is a command of groups, the whole of it: `worker start` for `start`. */
function commandsInGroups(program: Command, typed: string): string[] {
  return program.commands.flatMap((group) =>
    group.commands.filter((command) => command.name() === typed)
      .map((command) => `${group.name()} ${command.name()}`)
  );
}
