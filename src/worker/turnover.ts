/**
 * Storing how attempts ended and taking the next jobs, in one commit for all that have ended by then.
 *
 * A commit has a price of its own, whatever it holds: with several slots and short jobs, ends come in while the one
 * before is being stored. What comes alone doesn't wait for company.
 */

import type { AttemptEnd } from "../core/attempt.ts";
import type { Job, ProcessingJob } from "../core/job.ts";
import { nextTurn } from "./next_turn.ts";

/** An attempt that has ended. */
export interface Ending {
  readonly job: ProcessingJob;
  readonly end: AttemptEnd;
  /** Whether its slot is to go on with another job. */
  readonly takesNext: boolean;
}

/** What became of it. */
export interface Settled {
  /** The job as it is now; null if the claim was lost: then nothing was stored. */
  readonly ended: Job | null;
  /** The job that its slot goes on with; null if there is none. */
  readonly next: ProcessingJob | null;
}

/** Stores several; returns them in the same order. */
export type StoreEndings = (endings: readonly Ending[]) => Promise<Settled[]>;

/** Gathers the ends of one worker's attempts. */
export class Turnover {
  readonly #store: StoreEndings;
  readonly #othersRun: () => boolean;
  #waiting: { ending: Ending; settle: (settled: Settled) => void; fail: (error: unknown) => void }[] = [];
  #isStoring = false;

  /** `othersRun` says whether another end may have come at the same moment. */
  constructor(store: StoreEndings, othersRun: () => boolean) {
    this.#store = store;
    this.#othersRun = othersRun;
  }

  /** Stores an end, perhaps together with others. Throws what storing them throws. */
  settle(ending: Ending): Promise<Settled> {
    const { promise, resolve, reject } = Promise.withResolvers<Settled>();
    this.#waiting.push({ ending, settle: resolve, fail: reject });
    if (!this.#isStoring) this.#storeAll();
    return promise;
  }

  async #storeAll(): Promise<void> {
    this.#isStoring = true;
    // What the kernel has told at the same moment is handled one after the other before this goes on.
    if (this.#othersRun()) await nextTurn();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        const settled = await this.#store(batch.map(({ ending }) => ending));
        batch.forEach(({ settle }, index) => settle(settled[index]!));
      } catch (error) {
        for (const { fail } of batch) fail(error);
      }
    }
    this.#isStoring = false;
  }
}
