/// <reference lib="dom" />
/// <reference lib="dom.iterable" />

import assert from "node:assert/strict";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { waitFor } from "../../harness/wait_for.ts";
import { browserTests, type Stage } from "./browser_page.ts";

/** Every view, each with something long in it. */
const VIEWS = [
  "/",
  "/jobs",
  "/jobs/busy",
  `/jobs/${"long-".repeat(38)}`,
  "/dlq",
  "/enqueue",
  "/config",
  "/jobs/nobody",
];

/** What the view of a job that doesn't exist is answered with. */
const NOBODY = /^404 for .*\/api\/jobs\/nobody$/;

/** Jobs in all states, with texts that don't break, and a worker that is busy. */
async function fill({ home }: Pick<Stage, "home">): Promise<void> {
  const long = "x".repeat(400);
  await home.enqueue(
    { id: "done", command: "echo fine" },
    { id: "dead", command: `echo ${long} >&2; exit 1`, max_retries: 1, queue: long.slice(0, 200) },
    { id: "failed", command: "exit 1", backoff_base: 1000 },
    {
      id: "long-".repeat(38),
      command: `: ${long}`,
      env: { LONG: long },
      run_at: "2035-01-01T00:00:00Z",
      queue: "q".repeat(200),
    },
    { id: "gone", command: "true", run_at: "2035-01-01T00:00:00Z" },
    {
      id: "busy",
      command:
        `printf '\\033[31mred\\033[0m \\033[7mturned\\033[0m \\033[2mdim\\033[0m ${long}\\n'; exec sleep 600`,
    },
  );
  await home.run("cancel", "gone");
  await home.startWorkers(1);
  await home.untilJob("busy", "processing");
}

/** Shows a view and waits until it has settled. */
async function show(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.locator("main h1").waitFor();
  await page.getByText("Live", { exact: true }).waitFor();
  await page.waitForLoadState("load");
}

/** What axe finds in the page that it was put into, each finding as a text. */
async function judge(): Promise<string[]> {
  const { axe: judge } = globalThis as unknown as { axe: typeof axe };
  const { violations } = await judge.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  });
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`)
  );
}

browserTests("page: looks", (test) => {
  test("nothing is wider than the screen, from 380 to 2,560 pixels", async (stage) => {
    await fill(stage);
    const { page, web } = stage;
    for (const view of VIEWS) {
      await show(page, web.url + view);
      for (const width of [380, 700, 861, 1200, 2560]) {
        await page.setViewportSize({ width, height: 900 });
        // The chart learns of a new width after everything else.
        await waitFor(
          `${view} to fit into ${width} pixels`,
          () =>
            page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth),
          10_000,
        );
      }
    }
  }, { expected: NOBODY });

  test("a phone shows the tabs of all states, and a wide screen two columns of attempts", async (stage) => {
    const { home, page, web } = stage;
    await home.enqueue(...Array.from({ length: 6 }, (_, index) => ({ id: `job${index}`, command: "true" })));
    await home.startWorkers(1);
    await home.untilJob("job5", "completed");
    const boxes = (selector: string) =>
      page.locator(selector).evaluateAll((found) => found.map((one) => one.getBoundingClientRect().toJSON()));

    await page.setViewportSize({ width: 380, height: 900 });
    await show(page, `${web.url}/jobs`);
    const tabs = await boxes(".tabs a");
    assert.equal(tabs.length, 7);
    assert.deepEqual(tabs.filter(({ left, right }) => left < 0 || right > 380), []);

    await page.setViewportSize({ width: 2560, height: 900 });
    await show(page, `${web.url}/`);
    await page.locator(".recent li:nth-child(6)").waitFor();
    const rows = await boxes(".recent li");
    assert.equal(rows[0]!.top, rows[4]!.top);
    assert.ok(rows[3]!.top > rows[0]!.top && rows[4]!.left > rows[0]!.right);
  });

  test(
    "contrast, labels, landmarks and headings are as WCAG 2.2 AA asks, in light and in dark",
    async (stage) => {
      await fill(stage);
      const { page, web } = stage;
      for (const view of VIEWS) {
        await show(page, web.url + view);
        await page.evaluate(axe.source);
        for (const colorScheme of ["light", "dark"] as const) {
          await page.emulateMedia({ colorScheme });
          assert.deepEqual(await page.evaluate(judge), [], `${view} in ${colorScheme} colours`);
        }
      }
    },
    { expected: NOBODY },
  );

  test("the system's dark mode makes the page dark, and its colours differ from the light ones", async ({ page }) => {
    const luminance = () =>
      page.evaluate(() => {
        const [red = 0, green = 0, blue = 0] = getComputedStyle(document.body).backgroundColor.match(/\d+/g)!
          .map(Number);
        return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
      });
    assert.ok(await luminance() > 0.85);
    await page.emulateMedia({ colorScheme: "dark" });
    assert.ok(await luminance() < 0.15);
  });

  test("nothing jumps while jobs come, run and end", async ({ home, page, web }) => {
    await home.startWorkers(1);
    await show(page, `${web.url}/`);
    await page.evaluate(() => {
      // deno-lint-ignore no-explicit-any -- a place for the sum
      const place = globalThis as any;
      place.shift = 0;
      new PerformanceObserver((list) => {
        // deno-lint-ignore no-explicit-any -- the standard library has no such entries
        for (const entry of list.getEntries() as any[]) place.shift += entry.value;
      }).observe({ type: "layout-shift", buffered: false });
    });
    for (let round = 0; round < 3; round++) {
      await home.enqueue({ id: `ok${round}`, command: "true" }, {
        id: `bad${round}`,
        command: "exit 1",
        max_retries: 1,
      });
      await home.untilJob(`bad${round}`, "dead");
    }
    await page.waitForFunction(() => /3 dead/.test(document.title));
    // deno-lint-ignore no-explicit-any -- as above
    const shift = await page.evaluate(() => (globalThis as any).shift);
    assert.ok(shift < 0.1, `the layout shifted by ${shift}`);
  });

  test("a job is enqueued and cancelled with the keyboard alone", async ({ home, page, web }) => {
    await show(page, `${web.url}/`);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter"); // skip to the content
    assert.equal(await page.evaluate(() => document.activeElement?.tagName), "MAIN");
    const until = async (name: string) => {
      for (let count = 0; count < 60; count++) {
        await page.keyboard.press("Tab");
        const text = await page.evaluate(() => {
          const element = document.activeElement as HTMLInputElement | null;
          return element?.labels?.[0]?.textContent ?? element?.textContent;
        });
        if (text?.trim() === name) return;
      }
      assert.fail(`the Tab key doesn't lead to ${name}`);
    };
    await show(page, `${web.url}/`);
    await until("Enqueue");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Enqueue a job" }).waitFor();
    await page.waitForFunction(() => document.activeElement?.tagName === "H1");
    await until("Command");
    await page.keyboard.type("sleep 600");
    await until("Id");
    await page.keyboard.type("typed");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "typed" }).waitFor();
    await until("Cancel");
    await page.keyboard.press("Enter");
    await home.untilJob("typed", "cancelled");
  });

  test("a page of --read-only shows everything and offers no change", async (stage) => {
    const { page, web } = stage;
    await fill(stage);
    for (const view of VIEWS) {
      await show(page, web.url + view);
      await page.getByText("Read-only").first().waitFor();
      const buttons = await page.getByRole("button").allTextContents();
      const allowed = /^(Skip to the content|10 min|Hour|Day|Copy|Created|Follow the end|Show \d+ earlier)/;
      assert.deepEqual(buttons.filter((text) => !allowed.test(text.trim())), [], view);
      assert.equal(await page.getByRole("checkbox").count(), 0);
      assert.equal(await page.getByRole("link", { name: "Enqueue" }).count(), 0);
    }
  }, { flags: ["--read-only"], expected: NOBODY });
});
