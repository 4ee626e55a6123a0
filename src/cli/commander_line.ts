/**
 * Command lines as commander reads them: all there are, with help, errors and completions.
 */

import { Command, CommanderError, type Option } from "commander";
import { badInput, type QueueError, unknownWord } from "../core/errors.ts";
import { describeAll, describeMentioned } from "./command_table.ts";
import type { Context, Wiring } from "./context.ts";
import { type Call, type Describing, type Gather, GLOBAL_OPTIONS, type Handler } from "./description.ts";
import { pointingToHelp } from "./help_hint.ts";
import { printVersion } from "./version.ts";

/** Does what a call says; returns the exit status. `typed` is the line as it was typed. */
export type Perform = (call: Call, typed: readonly string[]) => Promise<number>;

/** Runs the command line `args`; returns the exit status. Throws `QueueError` for what a user can mend. */
export async function runLine(
  args: readonly string[],
  { wiring, perform }: { wiring: Wiring; perform: Perform },
): Promise<number> {
  let exitStatus = 0;
  const onCall = async (call: Call) => {
    exitStatus = await perform(call, typed);
  };
  const program = commanderProgram(args, onCall);
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
      throw inOurWords(error, ["queuectl", ...calledCommand(typed, program), "--help"].join(" "));
    }
    throw pointingToHelp(error, calledCommand(typed, program));
  }
  return exitStatus;
}

/** The program with the commands that `args` mention, or all of them; `onCall` is told what is called. */
export function commanderProgram(args: readonly string[], onCall: (call: Call) => Promise<void>): Command {
  const program = root();
  const described = new CommanderDescribing(program, onCall);
  described.runs(() => Promise.resolve((context, operands) => atRoot(context, operands, program)));
  if (needsAll(args)) describeAll(described);
  else describeMentioned(described, args);
  return program;
}

/** Describes commands to commander. */
class CommanderDescribing implements Describing {
  readonly #command: Command;
  readonly #onCall: (call: Call) => Promise<void>;

  constructor(command: Command, onCall: (call: Call) => Promise<void>) {
    this.#command = command;
    this.#onCall = onCall;
  }

  command(usage: string, text: string, examples: readonly string[]): Describing {
    const command = this.#command.command(usage).description(text).allowExcessArguments(false)
      .addHelpText("after", examplesText(examples));
    return new CommanderDescribing(command, this.#onCall);
  }

  group(name: string, text: string, examples: readonly string[]): Describing {
    const group = this.#command.command(name).description(text)
      .helpCommand("help [command]", "show how a command is used")
      .addHelpText("after", examplesText(examples));
    return new CommanderDescribing(group, this.#onCall);
  }

  option(flags: string, text: string, gather?: Gather): Describing {
    if (gather === undefined) this.#command.option(flags, text);
    else this.#command.option<string[] | undefined>(flags, text, gather);
    return this;
  }

  hiddenOption(flags: string): Describing {
    this.#command.addOption(this.#command.createOption(flags).hideHelp());
    return this;
  }

  alias(name: string): Describing {
    this.#command.alias(name);
    return this;
  }

  note(text: string): Describing {
    this.#command.addHelpText("after", text);
    return this;
  }

  runs(load: () => Promise<Handler>): Describing {
    this.#command.action((...given: unknown[]) => {
      const command = given.at(-1) as Command;
      const { args: operands } = command;
      return this.#onCall({ flags: command.optsWithGlobals(), ownFlags: command.opts(), operands, load });
    });
    return this;
  }
}

/** What the help of a command ends with. */
function examplesText(examples: readonly string[]): string {
  return `\nExamples:\n${examples.map((example) => `  ${example}`).join("\n")}`;
}

/**
 * Whether a line is about more commands than it mentions: it asks for help, it is to be completed, or it has a
 * flag such as `--max_retries`, which could be another flag's value. A negative number is a flag to commander
 * only where there are commands.
 */
export function needsAll(args: readonly string[]): boolean {
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

/** The words of the command that was meant, as far as it is known. */
function calledCommand(typed: readonly string[], program: Command): string[] {
  let command = program;
  const words: string[] = [];
  for (const word of typed) {
    const next = command.commands.find((candidate) => candidate.name() === word);
    if (next === undefined) continue;
    command = next;
    words.push(word);
  }
  return words;
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
  const program = new Command("queuectl")
    .description("Runs shell commands in the background and never loses one");
  for (const [flags, text] of GLOBAL_OPTIONS) program.option(flags, text);
  return program
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
  describeAll(new CommanderDescribing(all, () => Promise.resolve()));
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
