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

/** A bound on the looks for what a command has left, a millisecond apart. */
const MAX_SWEEPS = 5000;
/** A bound on the looks in a row, each of which has found that something changes. */
const MAX_RESTLESS_LOOKS = 200;

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
  exist(cookies: readonly string[]): boolean | null {
    if (!this.isKnown) return null;
    const left = this.#look(cookies);
    return left === null ? null : left.length > 0;
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
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return null;
  }

  /**
   * The adopted processes that carry a cookie; null if nobody can say. The list is certain if nothing has changed
   * while it was made: an orphan is passed on before its parent can be seen to have ended.
   */
  #look(cookies: readonly string[]): number[] | null {
    let unreadable = "";
    for (let look = 0; look < MAX_RESTLESS_LOOKS; look++) {
      const adopted = this.#libc.children().filter((pid) => !isAwaited(pid));
      if (adopted.length === 0) return adopted;
      const alive = adopted.filter((pid) => this.#libc.statusOf(pid) === null);
      const environs = alive.map((pid) => this.#libc.environ(pid));
      const left = alive.filter((_, index) => cookies.some((cookie) => hasLine(environs[index]!, cookie)));
      // Whoever is just becoming another program shows no variables; whoever has none shows none at the next look, too.
      const mute = alive.filter((_, index) => environs[index] === "").join(" ");
      if (left.length > 0 || (alive.length === adopted.length && mute === unreadable)) return left;
      unreadable = mute;
    }
    return null;
  }
}

function hasLine(environ: string, assignment: string): boolean {
  return `\0${environ}`.includes(`\0${assignment}\0`);
}
