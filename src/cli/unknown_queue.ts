/**
 * A queue that is named where something is waited for, and in which there never was a job: most likely a slip.
 */

import { printableLine } from "../core/printable.ts";
import type { Context } from "./context.ts";

/** Of so many queues the nearest one is looked for. */
const COMPARED_QUEUES = 1000;

/**
 * Says so on stderr for each of `queues` that has no jobs and never had any, with the nearest name there is. It is
 * no error: whoever fills the queue may be about to begin.
 */
export async function warnOfUnknownQueues(context: Context, queues: readonly string[]): Promise<void> {
  const { ids } = await context.store();
  for (const name of new Set(queues)) {
    const [first] = await ids.queues(name, 1); // of all that begin so, the name itself comes first
    if (first === name) continue;
    const { nearest } = await import("../core/suggest.ts");
    const near = nearest(name, await ids.queues("", COMPARED_QUEUES));
    const cure = near === null ? "" : `. Try: --queue ${near}`;
    context.output.talk(printableLine(`Queue "${name}" has no jobs${cure}`));
  }
}
