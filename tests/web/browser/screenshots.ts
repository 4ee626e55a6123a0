/**
 * Takes the pictures of the dashboard that the README shows, and those that a change of its looks is judged by:
 * `deno task screenshots`. Look at every one of them.
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { waitFor } from "../../harness/wait_for.ts";
import { inBrowser, onStage, type Stage } from "./browser_page.ts";
import { fillPast, fillPresent, passingJob } from "./sample_queue.ts";

const FOLDER = fileURLToPath(new URL("../screenshots", import.meta.url));
/** A picture that is larger than this makes every clone of the repository slower. */
const MAX_BYTES = 150_000;

interface Shot {
  readonly name: string;
  readonly path: string;
  readonly size?: { readonly width: number; readonly height: number };
  /** What is done before the picture is taken. */
  readonly pose?: (page: Page) => Promise<void>;
}

const PHONE = { width: 380, height: 820 };

const SHOTS: readonly Shot[] = [
  { name: "overview", path: "/", size: { width: 1280, height: 860 } },
  { name: "jobs", path: "/jobs" },
  { name: "job", path: "/jobs/deploy-212", size: { width: 1240, height: 820 } },
  { name: "dead_letters", path: "/dlq" },
  { name: "enqueue", path: "/enqueue", size: { width: 1240, height: 900 }, pose: enqueueBadly },
  { name: "config", path: "/config" },
  { name: "overview_phone", path: "/", size: PHONE },
  { name: "jobs_phone", path: "/jobs", size: PHONE },
];

async function enqueueBadly(page: Page): Promise<void> {
  await page.getByLabel("Command").fill("./bin/report --month 2026-10 | mail ops");
  await page.getByLabel("Id", { exact: true }).fill("report-monthly");
  await page.getByLabel("Timeout in seconds").fill("an hour");
  await page.getByRole("button", { name: "Enqueue" }).click();
  await page.getByRole("alert").waitFor();
}

async function take({ page, web }: Stage, shot: Shot, colorScheme: "light" | "dark"): Promise<void> {
  await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
  await page.setViewportSize(shot.size ?? { width: 1240, height: 760 });
  await page.goto(web.url + shot.path);
  await page.getByText("Live", { exact: true }).waitFor();
  await page.waitForLoadState("networkidle", { timeout: 2000 }).catch(() => {}); // the stream of news never ends
  await shot.pose?.(page);
  const path = join(FOLDER, `${shot.name}_${colorScheme}.png`);
  await page.screenshot({ path });
  const { size } = await Deno.stat(path);
  if (size > MAX_BYTES) throw new Error(`${path} has ${size} bytes, more than ${MAX_BYTES}`);
}

/** Where the pictures say that the queue is: the temporary folder is nobody's business. */
async function elsewhere({ page }: Stage): Promise<void> {
  await page.route("**/api/session", async (route) => {
    const answer = await route.fetch();
    const session = await answer.json();
    await route.fulfill({ response: answer, json: { ...session, home: "/home/ada/.queuectl", cwd: "/srv" } });
  });
}

await Deno.mkdir(FOLDER, { recursive: true });
await inBrowser((browser) =>
  onStage(browser, async (stage) => {
    await elsewhere(stage);
    await fillPresent(stage.home);
    // Then the tiles tell of a whole minute.
    let number = 4800;
    await waitFor("a minute of work", async () => {
      const { change } = await stage.web.get("/api/overview");
      const isDue = number < 4800 + change.seconds / 1.8;
      if (isDue) await stage.web.ask("/api/jobs", { body: passingJob(number++) });
      return change.seconds >= 60;
    }, 90_000);
    for (const shot of SHOTS) {
      for (const colorScheme of ["light", "dark"] as const) await take(stage, shot, colorScheme);
    }
  }, { before: fillPast })
);
