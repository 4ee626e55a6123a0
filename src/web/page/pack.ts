/**
 * Puts all files of the page into one, for a program that is bundled: `deno task bundle` calls it with the path.
 *
 * A browser that gets the page from there needs a few files instead of forty, without what only people read: each
 * script comes with all that it imports but the libraries, and the style sheets of all views are one.
 */

import { dirname, join } from "node:path";
import { type Asset, ASSETS, isLibrary } from "./assets.ts";

/** The pages. */
const PAGES = ["/", "/login"];
/** Where all style sheets are served. */
const STYLES = "/page/page.css";
const STYLE_LINK = /<link rel="stylesheet" href="([^"]+)">\n/g;
const SCRIPT = /<script type="module" src="([^"]+)">/;

const [path] = Deno.args;
if (path === undefined) throw new TypeError("The path of the file to write is missing");
await Deno.writeTextFile(path, JSON.stringify([...await packed()]));

/** The files as a bundled program serves them. */
async function packed(): Promise<Map<string, Asset>> {
  const texts = PAGES.map((page) => ASSETS.get(page)!.text);
  const scripts = texts.map((text) => SCRIPT.exec(text)![1]!);
  const styles = [
    ...new Set(texts.flatMap((text) => [...text.matchAll(STYLE_LINK)].map(([, path]) => path!))),
  ];
  const minified = await minify([...scripts, ...styles]);
  const files = new Map([...ASSETS].filter(([path]) => isLibrary(path) || !isCode(path)));
  const add = (path: string, like: string, text: string) => files.set(path, { ...ASSETS.get(like)!, text });
  for (const [index, page] of PAGES.entries()) {
    let count = 0;
    const link = () => count++ === 0 ? `<link rel="stylesheet" href="${STYLES}">\n` : "";
    add(page, page, texts[index]!.replace(STYLE_LINK, link).replace(/\n\s+/g, "\n"));
  }
  for (const script of scripts) add(script, script, minified.get(script)!);
  add(STYLES, styles[0]!, styles.map((path) => minified.get(path)!.trim()).join(""));
  return files;
}

function isCode(path: string): boolean {
  return /\.(css|js)$/.test(path);
}

/** What is left of some files when they have been bundled, by path. */
async function minify(paths: readonly string[]): Promise<Map<string, string>> {
  const folder = await Deno.makeTempDir({ prefix: "queuectl-page-" });
  try {
    const [from, to] = [join(folder, "from"), join(folder, "to")];
    for (const [path, { text }] of ASSETS) {
      if (!isCode(path) || isLibrary(path)) continue;
      await Deno.mkdir(dirname(join(from, path)), { recursive: true });
      await Deno.writeTextFile(join(from, path), text);
    }
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["bundle", "--quiet", "--no-config", "--minify"],
        // Some versions take what stands behind this option for more of its values: no file may.
        ...[...ASSETS.keys()].filter(isLibrary).flatMap((path) => ["--external", path]),
        ...["--platform", "browser", "--outdir", to],
        ...paths.map((path) => join(from, path)),
      ],
      cwd: from,
    }).output();
    if (!success) throw new Error(`The page can't be bundled: ${new TextDecoder().decode(stderr)}`);
    return new Map(paths.map((path) => [path, Deno.readTextFileSync(join(to, path))]));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
