/**
 * How a command is described, whoever reads the command line.
 */

import type { Context, GlobalFlags } from "./context.ts";

/** Runs one command; returns the exit status, or nothing for 0. */
// deno-lint-ignore no-explicit-any -- each command knows its own flags, which come untyped
export type Handler = (context: Context, operands: string[], flags: any) => Promise<number | void>;

/** Adds one value of a flag that may be repeated to those before. */
export type Gather = (value: string, before: string[] | undefined) => string[];

/**
 * To whom commands are described. Usages and flags are written as commander has them: `get <id>`, `wait [id...]`,
 * `-q, --queue <queue>`.
 */
export interface Describing {
  /** A command within this one. */
  command(usage: string, text: string, examples: readonly string[]): Describing;
  /** A group of commands within this one. */
  group(name: string, text: string, examples: readonly string[]): Describing;
  option(flags: string, text: string, gather?: Gather): Describing;
  /** A flag of which the help says nothing. */
  hiddenOption(flags: string): Describing;
  /** Another name. */
  alias(name: string): Describing;
  /** What else its help says. */
  note(text: string): Describing;
  runs(load: () => Promise<Handler>): Describing;
}

/** Adds one command, or a group of them, to the program. */
export type Description = (program: Describing) => void;

/** The flags that every command takes, with their texts. */
export const GLOBAL_OPTIONS: readonly (readonly [flags: string, text: string])[] = [
  ["--home <dir>", "where everything is kept (QUEUECTL_HOME; ~/.queuectl)"],
  ["--db <file>", "the store alone elsewhere (QUEUECTL_DB)"],
  ["--json", "print the result as one JSON document"],
  ["--quiet", "print nothing but the result"],
  ["-V, --version", "print the versions of queuectl, Deno and SQLite"],
];

/** A command line that has been read. */
export interface Call {
  /** The flags of all commands and those of this one. */
  readonly flags: GlobalFlags & Readonly<Record<string, unknown>>;
  /** The flags of this one. */
  readonly ownFlags: Readonly<Record<string, unknown>>;
  readonly operands: string[];
  readonly load: () => Promise<Handler>;
}
