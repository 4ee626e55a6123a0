/**
 * Opening an address in the user's browser, without telling it to anybody else.
 */

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Context } from "../context.ts";

/** How long the browser has to read the page that leads it to the address. */
const PAGE_MS = 30_000;
const OPENERS = ["xdg-open", "gio", "sensible-browser", "x-www-browser", "www-browser"];

/**
 * Opens `url`. What a process was called with can be read by every user of the machine, and this address lets in
 * whoever is first: so the browser is given a page in a private file that leads there.
 */
export async function openBrowser(context: Context, url: string): Promise<void> {
  const page = join(context.home.runDir, `web-open-${Deno.pid}.html`);
  Deno.writeTextFileSync(
    page,
    `<!doctype html><meta charset="utf-8"><title>queuectl</title>
<meta http-equiv="refresh" content="0; url=${url}"><a href="${url}">queuectl</a>\n`,
    { mode: 0o600 },
  );
  const remove = () => {
    try {
      Deno.removeSync(page);
    } catch {
      // It has been removed already.
    }
  };
  setTimeout(remove, PAGE_MS);
  globalThis.addEventListener("unload", remove);
  const openers = [Deno.env.get("BROWSER") ?? "", ...OPENERS].filter((name) => name !== "");
  for (const opener of openers) {
    if (await starts(opener, pathToFileURL(page).href)) return;
  }
  context.output.talk("There is no browser to open here. Open the link by yourself.");
}

/** Whether the program could be started; what becomes of it is its own business. */
async function starts(program: string, address: string): Promise<boolean> {
  const args = program === "gio" ? ["open", address] : [address];
  try {
    const child = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
    child.unref();
    const ended = await Promise.race([
      child.status,
      new Promise<null>((resolve) => setTimeout(resolve, 3000, null)),
    ]);
    return ended === null || ended.success;
  } catch {
    return false;
  }
}
