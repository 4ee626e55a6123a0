/**
 * Which job a user means: its whole id, the beginning of it, or `@last`.
 */

import { badInput, notFound, type QueueError, unknownWord } from "./errors.ts";
import type { JobState } from "./job.ts";
import { callFor } from "./shell_words.ts";
import type { Store } from "./store.ts";

/** As much of a job as tells it from others in a list of suggestions. */
export interface JobGlimpse {
  readonly id: string;
  readonly state: JobState;
  /** The beginning of its command, at most 80 characters. */
  readonly command: string;
}

/** Looks at ids whose cost doesn't grow with the number of jobs. */
export interface JobIds {
  /** At most `limit` jobs whose ids begin with `prefix`, in the order of the ids' bytes. */
  startingWith(prefix: string, limit: number): Promise<JobGlimpse[]>;

  /** The `limit` jobs that arrived last, in this state if one is given, newest first. */
  newest(limit: number, state?: JobState): Promise<JobGlimpse[]>;
}

/** The word that means the job that was enqueued last. */
export const LAST_JOB = "@last";

/** So many ids are named when a beginning fits several. */
const NAMED_CANDIDATES = 3;
/** So many ids are compared with one that doesn't exist, to guess what was meant. */
const COMPARED_IDS = 200;

/**
 * The id that `given` means. A job with exactly this id wins over everything else. Throws `not_found` if there
 * is none, with the nearest id as a cure, and `bad_input` if `given` begins the ids of several jobs. `command`
 * is what the user calls, for the cure.
 */
export async function meantId(store: Store, given: string, command = "status"): Promise<string> {
  if (await store.job(given) !== null) return given;
  if (given === LAST_JOB) {
    const [last] = await store.ids.newest(1);
    if (last === undefined) {
      throw notFound(`There is no job ${LAST_JOB}: none is stored`, "queuectl enqueue -- echo hello");
    }
    return last.id;
  }
  // An empty word is an unset variable of a script, not the beginning of every id.
  if (given === "") throw notFound("There is no job with an empty id", "queuectl list");
  const found = await store.ids.startingWith(given, NAMED_CANDIDATES + 1);
  if (found.length === 1) return found[0]!.id;
  if (found.length === 0) throw await noSuchJob(store, given, command);
  const named = found.slice(0, NAMED_CANDIDATES).map(({ id }) => id).join(", ");
  throw badInput(
    `The id ${given} is ambiguous: it begins ${named}${found.length > NAMED_CANDIDATES ? " and more" : ""}`,
    callFor(command, found[0]!.id),
  );
}

/** The error for an id that begins no job's, with the nearest of the ids that begin alike or are new. */
async function noSuchJob(store: Store, given: string, command: string): Promise<QueueError> {
  const alike = await store.ids.startingWith([...given][0]!, COMPARED_IDS);
  const known = [...alike, ...await store.ids.newest(COMPARED_IDS)].map(({ id }) => id);
  return unknownWord("not_found", `There is no job ${given}`, {
    typed: given,
    known,
    usage: (id) => callFor(command, id),
    otherwise: "queuectl list",
  });
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
