/**
 * A clock that is set while programs run, for the processes of one home only (libfaketime).
 *
 * Only the time of day is set: the monotonic clock goes on, as with a real `settimeofday`.
 */

import { call, type CallResult } from "./program.ts";
import { isGone } from "./wait_for.ts";

const SHARED_MEMORY = "/dev/shm";
/** libfaketime keeps two files there for every process, left behind by those that are killed or `exec`. */
const SHARED_FILE = /^(?:sem\.)?faketime_(?:sem|shm)_(\d+)$/;

/** The clock of one home. */
export class FakeClock {
  readonly #home: string;
  readonly #env: Record<string, string>;
  readonly #sharedBefore = sharedFiles();
  #offsetMs = 0;

  private constructor(home: string, library: string) {
    this.#home = home;
    this.#env = {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: `${home}/clock`,
      FAKETIME_NO_CACHE: "1",
      // Older and newer versions call it differently.
      DONT_FAKE_MONOTONIC: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      NO_FAKE_STAT: "1",
    };
    this.set(0);
  }

  /** A clock that shows the true time at first; null if libfaketime is missing or doesn't work here. */
  static async create(home: string): Promise<FakeClock | null> {
    for (const library of await libraries()) {
      const clock = new FakeClock(home, library);
      clock.set(-86_400);
      if (Math.abs(await clock.#shown() - clock.now()) < 10_000) {
        clock.set(0);
        return clock;
      }
    }
    return null;
  }

  /** Sets the clock to so many seconds from the true time, for all processes of the home at once. */
  set(offsetSeconds: number): void {
    const next = `${this.#home}/clock.next`;
    Deno.writeTextFileSync(next, `${offsetSeconds < 0 ? "" : "+"}${offsetSeconds}\n`);
    Deno.renameSync(next, `${this.#home}/clock`); // nobody may read half of it
    this.#offsetMs = offsetSeconds * 1000;
  }

  /** What the clock shows, in ms since the epoch. */
  now(): number {
    return Date.now() + this.#offsetMs;
  }

  /** How far it is from the true time. */
  get offsetMs(): number {
    return this.#offsetMs;
  }

  /** Calls the program with this clock; what it starts has the same. */
  call(args: readonly string[], stdin = ""): Promise<CallResult> {
    return call(this.#home, args, { stdin, env: this.#env });
  }

  /** Removes what libfaketime has left behind. To be called once its processes have ended. */
  tidy(): void {
    for (const [name, pid] of sharedFiles()) {
      if (this.#sharedBefore.has(name) || !isGone(pid)) continue;
      try {
        Deno.removeSync(`${SHARED_MEMORY}/${name}`);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error; // another trial's tidying was faster
      }
    }
  }

  /** What a program sees. */
  async #shown(): Promise<number> {
    const program = [Deno.execPath(), "eval", "--quiet", "console.log(Date.now())"];
    const { stdout } = await new Deno.Command(program[0]!, { args: program.slice(1), env: this.#env })
      .output();
    return Number(new TextDecoder().decode(stdout));
  }
}

/** The files of libfaketime with the process that each was made for. */
function sharedFiles(): Map<string, number> {
  const names = [...Deno.readDirSync(SHARED_MEMORY)].map((entry) => entry.name);
  return new Map(names.flatMap((name) => {
    const match = SHARED_FILE.exec(name);
    return match === null ? [] : [[name, Number(match[1])]];
  }));
}

async function libraries(): Promise<string[]> {
  const { stdout } = await new Deno.Command("/bin/sh", {
    args: ["-c", "ls /usr/lib/*/faketime/libfaketime.so.1 /usr/lib/faketime/libfaketime.so.1 2>/dev/null"],
  }).output();
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
}
