import { join } from "node:path";
import type { Store } from "../../src/core/store.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import { storeConformance } from "../conformance/store_conformance.ts";
import type { StoreUnderTest } from "../conformance/store_under_test.ts";

async function openSqlite(): Promise<StoreUnderTest> {
  const dir = await Deno.makeTempDir({ prefix: "queuectl-test-" });
  const opened: Store[] = [];
  const another = async () => {
    const store = await SqliteStore.open(join(dir, "queue.db"), {
      durability: "normal",
      lockTimeoutMs: 20_000,
    });
    opened.push(store);
    return store;
  };
  const close = async () => {
    for (const store of opened) {
      try {
        await store.close();
      } catch {
        // The test has closed it itself.
      }
    }
    await Deno.remove(dir, { recursive: true });
  };
  return { store: await another(), another, close };
}

storeConformance("SqliteStore", openSqlite);
