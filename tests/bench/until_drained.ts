/**
 * Waiting for the end of a drain without taking part in it.
 */

import type { Store } from "../../src/core/store.ts";

/** Each look costs those who work something; the time of the end is in the store. */
const LOOK_INTERVAL_MS = 250;
const PATIENCE_MS = 120_000;

/** Waits until so many jobs are completed. Throws if that takes two minutes. */
export async function untilDrained(store: Store, jobs: number): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while ((await store.counts()).completed < jobs) {
    if (performance.now() > deadline) throw new Error(`${jobs} jobs weren't done in ${PATIENCE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL_MS));
  }
}
