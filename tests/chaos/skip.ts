/**
 * Leaving out a fault that the machine can't bring about.
 */

import type { Evidence } from "./evidence.ts";
import type { Ground, Tally } from "./ground.ts";

/** Says why the fault is left out, and returns the records of a trial in which nothing was done. */
export async function skip(ground: Ground, reason: string): Promise<{ evidence: Evidence; tally: Tally }> {
  Deno.stderr.writeSync(new TextEncoder().encode(`Skipped: ${reason}\n`));
  return { evidence: await ground.evidence(), tally: { jobs: 0, faults: 0, recoveriesMs: [] } };
}
