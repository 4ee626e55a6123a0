/**
 * Which job a user means: its whole id, the beginning of it, or `@last`.
 */

import { badInput, notFound, type QueueError, unknownWord } from "./errors.ts";
import { callFor } from "./shell_words.ts";
import type { Store } from "./store.ts";

/** The word that means the job that was enqueued last. */
export const LAST_JOB = "@last";

/** So many ids are named when a beginning fits several. */
const NAMED_CANDIDATES = 3;
/** So many ids are compared with one that doesn't exist, to guess what was meant. */
const COMPARED_IDS = 200;
/** Among more jobs than that the ids that are one slip away are looked up, if what was typed is no longer. */
const MAX_LOOKED_UP = 40;
/** What most ids are made of. */
const USUAL_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-_";

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

/** The error for an id that begins no job's, with the nearest of those that there are. */
async function noSuchJob(store: Store, given: string, command: string): Promise<QueueError> {
  const alike = await store.ids.startingWith([...given][0]!, COMPARED_IDS);
  const newest = await store.ids.newest(COMPARED_IDS);
  const compared = [...alike, ...newest].map(({ id }) => id);
  const isSample = newest.length === COMPARED_IDS;
  const slip = isSample ? await oneSlipAwayFrom(store, given, compared) : null;
  const known = slip !== null ? [slip] : newest.length === 0 ? [] : [...compared, LAST_JOB];
  return unknownWord("not_found", `There is no job ${given}`, {
    typed: given,
    known,
    usage: (id) => callFor(command, id),
    otherwise: "queuectl list",
  });
}

/** An id that is one slip away from `given`, of usual letters or those of `samples`; null if there is none. */
async function oneSlipAwayFrom(
  store: Store,
  given: string,
  samples: readonly string[],
): Promise<string | null> {
  if ([...given].length > MAX_LOOKED_UP) return null;
  const { oneSlipAway } = await import("./suggest.ts");
  for (const id of oneSlipAway(given, [...new Set(USUAL_LETTERS + samples.join(""))])) {
    if (await store.job(id) !== null) return id;
  }
  return null;
}
