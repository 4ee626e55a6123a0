/**
 * What every store must do: one suite, written against the interface in `src/core/store.ts`, run for each.
 */

import { backlogBehaviours } from "./backlog.ts";
import { claimBehaviours } from "./claim.ts";
import { configBehaviours } from "./config.ts";
import { deletionBehaviours } from "./deletion.ts";
import { endBehaviours } from "./end.ts";
import { enqueueBehaviours } from "./enqueue.ts";
import { historyBehaviours } from "./history.ts";
import { idBehaviours } from "./ids.ts";
import { listingBehaviours } from "./listing.ts";
import { progressBehaviours } from "./progress.ts";
import { randomBehaviours } from "./random.ts";
import { recoveryBehaviours } from "./recovery.ts";
import { reopeningBehaviours } from "./reopening.ts";
import { reportBehaviours } from "./reports.ts";
import { behaviourOf, type OpenStore } from "./store_under_test.ts";
import { userEventBehaviours } from "./user_events.ts";
import { workerBehaviours } from "./workers.ts";

/** Registers the whole suite for the store `name`; `open` makes a new, empty one for each test. */
export function storeConformance(name: string, open: OpenStore): void {
  const behaviour = behaviourOf(name, open);
  enqueueBehaviours(behaviour);
  claimBehaviours(behaviour);
  endBehaviours(behaviour);
  recoveryBehaviours(behaviour);
  progressBehaviours(behaviour);
  backlogBehaviours(behaviour);
  userEventBehaviours(behaviour);
  deletionBehaviours(behaviour);
  listingBehaviours(behaviour);
  idBehaviours(behaviour);
  historyBehaviours(behaviour);
  workerBehaviours(behaviour);
  configBehaviours(behaviour);
  reportBehaviours(behaviour);
  reopeningBehaviours(behaviour);
  randomBehaviours(behaviour, open);
}
