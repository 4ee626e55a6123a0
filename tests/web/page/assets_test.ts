import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { ASSETS } from "../../../src/web/page/assets.ts";

const FOLDER = fileURLToPath(new URL("../../../src/web/page/browser", import.meta.url));

/** What the files of a kind hold, by path. */
function files(pattern: RegExp): [string, string][] {
  return [...ASSETS].filter(([path]) => pattern.test(path)).map(([path, { text }]) => [path, text]);
}

Deno.test("assets: all of the page is less than 100 kB to a browser, the libraries included", () => {
  const bytes = [...ASSETS.values()].reduce((sum, { text }) => sum + gzipSync(text).length, 0);
  assert.ok(bytes < 100_000, `${bytes} bytes`);
});

Deno.test("assets: whatever a file refers to is served, and nothing is from elsewhere", () => {
  const missing = [...ASSETS].flatMap(([path, { text }]) => {
    const imports = path.endsWith(".js") ? [...text.matchAll(/\bfrom\s*"([^"]+)"/g)] : [];
    const links = path.includes(".") ? [] : [...text.matchAll(/\b(?:src|href)="([^"]+)"/g)];
    return [...imports, ...links].map(([, target]) => new URL(target!, `http://page${path}`).href)
      .filter((url) => !url.startsWith("http://page/") || !ASSETS.has(new URL(url).pathname))
      .map((url) => `${path} → ${url}`);
  });
  assert.deepEqual(missing, []);
  const elsewhere = [...files(/\.css$/), ...files(/^\/(login)?$/)].filter(([, text]) =>
    /url\(|@import|https?:|style=/.test(text)
  );
  assert.deepEqual(elsewhere.map(([path]) => path), []);
});

Deno.test("assets: what is sent of a script is all of it but comments and indentation, line by line", () => {
  const bare = (text: string) =>
    text.replaceAll(/\/\*[^]*?\*\//g, (comment) => comment.replaceAll(/[^\n]/g, "")).replaceAll(
      /^[ \t]*\/\/.*$/gm,
      "",
    ).replaceAll(/[ \t]+/g, "")
      .replaceAll(/from"[^"]*"/g, "from");
  for (const [path, text] of files(/^\/(page\/)?\w+\.js$/)) {
    const source = Deno.readTextFileSync(`${FOLDER}/${path.split("/").at(-1)}`);
    assert.deepEqual(bare(text).split("\n"), bare(source).split("\n"), path);
  }
  assert.equal(
    files(/^\/(page\/)?\w+\.js$/).length,
    [...Deno.readDirSync(FOLDER)].filter(({ name }) => name.endsWith(".js")).length,
  );
});

Deno.test("assets: the page needs no script, style or event handler in its markup", () => {
  for (const [path, text] of files(/^\/(login)?$/)) {
    assert.doesNotMatch(text, /<script(?![^>]* src=)|<style| style=| on\w+=/i, path);
  }
});
