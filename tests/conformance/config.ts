/**
 * The settings.
 */

import assert from "node:assert/strict";
import { CONFIG_KEYS } from "../../src/core/config.ts";
import type { Behaviour } from "./store_under_test.ts";

/** Registers what `settings` and `setSetting` must do. */
export function configBehaviours(behaviour: Behaviour): void {
  behaviour("settings: nothing is set in a new store", async ({ store }) => {
    assert.deepEqual(await store.settings(), new Map());
  });

  behaviour("setSetting: a text is kept as it was given, for each key", async ({ store }) => {
    for (const key of CONFIG_KEYS) await store.setSetting(key, ` ${key} 'x' 007`);
    assert.deepEqual(
      new Map([...await store.settings()].toSorted()),
      new Map(CONFIG_KEYS.map((key): [string, string] => [key, ` ${key} 'x' 007`]).toSorted()),
    );
  });

  behaviour("setSetting: the last text counts", async ({ store }) => {
    await store.setSetting("max_retries", "5");
    await store.setSetting("max_retries", "7");
    assert.deepEqual(await store.settings(), new Map([["max_retries", "7"]]));
  });

  behaviour("setSetting: null takes a key back, and it alone", async ({ store }) => {
    await store.setSetting("max_retries", "5");
    await store.setSetting("backoff_base", "3");
    await store.setSetting("max_retries", null);
    await store.setSetting("scheduling_mode", null);
    assert.deepEqual(await store.settings(), new Map([["backoff_base", "3"]]));
  });

  behaviour("settings: another connection sees them at once", async ({ store, another }) => {
    const other = await another();
    await store.setSetting("poll_interval_ms", "100");
    assert.equal((await other.settings()).get("poll_interval_ms"), "100");
  });
}
