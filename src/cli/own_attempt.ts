/**
 * The attempt whose command called this program, if one did.
 */

import { conflict } from "../core/errors.ts";
import type { ProcessingJob } from "../core/job.ts";
import { shellJoin } from "../core/shell_words.ts";
import type { Store } from "../core/store.ts";

/** The variable by which a command knows its attempt: the store's uid, a dash, the attempt's id. */
export const ATTEMPT_VARIABLE = "QUEUECTL_ATTEMPT_ID";

/** An attempt, by the store that it is in. */
export interface OwnAttempt {
  readonly storeUid: string;
  readonly attemptId: number;
}

/** The attempt that this process belongs to; null if it was not called by a job's command. */
export function ownAttempt(): OwnAttempt | null {
  const [, storeUid, id] = /^(\w+)-(\d{1,15})$/.exec(Deno.env.get(ATTEMPT_VARIABLE) ?? "") ?? [];
  return storeUid === undefined ? null : { storeUid, attemptId: Number(id) };
}

/** The job of `store` whose command called this program; null if none did. */
export async function ownJob(store: Store): Promise<ProcessingJob | null> {
  const own = ownAttempt();
  if (own === null || own.storeUid !== store.uid) return null;
  return (await store.processing()).find(({ claim }) => claim.attemptId === own.attemptId) ?? null;
}

/** Throws `conflict` if the job that called would wait for itself, as one of these queues (empty: all). */
export async function refuseOwnQueue(
  store: Store,
  { verb, queues }: { verb: string; queues: readonly string[] },
): Promise<void> {
  const job = await ownJob(store);
  if (job === null || (queues.length > 0 && !queues.includes(job.queue))) return;
  throw conflict(
    `Cannot ${verb} what includes the queue ${job.queue}: job ${job.id}, which asks for that, would wait for itself`,
    shellJoin(["queuectl", verb, "--queue", "another"]),
  );
}
