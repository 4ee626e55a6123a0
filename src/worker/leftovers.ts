/**
 * Knowing for certain what commands leave running.
 *
 * The worker adopts the orphans among its descendants: so what a command leaves running has the worker as its parent
 * the moment it is left, however often it forks and however it renames itself. Of these only what carries a cookie of
 * the attempt is killed; a worker that a job has started, say, is none of its business.
 */

import { isAwaited } from "./awaited_children.ts";
import type { Libc } from "./libc.ts";
import { signalGroup, signalProcess } from "./process_probe.ts";

/** A bound on the times that it is looked for what a command has left, a millisecond apart. */
const MAX_SWEEPS = 5000;
/** A bound on the looks of one time, each but the last of which has found that something changes. */
const MAX_RESTLESS_LOOKS = 20;

/** What the commands of this process have left running; only one of these a process. */
export class Leftovers {
  /** Whether there is anything to be said. */
  readonly isKnown: boolean;
  readonly #libc: Libc;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.isKnown = libc.adoptOrphans();
  }

  /** Whether there is something with one of the cookies, `NAME=value` each; null if nobody can say. */
  async exist(cookies: readonly string[]): Promise<boolean | null> {
    if (!this.isKnown) return null;
    for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
      const left = this.#look(cookies);
      if (left !== null) return left.length > 0;
      await pause();
    }
    return null;
  }

  /** Kills what has one of the cookies; returns how many processes that were, null if nobody can say. */
  async kill(cookies: readonly string[]): Promise<number | null> {
    const killed = new Set<number>();
    for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
      const left = this.#look(cookies);
      if (left?.length === 0) return killed.size;
      for (const pid of left ?? []) {
        killed.add(pid);
        signalGroup(pid, "SIGKILL");
        signalProcess(pid, "SIGKILL");
      }
      await pause();
    }
    return null;
  }

  /**
   * The adopted processes that carry a cookie; null if nobody can say yet. The list is certain if nothing has changed
   * while it was made: an orphan is passed on before its parent can be seen to have ended.
   */
  #look(cookies: readonly string[]): number[] | null {
    for (let look = 0; look < MAX_RESTLESS_LOOKS; look++) {
      const adopted = this.#libc.children().filter((pid) => !isAwaited(pid));
      if (adopted.length === 0) return adopted;
      const seen = adopted.map((pid) => ({
        pid,
        environ: this.#libc.statusOf(pid) === null ? this.#libc.environ(pid) : null,
      }));
      const left = seen.filter(({ environ }) => environ !== null && hasOneOf(environ, cookies));
      if (left.length > 0 || seen.every(({ environ }) => environ !== null)) return left.map(({ pid }) => pid);
    }
    return null;
  }
}

function hasOneOf(environ: string, assignments: readonly string[]): boolean {
  return assignments.some((assignment) => `\0${environ}`.includes(`\0${assignment}\0`));
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}
