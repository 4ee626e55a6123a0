/**
 * The command line: finds the command that is called, and runs it.
 *
 * Only the commands that a line mentions are described, so that all the others don't make it slower to start.
 */

import { Command, CommanderError, type Option } from "commander";
import { badInput, QueueError, unknownWord } from "../core/errors.ts";
import { describeAll, describeMentioned } from "./command_table.ts";
import { Context, type GlobalFlags, type Wiring } from "./context.ts";
import { examplesText, type Runner } from "./description.ts";
import { printVersion } from "./version.ts";

/** Runs the command line `args`; returns the exit status. Throws `QueueError` for what a user can mend. */
export async function runCli(args: readonly string[], wiring: Wiring): Promise<number> {
  let exitStatus = 0;
  const on: Runner = (load) => async (...given: unknown[]) => {
    const command = given.at(-1) as Command;
    const context = new Context(command.optsWithGlobals<GlobalFlags>(), wiring, typed);
    try {
      exitStatus = await (await load())(context, command.args, command.opts()) ?? 0;
    } finally {
      await context.close();
    }
  };
  const program = root();
  program.action(on(() => Promise.resolve((context, operands) => atRoot(context, operands, program))));
  if (needsAll(args)) describeAll(program, on);
  else describeMentioned(program, args, on);
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

/**
 * Whether a line is about more commands than it mentions: it asks for help, it is to be completed, or it has a
 * flag such as `--max_retries`, which could be another flag's value. A negative number is a flag to commander
 * only where there are commands.
 */
function needsAll(args: readonly string[]): boolean {
  return args[0] === "__complete" ||
    args.some((arg) => /^help$|^--help$|^-[^-]*h|^--[^=]*_|^-[\d.]/.test(arg));
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

/** The program with the flags that every command takes, but without commands. */
function root(): Command {
  return new Command("queuectl")
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
    );
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
  const all = new Command();
  describeAll(all, () => () => Promise.resolve());
  const inGroups = commandsInGroups(all, typed);
  if (inGroups.length > 0) {
    const calls = inGroups.map((words) => `queuectl ${words}`);
    throw badInput(`There is no command "${typed}" by itself`, calls.join(" or "));
  }
  const known = all.commands.map((command) => command.name());
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
