/**
 * The dashboard in a real browser, as its users have it.
 *
 * Every page that a test opens notes what must never happen, whatever the test is about: a script of a stranger
 * that ran, a violation of the content policy that was reported, an error that nobody caught, a request to
 * somewhere else.
 */

/// <reference lib="dom" />
/// <reference lib="dom.iterable" />

import assert from "node:assert/strict";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { TemporaryHome } from "../../harness/temporary_home.ts";
import { WebServer } from "../web_server.ts";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

const FLAGS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
];

/** How long the page is given for whatever a test waits for. */
const PATIENCE_MS = 15_000;

function findChromium(): string | null {
  const isThere = (path: string) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  };
  return [Deno.env.get("QUEUECTL_TEST_CHROMIUM") ?? "", ...PLACES].find(isThere) ?? null;
}

const CHROMIUM = findChromium();

/** What a test has at hand. */
export interface Stage {
  readonly home: TemporaryHome;
  readonly web: WebServer;
  readonly page: Page;
  readonly context: BrowserContext;
}

/** How the stage is set. */
export interface StageOptions {
  /** Of `queuectl web`. */
  readonly flags?: readonly string[];
  /** Called before the server and the browser are started. */
  readonly before?: (home: TemporaryHome) => Promise<void>;
  readonly size?: { readonly width: number; readonly height: number };
  readonly colorScheme?: "light" | "dark";
  /** Things that are noted though they belong to the test, such as requests to a server that it has ended. */
  readonly expected?: RegExp;
}

/** Registers what a user does on one stage. */
export type BrowserTest = (
  title: string,
  work: (stage: Stage) => Promise<void>,
  options?: StageOptions,
) => void;

/**
 * Registers a test of steps that share a browser; each has a home, a server and a profile of its own. Where there
 * is no browser the test is left out, and its title says so.
 */
export function browserTests(title: string, describe: (test: BrowserTest) => void): void {
  const steps: { title: string; work: (stage: Stage) => Promise<void>; options: StageOptions }[] = [];
  describe((title, work, options = {}) => steps.push({ title, work, options }));
  Deno.test({
    name: CHROMIUM === null ? `${title} (left out: no Chromium is installed)` : title,
    ignore: CHROMIUM === null,
    fn: (test) =>
      inBrowser(async (browser) => {
        for (const { title, work, options } of steps) {
          await test.step(title, () => onStage(browser, work, options));
        }
      }),
  });
}

/** Calls `work` with a browser, and ends it. */
export async function inBrowser(work: (browser: Browser) => Promise<void>): Promise<void> {
  assert.ok(CHROMIUM, "Chromium is not installed: apt-get install chromium");
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  try {
    await work(browser);
  } finally {
    await browser.close();
  }
}

/** Calls `work` with a home, a server in it, and a page that has signed in; leaves nothing behind. */
export async function onStage(
  browser: Browser,
  work: (stage: Stage) => Promise<void>,
  { flags = [], before, size, colorScheme, expected }: StageOptions = {},
): Promise<void> {
  await TemporaryHome.use(async (home) => {
    await before?.(home);
    const web = await WebServer.start(home, flags);
    const viewport = size ?? { width: 1280, height: 900 };
    const context = await browser.newContext({ viewport, colorScheme: colorScheme ?? "light" });
    try {
      context.setDefaultTimeout(PATIENCE_MS);
      const page = await context.newPage();
      const faults = await watchFor(page, web);
      await page.goto(web.loginUrl);
      await page.getByRole("heading", { name: "Overview" }).waitFor();
      await work({ home, web, page, context });
      const unexpected = (await faults()).filter((fault) => expected === undefined || !expected.test(fault));
      assert.deepEqual(unexpected, []);
    } finally {
      await context.close();
      await web.end();
    }
  });
}

/** Notes what must never happen in a page; the function that is returned tells what did. */
async function watchFor(page: Page, web: WebServer): Promise<() => Promise<string[]>> {
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    faults.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss().catch(() => {});
  });
  page.on("console", (message) => {
    const isRefusal = message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !isRefusal) faults.push(`console: ${message.text()}`);
  });
  page.on("response", (response) => {
    const isRead = response.request().method() === "GET";
    if (isRead && response.status() >= 400) faults.push(`${response.status()} for ${response.url()}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(`${web.url}/`)) faults.push(`a request to ${request.url()}`);
  });
  await page.addInitScript(() => {
    // deno-lint-ignore no-explicit-any -- a place for notes in the page
    const noted: string[] = (globalThis as any).noted = [];
    document.addEventListener("securitypolicyviolation", (event) => {
      noted.push(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
    });
    for (const name of ["alert", "confirm", "prompt", "print"]) {
      // deno-lint-ignore no-explicit-any -- as above
      (globalThis as any)[name] = () => noted.push(`${name} was called`);
    }
  });
  return async () => {
    // deno-lint-ignore no-explicit-any -- as above
    const noted: string[] = await page.evaluate(() => (globalThis as any).noted);
    return [...faults, ...noted];
  };
}
