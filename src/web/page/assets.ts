/**
 * The files of the page, by path.
 *
 * They are the real files in `browser/`: the browser runs them as they are, and the editor, the linter and the
 * type checker see what it sees. What they import from npm is served from the package itself. A bundled program
 * has neither beside it: `pack.ts` puts all of it into `page.json` for it, minified.
 */

import { fileURLToPath } from "node:url";
// Imported for their files: this is what makes them be downloaded.
import "htm";
import "preact";
import "preact/hooks";

/** A file of the page. */
export interface Asset {
  readonly contentType: string;
  readonly text: string;
}

const FOLDER = `${import.meta.dirname}/browser`;
/** What a bundled program has in place of the folder. */
const PACKED = `${import.meta.dirname}/page.json`;
/** Where the files are served from. */
const PREFIX = "/page/";
/** The files that have addresses of their own. */
const PLACES: Readonly<Record<string, string>> = {
  "index.html": "/",
  "login.html": "/login",
  "login.js": "/login.js",
};
/** Where the libraries are. */
const LIBRARIES = `${PREFIX}lib/`;
/** The packages whose code runs in the browser, and where it is served. */
const PACKAGES: Readonly<Record<string, string>> = {
  "htm": `${LIBRARIES}htm.js`,
  "preact": `${LIBRARIES}preact.js`,
  "preact/hooks": `${LIBRARIES}preact_hooks.js`,
};

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};

/** Whole lines that are a comment: one with slashes, or one in stars that nothing follows. */
const COMMENT_LINES = /^[ \t]*(?:\/\/.*|\/\*(?:(?!\*\/)[^])*\*\/)[ \t]*$/gm;

/** By absolute path; "/" is the page itself. */
export const ASSETS: ReadonlyMap<string, Asset> = readPacked() ?? readAssets();

/** The first segments of paths that are answered with the page, too, so that its views have addresses. */
export const PAGES: ReadonlySet<string> = new Set(["jobs", "dlq", "enqueue", "config"]);

/** Whether what is served there is a library, and not the page's own code. */
export function isLibrary(path: string): boolean {
  return path.startsWith(LIBRARIES);
}

/** The assets of a bundled program; null if this is none. */
function readPacked(): Map<string, Asset> | null {
  try {
    return new Map(JSON.parse(Deno.readTextFileSync(PACKED)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function readAssets(): Map<string, Asset> {
  const assets = new Map<string, Asset>();
  for (const { name } of Deno.readDirSync(FOLDER)) {
    const extension = name.split(".").at(-1)!;
    const contentType = CONTENT_TYPES[extension];
    // The shapes of the API's answers are for the type checker alone.
    if (contentType === undefined) continue;
    const text = lean(Deno.readTextFileSync(`${FOLDER}/${name}`), extension);
    assets.set(PLACES[name] ?? `${PREFIX}${name}`, { contentType, text });
  }
  for (const [specifier, path] of Object.entries(PACKAGES)) {
    const code = Deno.readTextFileSync(fileURLToPath(import.meta.resolve(specifier)));
    const withoutMap = code.replace(/\n\/\/# sourceMappingURL=.*\s*$/, "\n");
    assets.set(path, { contentType: CONTENT_TYPES.js!, text: withServedImports(withoutMap) });
  }
  return assets;
}

/** A file as it is sent: without lines that are only comments, and without indentation. Lines keep their numbers. */
function lean(text: string, extension: string): string {
  if (extension === "js") return withServedImports(withoutIndent(text.replace(COMMENT_LINES, onlyNewlines)));
  if (extension === "css") return withoutIndent(text.replace(/\/\*[^]*?\*\//g, onlyNewlines));
  return text;
}

function onlyNewlines(comment: string): string {
  return comment.replace(/[^\n]+/g, "");
}

function withoutIndent(text: string): string {
  return text.replace(/^[ \t]+/gm, "");
}

/** A module whose imports from packages lead to where these are served: browsers know no package names. */
function withServedImports(code: string): string {
  return code.replace(/(\bfrom\s*)(["'])([^"'.][^"']*)\2/g, (whole, from, quote, specifier) => {
    const path = PACKAGES[specifier];
    return path === undefined ? whole : `${from}${quote}${path}${quote}`;
  });
}
