import assert from "node:assert/strict";
import { isLibrary } from "../../src/web/page/assets.ts";
import { type Answer, WebServer } from "./web_server.ts";

const IS_EXECUTABLE = Boolean(Deno.env.get("QUEUECTL_TEST_PROGRAM"));

/** What a file of the page asks for. */
function targetsOf(path: string, { text, headers }: Answer): string[] {
  const type = headers.get("content-type") ?? "";
  const pattern = type.startsWith("text/javascript")
    ? /(?:\bfrom\s*|\bimport\s*|")(?:")?((?:\.\/|\/page\/)[\w/]+\.\w+)"/g
    : /\b(?:src|href)="([^"#]+)"/g;
  const found = type.startsWith("text/") ? [...text.matchAll(pattern)] : [];
  return found.map(([, target]) => new URL(target!, `http://page${path}`).pathname);
}

Deno.test("web: all files of the page are served, and the executable's are less than 100 kB but for the libraries", () =>
  WebServer.use(async (web) => {
    const sizes = new Map<string, number>();
    const wanted = ["/", "/login"];
    for (const path of wanted) {
      if (sizes.has(path)) continue;
      const answer = await web.ask(path);
      assert.equal(answer.status, 200, path);
      sizes.set(path, new TextEncoder().encode(answer.text).length);
      wanted.push(...targetsOf(path, answer));
    }
    const paths = [...sizes.keys()];
    for (const part of ["app.js", "login.js", "lib/preact.js", "favicon_alert.svg", ".css"]) {
      assert.ok(paths.some((path) => path.endsWith(part)), part);
    }
    const own = paths.filter((path) => !isLibrary(path)).reduce((sum, path) => sum + sizes.get(path)!, 0);
    // Under deno run the files are served as they were written, but for comments.
    assert.ok(own < (IS_EXECUTABLE ? 100_000 : 150_000), `${own} bytes`);
  }));
