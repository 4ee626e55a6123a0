import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { PLANTED_FAULTS } from "./planted_faults.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

Deno.test("PLANTED_FAULTS: each can be planted: the text to change stands exactly once in its file", () => {
  const places = PLANTED_FAULTS.map(({ name, file, from }) => {
    return { name, places: Deno.readTextFileSync(ROOT + file).split(from).length - 1 };
  });
  assert.deepEqual(places.filter((one) => one.places !== 1), []);
});

Deno.test("PLANTED_FAULTS: each changes something", () => {
  assert.deepEqual(PLANTED_FAULTS.filter(({ from, to }) => from === to), []);
});
