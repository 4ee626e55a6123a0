/**
 * The fork servers of a worker: as many as commands run in them at a time.
 */

import { type Answer, canServe, ForkServer } from "./fork_server.ts";
import type { Libc } from "./libc.ts";
import { COOKIE_VARIABLE } from "./process_probe.ts";
import type { QuickEnds } from "./quick_ends.ts";
import type { CommandSpec } from "./running_command.ts";
import { type CommonGround, subshellLine } from "./subshell_line.ts";

/** After this time without work they are let go. */
const MAX_IDLE_MS = 5000;

/** A command that runs in a fork server. */
export interface Lease {
  readonly pgid: number;
  /** What its subshells show among their variables, `NAME=value`; programs that they become show what they are given. */
  readonly cookie: string;
  readonly answer: Promise<Answer>;
  readonly isSealed: boolean;
  /** Nothing else is run in its group: to be called before that is signalled. */
  seal(): void;
  /** To be called after the answer. Settles at once if the server can be used again, else once it is gone. */
  giveBack(how: { isClean: boolean }): Promise<void>;
}

/** Where they run and what for. */
interface Place {
  readonly libc: Libc;
  readonly quickEnds: QuickEnds;
  /** The variables that all commands get. */
  readonly variables: Readonly<Record<string, string>>;
  /** The beginning of the values by which their subshells are known. */
  readonly workerCookie: string;
}

interface Server {
  readonly shell: ForkServer;
  readonly cookie: string;
  idleSince: number;
}

/** Starts them when they are needed. */
export class ForkServers {
  readonly #place: Place;
  /** Null if nothing can be run in subshells here. */
  readonly #ground: CommonGround | null;
  /** The one that was used last is the last. */
  readonly #idle: Server[] = [];
  #started = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(place: Place) {
    this.#place = place;
    const umask = `0${place.libc.umask().toString(8)}`;
    this.#ground = canServe() ? { variables: place.variables, umask } : null;
  }

  /** Runs a command in a subshell; null if it has to have a shell of its own. */
  run(spec: CommandSpec): Lease | null {
    const line = this.#ground === null ? null : subshellLine(spec, this.#ground);
    if (line === null) return null;
    const server = this.#idle.pop() ?? this.#start();
    const answer = server?.shell.run(line) ?? null;
    return answer === null ? null : this.#lease(server!, answer);
  }

  /** Lets those go that have nothing to do. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    await Promise.all(this.#idle.splice(0).map(({ shell }) => dismiss(shell)));
  }

  #start(): Server | null {
    const { libc, quickEnds, variables, workerCookie } = this.#place;
    const cookie = `${COOKIE_VARIABLE}=${workerCookie}${++this.#started}`;
    const assignments = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    const shell = ForkServer.start(libc, quickEnds, [...assignments, cookie]);
    return shell === null ? null : { shell, cookie, idleSince: 0 };
  }

  #lease(server: Server, answer: Promise<Answer>): Lease {
    let isSealed = false;
    const { shell, cookie } = server;
    return {
      pgid: shell.pid,
      cookie,
      answer,
      get isSealed() {
        return isSealed;
      },
      seal: () => {
        isSealed = true;
        shell.close();
      },
      giveBack: async ({ isClean }) => {
        if (isSealed || shell.isClosed || !isClean) await dismiss(shell);
        else this.#keep(server);
      },
    };
  }

  #keep(server: Server): void {
    server.idleSince = performance.now();
    this.#idle.push(server);
    this.#timer ??= setTimeout(() => this.#letGo(), MAX_IDLE_MS);
  }

  #letGo(): void {
    const before = performance.now() - MAX_IDLE_MS;
    while (this.#idle[0] !== undefined && this.#idle[0].idleSince <= before) {
      this.#idle.shift()!.shell.close();
    }
    this.#timer = this.#idle.length === 0 ? null : setTimeout(() => this.#letGo(), MAX_IDLE_MS);
  }
}

async function dismiss(shell: ForkServer): Promise<void> {
  shell.close();
  await shell.gone;
}
