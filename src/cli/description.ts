/**
 * How a command is described to commander.
 */

import type { Command } from "commander";
import type { Context } from "./context.ts";

/** Runs one command; returns the exit status, or nothing for 0. */
// deno-lint-ignore no-explicit-any -- each command knows its own flags, and commander gives them untyped
export type Handler = (context: Context, operands: string[], flags: any) => Promise<number | void>;

/** Makes of what loads a handler what commander calls. */
export type Runner = (load: () => Promise<Handler>) => (...given: unknown[]) => Promise<void>;

/** Adds one command, or a group of them, to the program. */
export type Description = (program: Command, on: Runner) => void;

/** Adds a command to its parent. */
export function command(
  parent: Command,
  usage: string,
  text: string,
  examples: readonly string[],
): Command {
  return parent.command(usage).description(text).allowExcessArguments(false)
    .addHelpText("after", examplesText(examples));
}

/** Adds a group of commands. */
export function group(program: Command, name: string, text: string, examples: readonly string[]): Command {
  return program.command(name)
    .description(text)
    .helpCommand("help [command]", "show how a command is used")
    .addHelpText("after", examplesText(examples));
}

/** What the help of a command ends with. */
export function examplesText(examples: readonly string[]): string {
  return `\nExamples:\n${examples.map((example) => `  ${example}`).join("\n")}`;
}
