import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { type Asset, isLibrary } from "../../../src/web/page/assets.ts";

const SCRIPT = fileURLToPath(new URL("../../../src/web/page/pack.ts", import.meta.url));

/** The page as the executable has it. */
async function packed(): Promise<[string, Asset][]> {
  const file = await Deno.makeTempFile({ prefix: "queuectl-test-" });
  try {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-read", "--allow-write", "--allow-env", "--allow-run", SCRIPT, file],
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    return JSON.parse(await Deno.readTextFile(file));
  } finally {
    await Deno.remove(file);
  }
}

const FILES = await packed();

function bytesOf(files: readonly [string, Asset][]): number {
  return files.reduce((sum, [, { text }]) => sum + new TextEncoder().encode(text).length, 0);
}

Deno.test("pack: the page's own code is less than 100 kB, and all that a browser gets less than 50 kB", () => {
  const own = bytesOf(FILES.filter(([path]) => !isLibrary(path)));
  assert.ok(own < 100_000, `${own} bytes`);
  const sent = FILES.reduce((sum, [, { text }]) => sum + gzipSync(text).length, 0);
  assert.ok(sent < 50_000, `${sent} bytes compressed`);
});

Deno.test("pack: whatever a file refers to is there, and nothing else", () => {
  const targets = FILES.flatMap(([path, { text }]) => {
    const pattern = path.endsWith(".js")
      ? /\b(?:from|import)"([^"]+)"|"(\/page\/\w+\.svg)"/g
      : /\b(?:src|href)="([^"]+)"/g;
    return [...text.matchAll(pattern)].map(([, one, other]) => (one ?? other)!);
  });
  const paths = FILES.map(([path]) => path).filter((path) => path.includes("."));
  assert.deepEqual([...new Set(targets)].toSorted(), paths.toSorted());
});

Deno.test("pack: pages ask for one style sheet and one script each, with nothing inline", () => {
  for (const [, { text }] of FILES.filter(([path]) => !path.includes("."))) {
    assert.equal([...text.matchAll(/<link rel="stylesheet" href=/g)].length, 1);
    assert.equal([...text.matchAll(/<script type="module" src="[^"]+"><\/script>/g)].length, 1);
    assert.doesNotMatch(text, /<script(?![^>]* src=)|<style| style=| on\w+=/i);
  }
});
