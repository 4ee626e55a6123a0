/**
 * Starting commands fast, and knowing for certain what they leave running.
 *
 * For the command nothing differs from a plain `sh -c` in a session of its own. The worker adopts the orphans among
 * its descendants: so what a command leaves running has the worker as its parent the moment it is left, however often
 * it forks and however it renames itself. Of these only what carries the attempt's cookie is killed; a worker that a
 * job has started, say, is none of its business.
 *
 * Where the C library is another one, workers start commands through Deno (`command.ts`).
 */

import { constants } from "node:os";
import { createOutputFiles } from "../home/output_files.ts";
import { isAwaited, noteAwaited } from "./awaited_children.ts";
import { type Libc, loadLibc } from "./libc.ts";
import { COOKIE_VARIABLE, signalGroup, signalProcess } from "./process_probe.ts";
import { type CommandExit, type CommandSpec, type RunningCommand, StartError } from "./running_command.ts";
import { checkDirectory, tooLong, tryTo } from "./start_checks.ts";

/** Each running command takes a thread that waits for it, of a number that Deno has for all of its work. */
const MAX_RUNNING = 256;
/** A bound on the looks for what a command has left, a millisecond apart. */
const MAX_SWEEPS = 5000;
/** A bound on the looks in a row, each of which has found that something changes. */
const MAX_RESTLESS_LOOKS = 200;

/** Starts the commands of one worker. */
export class Spawner {
  readonly #libc: Libc | null;
  readonly #adopts: boolean;
  /** The variables that all commands get, `NAME=value` by their names. */
  readonly #common: ReadonlyMap<string, string>;
  readonly #isCommonOdd: boolean;
  #running = 0;

  /** With the variables that all commands get. */
  constructor(variables: Readonly<Record<string, string>>, libc: Libc | null = loadLibc()) {
    this.#libc = libc;
    this.#adopts = libc?.adoptOrphans() ?? false;
    this.#common = assignments(variables);
    this.#isCommonOdd = hasOddName(variables);
  }

  /**
   * Starts a command. Null if it has to be started in another way. Throws `StartError` if its directory or its files
   * can't be used.
   */
  start(spec: CommandSpec): RunningCommand | null {
    const libc = this.#libc;
    if (libc === null || this.#running >= MAX_RUNNING) return null;
    const variables = new Map([...this.#common, ...assignments(spec.env)]);
    const pid = this.#spawn(libc, spec, variables);
    const ended = libc.waitForEnd(pid);
    noteAwaited(pid, ended);
    this.#running++;
    const cookie = variables.get(COOKIE_VARIABLE);
    const exited = ended.then((status) => {
      this.#running--;
      return exitOf(status, { outputBytes: sizeOf(spec), hasLeftovers: this.#hasLeftovers(libc, cookie) });
    });
    return { pgid: pid, exited, killLeftovers: () => this.#killLeftovers(libc, cookie) };
  }

  #spawn(libc: Libc, spec: CommandSpec, variables: ReadonlyMap<string, string>): number {
    const { cwd, stdout, stderr, words, args } = spec;
    const place = { cwd, stdout, stderr };
    if (words.length > 0 && !this.#isCommonOdd && !hasOddName(spec.env)) {
      const withFolder = [...variables, ...shellFolder(spec, variables)].map(([, assignment]) => assignment);
      const pid = libc.spawn({ args: words, variables: withFolder, ...place });
      if (pid > 0) return pid;
      // The shell says why, or runs what is a script without saying so.
    }
    const pid = libc.spawn({ args, variables: [...variables.values()], ...place });
    if (pid > 0) return pid;
    if (-pid === constants.errno.E2BIG) throw tooLong();
    checkDirectory(cwd);
    tryTo("create the files for its output", () => createOutputFiles(spec));
    const why = ERROR_NAMES.get(-pid) ?? `error ${-pid}`;
    throw new StartError(`can't start it: ${why}`, { isOurFault: true });
  }

  #hasLeftovers(libc: Libc, cookie: string | undefined): boolean | null {
    if (!this.#adopts) return null;
    const left = this.#lookForLeft(libc, cookie);
    return left === null ? null : left.length > 0;
  }

  async #killLeftovers(libc: Libc, cookie: string | undefined): Promise<number | null> {
    const killed = new Set<number>();
    for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
      const left = this.#lookForLeft(libc, cookie);
      if (left?.length === 0) return killed.size;
      for (const pid of left ?? []) {
        killed.add(pid);
        signalGroup(pid, "SIGKILL");
        signalProcess(pid, "SIGKILL");
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return null;
  }

  /**
   * The adopted processes that carry a cookie; null if nobody can say. The list is certain if nothing has changed
   * while it was made: an orphan is passed on before its parent can be seen to have ended.
   */
  #lookForLeft(libc: Libc, cookie: string | undefined): number[] | null {
    let unreadable = "";
    for (let look = 0; look < MAX_RESTLESS_LOOKS; look++) {
      const adopted = libc.children().filter((pid) => !isAwaited(pid));
      const alive = adopted.filter((pid) => !libc.reap(pid));
      const environs = alive.map((pid) => libc.environ(pid));
      const left = alive.filter((_, index) => cookie !== undefined && hasLine(environs[index]!, cookie));
      // Whoever is just becoming another program shows no variables; whoever has none shows none at the next look, too.
      const mute = alive.filter((_, index) => environs[index] === "").join(" ");
      if (left.length > 0 || (alive.length === adopted.length && mute === unreadable)) return left;
      unreadable = mute;
    }
    return null;
  }
}

const SIGNAL_NAMES = namesOf(constants.signals);
const ERROR_NAMES = namesOf(constants.errno);

/** Of names with the same number the first counts. */
function namesOf(numbers: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(numbers).map(([name, number]) => [number, name] as const).toReversed());
}

function exitOf(
  status: number | null,
  rest: Pick<CommandExit, "outputBytes" | "hasLeftovers">,
): CommandExit {
  if (status === null) return { exitCode: null, signal: null, ...rest };
  const signal = status & 127;
  return {
    exitCode: signal === 0 ? status >> 8 : null,
    signal: signal === 0 ? null : SIGNAL_NAMES.get(signal) ?? `signal ${signal}`,
    ...rest,
  };
}

/** The size of the longer of the two files; null if that can't be known. */
function sizeOf({ stdout, stderr }: CommandSpec): number | null {
  try {
    return Math.max(Deno.statSync(stdout).size, Deno.statSync(stderr).size);
  } catch {
    return null;
  }
}

function assignments(variables: Readonly<Record<string, string>>): Map<string, string> {
  return new Map(Object.entries(variables).map(([name, value]) => [name, `${name}=${value}`]));
}

/** A shell passes on no variable whose name it couldn't write. */
function hasOddName(variables: Readonly<Record<string, string>>): boolean {
  return Object.keys(variables).some((name) => /^\d|\W/.test(name));
}

function hasLine(environ: string, assignment: string): boolean {
  return `\0${environ}`.includes(`\0${assignment}\0`);
}

/** The variable that a shell adds: its directory, unless it has a name for it already. */
function shellFolder({ cwd }: CommandSpec, variables: ReadonlyMap<string, string>): [string, string][] {
  const pwd = variables.get("PWD")?.slice("PWD=".length) ?? "";
  if (pwd === cwd || isSameFolder(pwd, cwd)) return [];
  try {
    return [["PWD", `PWD=${Deno.realPathSync(cwd)}`]];
  } catch {
    return []; // it can't be entered either
  }
}

function isSameFolder(one: string, other: string): boolean {
  if (!one.startsWith("/")) return false;
  try {
    const [a, b] = [Deno.statSync(one), Deno.statSync(other)];
    return a.dev === b.dev && a.ino === b.ino;
  } catch {
    return false;
  }
}
