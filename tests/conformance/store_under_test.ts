/**
 * What the conformance suite asks of whoever brings a store, and how its tests are registered.
 */

import type { Store } from "../../src/core/store.ts";

/** A new, empty store for one test. */
export interface StoreUnderTest {
  readonly store: Store;
  /** Opens the same store once more, as another process would. */
  another(): Promise<Store>;
  /** Closes whatever is still open and leaves nothing behind. */
  close(): Promise<void>;
}

/** Makes a new, empty store. */
export type OpenStore = () => Promise<StoreUnderTest>;

/** Registers one behaviour, given as `method: what it does`. */
export type Behaviour = (title: string, work: (tested: StoreUnderTest) => Promise<void>) => void;

/** Registers behaviours of the store `name`, each with a store of its own. */
export function behaviourOf(name: string, open: OpenStore): Behaviour {
  return (title, work) =>
    Deno.test(`${name}.${title}`, async () => {
      const tested = await open();
      try {
        await work(tested);
      } finally {
        await tested.close();
      }
    });
}
