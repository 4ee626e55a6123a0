/**
 * A line for processes that want the store's only write lock at the same time.
 *
 * SQLite lets those who wait try again and again, and whoever happens to try at the right moment gets the lock:
 * among dozens of processes some are passed over for seconds. The kernel keeps those who wait for a lock on a
 * file in order instead. The line is for fairness alone: a store is as safe without it, so whoever has waited
 * too long in it (its first may be frozen), or can't use the file, simply tries like the others.
 */

/** How long to stand in line at most, in ms. */
const MAX_WAIT_MS = 2000;
/** Whoever has gone through the line goes through it again for as long as that took, in ms at most. */
const MAX_CROWDED_MS = 1000;

/** One process's way through the line. */
export class Turnstile {
  readonly #path: string;
  #inside = 0;
  #crowdedUntilMs = -Infinity;

  /** `path` is a file that is created when it is needed first, beside the store. */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Whether others have lately wanted the lock at the same time. The line costs more than a short transaction, which
   * had better try by itself again soon.
   */
  get isCrowded(): boolean {
    return this.#inside > 0 || performance.now() < this.#crowdedUntilMs;
  }

  /**
   * Does `work` when its turn has come, or when it has waited too long. Also who is first may still meet those
   * who don't stand in line.
   */
  async pass<T>(work: (isFirst: boolean) => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    this.#inside++;
    const leave = await this.#enter();
    try {
      return await work(leave !== null);
    } finally {
      leave?.();
      this.#inside--;
      const now = performance.now();
      this.#crowdedUntilMs = now + Math.min(now - startedAt, MAX_CROWDED_MS);
    }
  }

  /** Returns the way out; null if it couldn't be entered. */
  async #enter(): Promise<(() => void) | null> {
    let file: Deno.FsFile;
    try {
      file = await Deno.open(this.#path, { create: true, write: true, mode: 0o600 });
    } catch {
      return null; // a read-only disk: the store will say so itself
    }
    let isLate = false;
    const turn = file.lock(true).then(() => {
      if (isLate) file.close();
    });
    turn.catch(() => {});
    const tooLong = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      isLate = true;
      tooLong.resolve();
    }, MAX_WAIT_MS);
    try {
      await Promise.race([turn, tooLong.promise]);
    } catch {
      isLate = true; // no locks on this file system
      file.close();
    }
    clearTimeout(timer);
    return isLate ? null : () => file.close();
  }
}
