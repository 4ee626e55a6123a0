/**
 * Plain command lines, read by what the runtime has built in.
 *
 * Nearly all lines that are typed or scripted name a command first and give it nothing but flags and words that it
 * has. To load commander, to tell it about a command and to have it read a line takes a fifth of what an empty program
 * takes; so it is left to it what is not plain: help, errors, completions, and all that could be read in two ways.
 */

import { parseArgs } from "node:util";
import { describeMentioned } from "./command_table.ts";
import { type Call, type Describing, type Gather, GLOBAL_OPTIONS, type Handler } from "./description.ts";
import { printVersion } from "./version.ts";

/** A plain line, and the words of the command that it calls. */
export interface PlainLine extends Call {
  readonly command: readonly string[];
}

/** What a line calls, just as commander would read it; null if it isn't plain. */
export function readPlainLine(args: readonly string[]): PlainLine | null {
  if (args.length === 1 && (args[0] === "-V" || args[0] === "--version")) {
    const load = () => Promise.resolve(printVersion);
    return { flags: {}, ownFlags: {}, operands: [], load, command: [] };
  }
  const [first, second] = args;
  if (first === undefined) return null;
  const root = new PlainCommand();
  describeMentioned(root, [first]);
  const group = root.commands.get(first);
  const isGrouped = group !== undefined && group.commands.size > 0;
  const command = isGrouped ? group.commands.get(second ?? "") : group;
  const words = isGrouped ? 2 : 1;
  return command?.read(args.slice(words), args.slice(0, words)) ?? null;
}

/** A flag with at most one value: its short name, its long one, and its value. */
const FLAG = /^(?:-([A-Za-z]), )?--([a-z-]+)( <[^<>.]+>)?$/;

interface Flag {
  readonly type: "string" | "boolean";
  readonly multiple: boolean;
  readonly short?: string;
}

/** What is described of a command, as far as plain lines need it. */
class PlainCommand implements Describing {
  readonly commands = new Map<string, PlainCommand>();
  readonly #flags: Record<string, Flag> = {};
  readonly #operands: { readonly min: number; readonly max: number };
  #load: (() => Promise<Handler>) | null = null;

  constructor(operands: readonly string[] = []) {
    const min = operands.filter((operand) => operand.startsWith("<")).length;
    this.#operands = { min, max: operands.at(-1)?.includes("...") ? Infinity : operands.length };
  }

  command(usage: string): PlainCommand {
    const [name, ...operands] = usage.split(" ");
    const command = new PlainCommand(operands);
    this.commands.set(name!, command);
    return command;
  }

  group(name: string): PlainCommand {
    return this.command(name);
  }

  option(flags: string, _text = "", gather?: Gather): this {
    const parts = FLAG.exec(flags);
    if (parts === null) return this; // whoever gives it, gives no plain line
    const [, short, long, value] = parts;
    const type = value === undefined ? "boolean" : "string";
    this.#flags[long!] = { type, multiple: gather !== undefined, ...(short === undefined ? {} : { short }) };
    return this;
  }

  hiddenOption(flags: string): this {
    return this.option(flags);
  }

  alias(): this {
    return this;
  }

  note(): this {
    return this;
  }

  runs(load: () => Promise<Handler>): this {
    this.#load = load;
    return this;
  }

  /** What the rest of a line says; null if not all of it is known here. */
  read(args: readonly string[], command: readonly string[]): PlainLine | null {
    const load = this.#load;
    if (load === null) return null;
    const own = new Set(Object.keys(this.#flags));
    for (const [flags] of GLOBAL_OPTIONS) this.option(flags);
    const read = parsed(args, this.#flags);
    if (read === null) return null;
    const { operands, values } = read;
    if (operands.length < this.#operands.min || operands.length > this.#operands.max) return null;
    const ownFlags = Object.fromEntries(values.filter(([name]) => own.has(name)).map(named));
    return { flags: Object.fromEntries(values.map(named)), ownFlags, operands, load, command };
  }
}

function parsed(args: readonly string[], options: Readonly<Record<string, Flag>>) {
  try {
    const { positionals, values } = parseArgs({ args: [...args], options, allowPositionals: true });
    return { operands: positionals, values: Object.entries(values) };
  } catch {
    return null; // commander says what is wrong with it
  }
}

/** A flag's value under the name that commands know it by: `runAt` for `run-at`. */
function named([name, value]: [string, unknown]): [string, unknown] {
  return [name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()), value];
}
