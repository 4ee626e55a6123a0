/**
 * A worker that was taken for dead and comes back: it tries to end the attempts that it once held, with its old
 * tokens. Run as a program of the tree under test: `ghost.ts DB < claims.json`; prints how many it could end.
 */

import type { ClaimRef } from "../../src/core/store.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import { endAttempt } from "../conformance/samples.ts";

const claims: ClaimRef[] = await new Response(Deno.stdin.readable).json();
const store = await SqliteStore.open(Deno.args[0]!, { durability: "normal", lockTimeoutMs: 10_000 });
const success = { outcome: "succeeded", exitCode: 0, signal: null, error: null } as const;
let ended = 0;
for (const claim of claims) {
  const job = await endAttempt(store, claim, success, { now: Date.now(), maxBackoffMs: 1000 });
  if (job !== null) ended++;
}
await store.close();
Deno.stdout.writeSync(new TextEncoder().encode(String(ended)));
