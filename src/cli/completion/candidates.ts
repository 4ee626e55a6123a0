/**
 * What could be typed next, found out from the command table: there is no second list of commands or flags.
 *
 * What an operand or a flag's value is about is told by its name in the table: `<id>` is a job's id, `<state>`
 * a state, `<file>` a file, and so on.
 */

import type { Command, Option } from "commander";
import { CONFIG_KEYS, resolveKey, SETTINGS } from "../../core/config.ts";
import { JOB_STATES, type JobState } from "../../core/job.ts";
import type { JobGlimpse } from "../../core/job_ids.ts";
import { LAST_JOB } from "../../core/meant_job.ts";
import { printableLine } from "../../core/printable.ts";
import type { Store } from "../../core/store.ts";
import { SHELLS } from "./scripts.ts";

/** A word that would do, with a few words about it, which may be empty. */
export interface Candidate {
  readonly word: string;
  readonly note: string;
}

/** What the shell itself has to complete instead: the names of files or folders, or another command's line. */
export type ByShell = "nothing" | "files" | "folders" | "command";

/** All that would do for the last word. */
export interface Completion {
  readonly candidates: readonly Candidate[];
  readonly byShell: ByShell;
}

/** Opens the store that the words before name with `--home` and `--db`; null if there is none. */
export type OpenNamedStore = (named: { home?: string; db?: string }) => Promise<Store | null>;

const MAX_CANDIDATES = 100;
/** So many ids that begin alike are looked through for those whose jobs are in a fitting state. */
const MAX_LOOKED_THROUGH = 2000;
const NOTHING: Completion = { candidates: [], byShell: "nothing" };

/** Commands that only some states allow; the others take any job. */
const FITTING_STATES: Readonly<Record<string, readonly JobState[]>> = {
  cancel: ["processing", "pending", "failed"],
  retry: ["dead", "failed", "cancelled", "completed"],
  "dlq show": ["dead"],
  "dlq retry": ["dead"],
};

/** What the words before the last one mean. */
interface Typed {
  readonly command: Command;
  readonly operands: readonly string[];
  /** The flag whose value comes next; null if none is open. */
  readonly open: Option | null;
  readonly isBehindDashes: boolean;
  readonly named: { home?: string; db?: string };
}

/** What would do for the last of `words`, which are those after the program's name. It may be empty. */
export async function completionOf(
  program: Command,
  words: readonly string[],
  open: OpenNamedStore,
): Promise<Completion> {
  const typed = read(program, words.slice(0, -1));
  const current = words.at(-1) ?? "";
  const look = { typed, program, store: () => open(typed.named) };
  const found = await candidatesFor(look, current);
  const fitting = found.candidates.filter(({ word }) => word.startsWith(current));
  return { ...found, candidates: fitting.slice(0, MAX_CANDIDATES) };
}

interface Look {
  readonly typed: Typed;
  readonly program: Command;
  readonly store: () => Promise<Store | null>;
}

async function candidatesFor(look: Look, current: string): Promise<Completion> {
  const { command, operands, open, isBehindDashes } = look.typed;
  if (isBehindDashes && takesWords(command)) return { candidates: [], byShell: "command" };
  if (open !== null && !current.startsWith("-")) return await valuesOf(look, open, current);
  const given = /^(--[^=]+)=([^]*)$/.exec(current);
  if (given !== null && !isBehindDashes) {
    const option = optionOf(look, given[1]!);
    if (option === undefined) return NOTHING;
    const { candidates, byShell } = await valuesOf(look, option, given[2]!);
    return { byShell, candidates: candidates.map((one) => ({ ...one, word: `${given[1]}=${one.word}` })) };
  }
  if (current.startsWith("-") && !isBehindDashes) return { candidates: flagsOf(look), byShell: "nothing" };
  if (command.commands.length > 0) {
    const isHelp = operands.length === 1 && operands[0] === "help"; // commander keeps it out of its list
    return operands.length === 0 || isHelp
      ? { candidates: commandsOf(command), byShell: "nothing" }
      : NOTHING;
  }
  return await operandsOf(look, current);
}

/** Whether what stands behind `--` is another command's line. */
function takesWords(command: Command): boolean {
  return command.registeredArguments.some((argument) => argument.variadic && argument.name() !== "id");
}

function read(program: Command, words: readonly string[]): Typed {
  let command = program;
  let open: Option | null = null;
  let isBehindDashes = false;
  const operands: string[] = [];
  const named: { home?: string; db?: string } = {};
  for (const word of words) {
    const isFlag = !isBehindDashes && word.startsWith("-") && word !== "-";
    if (!isFlag && open !== null) {
      if (open.long === "--home" || open.long === "--db") named[open.attributeName() as "home" | "db"] = word;
      if (!open.variadic) open = null;
    } else if (word === "--" && !isBehindDashes) {
      [isBehindDashes, open] = [true, null];
    } else if (isFlag) {
      const [flag, value] = splitFlag(word);
      const option: Option | undefined = optionOf({ typed: { command }, program }, flag);
      open = option?.required && value === null ? option : null;
      if (value !== null && (flag === "--home" || flag === "--db")) {
        named[flag === "--db" ? "db" : "home"] = value;
      }
    } else {
      const next = operands.length > 0 ? undefined : command.commands.find((one) => one.name() === word);
      if (next === undefined) operands.push(word);
      else command = next;
    }
  }
  return { command, operands, open, isBehindDashes, named };
}

function splitFlag(word: string): [string, string | null] {
  const split = word.startsWith("--") ? word.indexOf("=") : -1;
  return split === -1 ? [word, null] : [word.slice(0, split), word.slice(split + 1)];
}

function optionOf(look: { typed: { command: Command }; program: Command }, flag: string): Option | undefined {
  const name = flag.startsWith("--") ? flag.replaceAll("_", "-") : flag;
  return [...look.typed.command.options, ...look.program.options]
    .find((option) => option.long === name || option.short === name);
}

function commandsOf(command: Command): Candidate[] {
  return command.createHelp().visibleCommands(command)
    .map((one) => ({ word: one.name(), note: one.description() }));
}

function flagsOf({ typed: { command }, program }: Look): Candidate[] {
  const help = program.createHelp();
  const own = help.visibleOptions(command);
  const options = command === program ? own : [...own, ...help.visibleOptions(program)];
  return [...new Map(options.map((option) => [option.long ?? option.short!, option.description]))]
    .map(([word, note]) => ({ word, note }));
}

async function valuesOf(look: Look, option: Option, current: string): Promise<Completion> {
  const name = /<([\w-]+)/.exec(option.flags)?.[1] ?? "";
  if (option.argChoices !== undefined) return words(option.argChoices);
  return await valuesNamed(look, name, current);
}

async function operandsOf(look: Look, current: string): Promise<Completion> {
  const { command, operands } = look.typed;
  const declared = command.registeredArguments;
  const argument = declared[operands.length] ?? (declared.at(-1)?.variadic ? declared.at(-1) : undefined);
  if (argument === undefined) return NOTHING;
  if (argument.argChoices !== undefined) return words(argument.argChoices);
  const { candidates, byShell } = await valuesNamed(look, argument.name(), current);
  return { byShell, candidates: candidates.filter(({ word }) => !operands.includes(word)) };
}

/** The values of what the table calls `name`. */
async function valuesNamed(look: Look, name: string, current: string): Promise<Completion> {
  switch (name) {
    case "id":
      return found(
        await (look.typed.command.parent?.name() === "worker" ? workers(look) : jobs(look, current)),
      );
    case "state":
      return words(statesAfter(current));
    case "queue":
      return words(await (await look.store())?.ids.queues(current, MAX_CANDIDATES) ?? []);
    case "shell":
      return words(SHELLS);
    case "priority":
      return words(["low", "medium", "high"]);
    case "key":
      return found(CONFIG_KEYS.map((key) => ({ word: key, note: SETTINGS[key].meaning })));
    case "value":
      return words(valuesOfKey(look.typed.operands[0] ?? ""));
    case "file":
      return { candidates: [], byShell: "files" };
    case "dir":
      return { candidates: [], byShell: "folders" };
    default:
      return NOTHING;
  }
}

function words(list: readonly string[]): Completion {
  return found(list.map((word) => ({ word, note: "" })));
}

function found(candidates: readonly Candidate[]): Completion {
  return { candidates, byShell: "nothing" };
}

/** Several states may be given, separated by commas. */
function statesAfter(current: string): string[] {
  const before = current.slice(0, current.lastIndexOf(",") + 1);
  return JOB_STATES.filter((state) => !before.split(",").includes(state)).map((state) => before + state);
}

function valuesOfKey(typed: string): string[] {
  try {
    const setting = SETTINGS[resolveKey(typed).key];
    return setting.kind === "choice" ? [...setting.choices] : [String(setting.default)];
  } catch {
    return [];
  }
}

async function jobs(look: Look, current: string): Promise<Candidate[]> {
  const store = await look.store();
  if (store === null) return [];
  const states = FITTING_STATES[nameOf(look.typed.command)];
  const last = LAST_JOB.startsWith(current) && current !== ""
    ? [{ word: LAST_JOB, note: "the job that was enqueued last" }]
    : [];
  return [...last, ...(await glimpses(store, current, states)).map(candidateOf)];
}

/** Jobs whose ids begin so; where nothing is typed yet, the newest. */
async function glimpses(
  store: Store,
  current: string,
  states: readonly JobState[] | undefined,
): Promise<JobGlimpse[]> {
  if (current !== "") {
    const alike = await store.ids.startingWith(current, MAX_LOOKED_THROUGH);
    return states === undefined ? alike : alike.filter((job) => states.includes(job.state));
  }
  if (states === undefined) return await store.ids.newest(MAX_CANDIDATES);
  const share = Math.ceil(MAX_CANDIDATES / states.length);
  return (await Promise.all(states.map((state) => store.ids.newest(share, state)))).flat();
}

function candidateOf(job: JobGlimpse): Candidate {
  return { word: job.id, note: `${job.state}: ${printableLine(job.command)}` };
}

async function workers(look: Look): Promise<Candidate[]> {
  return (await (await look.store())?.workers() ?? [])
    .map((worker) => ({ word: String(worker.id), note: `pid ${worker.identity.pid}` }));
}

/** The words that call a command: `dlq retry`. */
function nameOf(command: Command): string {
  const parent = command.parent;
  return parent === null || parent.parent === null ? command.name() : `${parent.name()} ${command.name()}`;
}
