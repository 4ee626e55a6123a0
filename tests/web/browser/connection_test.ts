/// <reference lib="dom" />

import assert from "node:assert/strict";
import { browserTests } from "./browser_page.ts";
import { WebServer } from "../web_server.ts";

browserTests("page: the connection", (test) => {
  test("a lost server is told, and when it is back the page goes on by itself with what happened meanwhile", async ({ home, web, page }) => {
    await home.enqueue({ id: "one", command: "true" });
    await page.getByRole("link", { name: "Jobs" }).click();
    await page.getByText("1 job", { exact: true }).waitFor();
    await page.evaluate(() => {
      // deno-lint-ignore no-explicit-any -- a mark that a reload would wipe away
      (globalThis as any).isSamePage = true;
    });
    await web.end("SIGKILL");
    await page.getByRole("alert").getByText("The connection to the server is lost").waitFor();
    await page.getByText("No connection").waitFor();
    assert.deepEqual(await page.locator(".job-id").allTextContents(), ["one"]);

    await home.enqueue({ id: "two", command: "true" });
    const back = await WebServer.start(home, ["--port", String(web.port)]);
    try {
      await page.getByText("2 jobs", { exact: true }).waitFor();
      await page.getByText("Live", { exact: true }).waitFor();
      assert.equal(await page.getByRole("alert").count(), 0);
      assert.deepEqual(await page.locator(".job-id").allTextContents(), ["two", "one"]);
      // deno-lint-ignore no-explicit-any -- as above
      assert.equal(await page.evaluate(() => (globalThis as any).isSamePage), true);
    } finally {
      await back.end();
    }
  });

  test("what another terminal does comes to the page by itself, in the same elements", async ({ home, page, web }) => {
    await home.enqueue({ id: "first", command: "true", run_at: "2035-01-01T00:00:00Z" });
    await page.goto(`${web.url}/jobs`);
    const row = await page.locator("tr", { hasText: "first" }).elementHandle();
    assert.ok(row);
    await home.enqueue({ id: "second", command: "true", run_at: "2035-01-01T00:00:00Z" });
    await page.locator("tr", { hasText: "second" }).waitFor();

    await home.run("cancel", "first");
    await page.locator("tr", { hasText: "first" }).getByText("cancelled").waitFor();
    assert.ok(await row.evaluate((element) => element.isConnected), "the row was made anew");
  });

  test("the page asks for a sign-in when its own has ended", async ({ home, page, web, context }) => {
    await context.clearCookies();
    // The page leaves for the sign-in by itself, perhaps before it is loaded.
    await page.goto(`${web.url}/jobs?state=dead`, { waitUntil: "commit" });
    await page.waitForURL(/\/login\?next=/);
    const token = (await Deno.readTextFile(`${home.dir}/run/web.token`)).trim();
    await page.locator("input[type=password]").fill(token);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Jobs" }).waitFor();
    assert.equal(new URL(page.url()).search, "?state=dead");
  }, { expected: /^401 for .*\/api\/session$/ });

  test(
    "a link from elsewhere leads to the page, without a sign-in for whoever has one",
    async ({ page, web }) => {
      // What is opened from another site comes without the cookie at first.
      await page.goto("data:text/html,<p>elsewhere");
      await page.evaluate((url) => location.assign(url), `${web.url}/config`);
      await page.getByRole("heading", { name: "Configuration" }).waitFor();
    },
    { expected: /^a request to data:|^401 for / },
  );
});
