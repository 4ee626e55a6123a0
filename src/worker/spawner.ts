/**
 * Starting commands fast.
 *
 * Three ways, and for the command none differs from a plain `sh -c` in a session of its own: a program with plain
 * words needs no shell, most scripts run in a subshell of a shell that is there already, and the rest have a shell of
 * their own. Where the C library is another one, workers start commands through Deno (`command.ts`).
 */

import { constants } from "node:os";
import { createOutputFiles } from "../home/output_files.ts";
import { noteAwaited } from "./awaited_children.ts";
import { ForkServers } from "./fork_servers.ts";
import { Leftovers } from "./leftovers.ts";
import { type Libc, loadLibc } from "./libc.ts";
import { COOKIE_VARIABLE } from "./process_probe.ts";
import { QuickEnds } from "./quick_ends.ts";
import { type CommandExit, type CommandSpec, type RunningCommand, StartError } from "./running_command.ts";
import { checkDirectory, tooLong, tryTo } from "./start_checks.ts";

/** Each running command may take a thread that waits for it, of a number that Deno has for all of its work. */
const MAX_RUNNING = 256;

/** A command that has been started, and its end as wait(2) tells it, null if nobody can say. */
interface Started {
  readonly pgid: number;
  readonly ended: Promise<number | null>;
}

/** What there is to start commands with, where the C library can be used. */
interface Means {
  readonly libc: Libc;
  readonly quickEnds: QuickEnds;
  readonly leftovers: Leftovers;
  readonly forkServers: ForkServers;
}

/** Starts the commands of one worker. */
export class Spawner {
  readonly #means: Means | null;
  /** The variables that all commands get, `NAME=value` by their names. */
  readonly #common: ReadonlyMap<string, string>;
  readonly #isCommonOdd: boolean;
  #running = 0;

  /** With the variables that all commands get, and the cookie by which what this worker runs is known. */
  constructor(
    variables: Readonly<Record<string, string>>,
    workerCookie: string,
    libc: Libc | null = loadLibc(),
  ) {
    this.#common = assignments(variables);
    this.#isCommonOdd = hasOddName(variables);
    if (libc === null) {
      this.#means = null;
      return;
    }
    const [quickEnds, leftovers] = [new QuickEnds(libc), new Leftovers(libc)];
    const forkServers = new ForkServers({ libc, quickEnds, variables, workerCookie });
    this.#means = { libc, quickEnds, leftovers, forkServers };
  }

  /**
   * Starts a command. Null if it has to be started in another way. Throws `StartError` if its directory or its files
   * can't be used.
   */
  start(spec: CommandSpec): RunningCommand | null {
    if (this.#means === null || this.#running >= MAX_RUNNING) return null;
    const running = this.#startInSubshell(this.#means, spec) ?? this.#startAlone(this.#means, spec);
    this.#running++;
    const isOver = () => {
      this.#running--;
    };
    running.exited.then(isOver, isOver);
    return running;
  }

  /** Ends what it keeps to start commands with; what still runs is not touched. */
  async close(): Promise<void> {
    await this.#means?.forkServers.close();
  }

  #startInSubshell(means: Means, spec: CommandSpec): RunningCommand | null {
    const { leftovers, forkServers } = means;
    if (spec.words.length > 0 || !leftovers.isKnown) return null;
    const lease = forkServers.run(spec);
    if (lease === null) return null;
    const cookies = [...cookieOf(spec), lease.cookie];
    let instead: RunningCommand | null = null;
    const exited = lease.answer.then(async (status): Promise<CommandExit> => {
      if (status !== "refused") {
        const hasLeftovers = await leftovers.exist(cookies);
        await lease.giveBack({ isClean: hasLeftovers === false });
        return exitOf(status, { outputBytes: this.#sizeOf(means, spec), hasLeftovers });
      }
      await lease.giveBack({ isClean: true });
      if (lease.isSealed) return NEVER_STARTED;
      try {
        instead = this.#startAlone(means, spec);
      } catch (error) {
        if (!(error instanceof StartError)) throw error;
        return { ...NEVER_STARTED, startError: error };
      }
      return await instead.exited;
    });
    return {
      get pgid() {
        return instead?.pgid ?? lease.pgid;
      },
      exited,
      sealGroup: () => lease.seal(),
      killLeftovers: () => leftovers.kill(cookies),
    };
  }

  #startAlone(means: Means, spec: CommandSpec): RunningCommand {
    const { leftovers } = means;
    const { pgid, ended } = this.#spawn(means, spec);
    const cookies = cookieOf(spec);
    const exited = ended.then(async (status) => {
      const hasLeftovers = await leftovers.exist(cookies);
      return exitOf(status, { outputBytes: this.#sizeOf(means, spec), hasLeftovers });
    });
    return { pgid, exited, sealGroup: () => {}, killLeftovers: () => leftovers.kill(cookies) };
  }

  #spawn(means: Means, spec: CommandSpec): Started {
    const { libc } = means;
    const { cwd, stdout, stderr, words, args } = spec;
    const place = { cwd, stdout, stderr };
    const variables = new Map([...this.#common, ...assignments(spec.env)]);
    if (words.length > 0 && !this.#isCommonOdd && !hasOddName(spec.env)) {
      const withFolder = [...variables, ...shellFolder(spec, variables)].map(([, assignment]) => assignment);
      const pid = libc.spawn({ args: words, variables: withFolder, ...place });
      if (pid > 0) return this.#started(means, pid);
      // The shell says why, or runs what is a script without saying so.
    }
    const pid = libc.spawn({ args, variables: [...variables.values()], ...place });
    if (pid > 0) return this.#started(means, pid);
    if (-pid === constants.errno.E2BIG) throw tooLong();
    checkDirectory(cwd);
    tryTo("create the files for its output", () => createOutputFiles(spec));
    const why = ERROR_NAMES.get(-pid) ?? `error ${-pid}`;
    throw new StartError(`can't start it: ${why}`, { isOurFault: true });
  }

  #started({ libc, quickEnds }: Means, pid: number): Started {
    const waitForEnd = async () => {
      const file = libc.openEnd(pid);
      const isOver = file !== null && await quickEnds.wait(file);
      if (file !== null) libc.closeFile(file);
      return isOver ? libc.statusOf(pid) : await libc.waitForEnd(pid);
    };
    const ended = waitForEnd();
    noteAwaited(pid, ended);
    return { pgid: pid, ended };
  }

  /** The size of the longer of the two files; null if that can't be known. */
  #sizeOf({ libc }: Means, { stdout, stderr }: CommandSpec): number | null {
    const [one, other] = [libc.sizeOf(stdout), libc.sizeOf(stderr)];
    return one === null || other === null ? null : Math.max(one, other);
  }
}

const NEVER_STARTED: CommandExit = {
  exitCode: null,
  signal: null,
  outputBytes: null,
  hasLeftovers: false,
  startError: null,
};
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
  if (status === null) return { ...NEVER_STARTED, ...rest };
  const signal = status & 127;
  return {
    exitCode: signal === 0 ? status >> 8 : null,
    signal: signal === 0 ? null : SIGNAL_NAMES.get(signal) ?? `signal ${signal}`,
    ...rest,
    startError: null,
  };
}

/** What a process of the attempt shows among its variables. */
function cookieOf({ env }: CommandSpec): string[] {
  const cookie = env[COOKIE_VARIABLE];
  return cookie === undefined ? [] : [`${COOKIE_VARIABLE}=${cookie}`];
}

function assignments(variables: Readonly<Record<string, string>>): Map<string, string> {
  return new Map(Object.entries(variables).map(([name, value]) => [name, `${name}=${value}`]));
}

/** A shell passes on no variable whose name it couldn't write. */
function hasOddName(variables: Readonly<Record<string, string>>): boolean {
  return Object.keys(variables).some((name) => /^\d|\W/.test(name));
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
