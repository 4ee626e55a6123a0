/**
 * Looks at the ids of jobs.
 */

import type { JobState } from "./job.ts";

/** As much of a job as tells it from others in a list of suggestions. */
export interface JobGlimpse {
  readonly id: string;
  readonly state: JobState;
  /** The beginning of its command, at most 80 characters. */
  readonly command: string;
}

/** Looks at ids, and at names of queues, whose cost doesn't grow with the number of jobs. */
export interface JobIds {
  /** At most `limit` jobs whose ids begin with `prefix`, in the order of the ids' bytes. */
  startingWith(prefix: string, limit: number): Promise<JobGlimpse[]>;

  /** The `limit` jobs that arrived last, in this state if one is given, newest first. */
  newest(limit: number, state?: JobState): Promise<JobGlimpse[]>;

  /** At most `limit` queues that have or had jobs and whose names begin with `prefix`, by name. */
  queues(prefix: string, limit: number): Promise<string[]>;
}

/**
 * The first text, in the order of bytes, that is behind all texts that begin with `prefix`; null if every text
 * behind `prefix` begins with it.
 */
export function behindPrefix(prefix: string): string | null {
  const characters = [...prefix];
  while (characters.length > 0) {
    const code = characters.pop()!.codePointAt(0)!;
    const HIGHEST = 0x10ffff;
    if (code === HIGHEST) continue;
    const next = code + 1 >= 0xd800 && code < 0xdfff ? 0xe000 : code + 1; // surrogates are no characters
    return characters.join("") + String.fromCodePoint(next);
  }
  return null;
}
