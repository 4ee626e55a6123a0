import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { waitFor } from "../../harness/wait_for.ts";
import { browserTests } from "./browser_page.ts";

/** The ids of the rows, from top to bottom. */
function ids(page: Page): Promise<string[]> {
  return page.locator("table .job-id").allTextContents();
}

/** Waits until the table shows these rows. */
async function untilRows(page: Page, wanted: readonly string[]): Promise<void> {
  let seen: string[] = [];
  await waitFor(`the rows ${wanted.join(", ")}`, async () => {
    seen = await ids(page);
    return JSON.stringify(seen) === JSON.stringify(wanted);
  }).catch((error) => assert.deepEqual(seen, wanted, error.message));
}

browserTests("page: the table of jobs", (test) => {
  test("jobs are filtered by state and queue, searched, and the address keeps what is shown", async (stage) => {
    const { home, page, web } = stage;
    await home.enqueue(
      { id: "tar-etc", command: "tar c /etc", queue: "backup" },
      { id: "mail", command: "sendmail bob", queue: "mails" },
      { id: "tar-home", command: "tar c /home", queue: "backup", run_at: "2035-01-01T00:00:00Z" },
    );
    await home.run("cancel", "mail");
    await page.getByRole("link", { name: "Jobs" }).click();
    await untilRows(page, ["tar-home", "mail", "tar-etc"]);

    await page.getByRole("link", { name: "cancelled 1" }).click();
    await untilRows(page, ["mail"]);
    assert.equal(new URL(page.url()).search, "?state=cancelled");
    await page.goBack();
    await untilRows(page, ["tar-home", "mail", "tar-etc"]);

    await page.getByLabel("Queue", { exact: true }).fill("backup");
    await untilRows(page, ["tar-home", "tar-etc"]);
    await page.getByLabel("Search ids and commands").fill("/ETC");
    await untilRows(page, ["tar-etc"]);
    assert.equal(new URL(page.url()).search, "?queue=backup&search=%2FETC");
    // The API takes the same words.
    const { jobs } = await web.get(`/api/jobs${new URL(page.url()).search}`);
    assert.deepEqual(jobs.map((job: { id: string }) => job.id), ["tar-etc"]);

    const another = await stage.context.newPage();
    await another.goto(page.url());
    await untilRows(another, ["tar-etc"]);
    assert.equal(await another.getByLabel("Search ids and commands").inputValue(), "/ETC");
    await another.goto(`${web.url}/jobs?q=bob`);
    await untilRows(another, ["mail"]);
    await another.close();

    await page.goto(`${web.url}/jobs`);
    await page.getByRole("button", { name: /Created/ }).click();
    await untilRows(page, ["tar-etc", "mail", "tar-home"]);
    await page.getByLabel("Order").selectOption({ label: "Due next first" });
    await untilRows(page, ["tar-home"]);
  });

  test("a hundred thousand jobs are paged through, and searched", async ({ home, page, web }) => {
    const lines = Array.from(
      { length: 100_000 },
      (_, index) =>
        JSON.stringify({ id: `job${index}`, command: `echo ${index === 777 ? "needle" : index}`, cwd: "/" }),
    );
    const { code, stderr } = await home.call(["enqueue", "-", "--quiet"], { stdin: lines.join("\n") });
    assert.equal(code, 0, stderr);
    await page.goto(`${web.url}/jobs`);
    await page.getByText("100,000 jobs").waitFor();
    await page.getByText("Page 1 of 2,000").waitFor();
    const next = page.getByRole("link", { name: "Next" });
    for (let number = 1; number <= 5; number++) {
      const top = 100_000 - 50 * (number - 1);
      await untilRows(page, Array.from({ length: 50 }, (_, index) => `job${top - 1 - index}`));
      await next.click();
      await page.getByText(`Page ${number + 1} of 2,000`).waitFor();
    }
    await page.reload();
    await page.getByText("Page 6 of 2,000").waitFor();
    await page.getByRole("link", { name: "Previous" }).click();
    await untilRows(page, Array.from({ length: 50 }, (_, index) => `job${99_799 - index}`));
    await page.getByRole("link", { name: "First" }).click();
    await page.getByText("Page 1 of 2,000").waitFor();
    await page.getByLabel("Search ids and commands").fill("needle");
    await untilRows(page, ["job777"]);
  });

  test("all jobs that match are chosen beyond the page, and changed after a question with their number", async ({ home, page, web }) => {
    const lines = (count: number, job: Record<string, string>) =>
      Array.from(
        { length: count },
        () => JSON.stringify({ cwd: "/", run_at: "2035-01-01T00:00:00Z", ...job }),
      );
    const stdin = [
      ...lines(120, { command: "tar c /etc" }),
      ...lines(70, { command: "mail", queue: "mails" }),
    ];
    await home.call(["enqueue", "-", "--quiet"], { stdin: stdin.join("\n") });
    await page.goto(`${web.url}/jobs?search=TAR`);
    await page.getByLabel("Choose all on this page").click();
    await page.getByText("50 chosen").waitFor();
    await page.getByRole("button", { name: "Choose all that match" }).click();
    await page.getByText("All that match are chosen").waitFor();

    await page.getByRole("button", { name: "Cancel" }).click();
    const question = page.getByRole("dialog", { name: "Cancel 120 jobs?" });
    await question.getByText("pending, processing, failed with “TAR”").waitFor();
    await question.getByRole("button", { name: "Keep everything as it is" }).click();
    assert.equal((await web.get("/api/counts?state=cancelled")).count, 0);
    await page.getByRole("button", { name: "Cancel" }).click();
    await question.getByRole("button", { name: "Cancel" }).click();
    await page.getByText("120 jobs are cancelled").waitFor();
    assert.equal((await web.get("/api/counts?state=cancelled")).count, 120);

    // What the server does in parts is told as it goes, and asked for to its end.
    const parts: unknown[] = [];
    const mayEnd = Promise.withResolvers<void>();
    await page.route("**/api/jobs/retry", async (route) => {
      parts.push(route.request().postDataJSON().cursor);
      if (parts.length === 1) {
        return await route.fulfill({ json: { retried: 40, is_complete: false, next: "n.40" } });
      }
      await mayEnd.promise;
      await route.fulfill({ json: { retried: 80, is_complete: true, next: null } });
    });
    await page.goto(`${web.url}/jobs?search=TAR`);
    await page.getByLabel("Choose all on this page").click();
    await page.getByRole("button", { name: "Choose all that match" }).click();
    await page.getByRole("button", { name: "Retry" }).click();
    await page.getByRole("dialog", { name: "Retry 120 jobs?" }).getByRole("button", { name: "Retry" })
      .click();
    await page.getByText("40 done…").waitFor();
    mayEnd.resolve();
    await page.getByText("120 jobs are pending again").waitFor();
    assert.deepEqual(parts, [undefined, "n.40"]);

    // Another choice ends it.
    await page.goto(`${web.url}/jobs?queue=mails`);
    await page.getByLabel("Choose all on this page").click();
    await page.getByRole("button", { name: "Choose all 70 that match" }).click();
    await page.getByText("All 70 that match are chosen").waitFor();
    await page.locator("tbody input").first().click();
    await page.getByText("49 chosen").waitFor();
    assert.equal(await page.getByRole("button", { name: /that match/ }).count(), 0);
    await page.locator("tbody input").first().click();
    await page.getByRole("button", { name: "Choose all 70 that match" }).click();
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog", { name: "Delete 70 jobs?" }).getByRole("button", { name: "Delete" })
      .click();
    await page.getByText("70 jobs are deleted").waitFor();
    assert.equal((await web.get("/api/counts")).count, 120);

    // An order that shows only jobs that have ended chooses no others.
    await home.enqueue({ id: "waiting", command: "true", run_at: "2035-01-01T00:00:00Z" });
    await page.goto(`${web.url}/jobs?sort=-finished`);
    await page.getByLabel("Choose all on this page").click();
    await page.getByRole("button", { name: "Choose all that match" }).click();
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog", { name: "Delete 120 jobs?" }).getByRole("button", { name: "Delete" })
      .click();
    await untilRows(page, []);
    assert.deepEqual((await home.json("list")).map(({ id }: { id: string }) => id), ["waiting"]);
  });

  test(
    "an address that asks for what can't be is answered with the way back",
    async ({ home, page, web }) => {
      await home.enqueue({ id: "a", command: "true" });
      await page.goto(`${web.url}/jobs?state=bogus`);
      await page.getByRole("alert").getByText("bogus").waitFor();
      assert.equal(await page.getByText("Loading…").count(), 0);
      await page.getByRole("link", { name: "Show all jobs" }).click();
      await untilRows(page, ["a"]);
    },
    { expected: /^400 for / },
  );

  test("many jobs are chosen and retried, cancelled and deleted at once", async ({ home, page, web }) => {
    const later = { command: "true", run_at: "2035-01-01T00:00:00Z" };
    await home.enqueue(...["a", "b", "c", "d"].map((id) => ({ id, ...later })));
    await home.run("cancel", "a", "b");
    await page.goto(`${web.url}/jobs`);
    await page.getByLabel("Choose a", { exact: true }).click();
    await page.getByLabel("Choose c", { exact: true }).click({ modifiers: ["Shift"] });
    await page.getByText("3 chosen").waitFor();

    // Rows hold still while some are chosen, though a newer job has come.
    await home.enqueue({ id: "e", ...later });
    await page.getByRole("link", { name: "all 5" }).waitFor();
    assert.deepEqual(await ids(page), ["d", "c", "b", "a"]);
    await page.getByText("1 new one when none is chosen").waitFor();

    await page.getByRole("button", { name: "Retry 2 of them" }).click();
    await page.getByText("2 jobs are pending again").waitFor();
    await untilRows(page, ["e", "d", "c", "b", "a"]);
    assert.equal((await home.json("get", "b")).state, "pending");

    await page.getByLabel("Choose all on this page").click();
    await page.getByText("5 chosen").waitFor();
    await page.locator("button:disabled", { hasText: "Retry" }).waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByText("5 jobs are cancelled").waitFor();

    await page.getByLabel("Choose d", { exact: true }).click();
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await untilRows(page, ["e", "c", "b", "a"]);
    await page.getByRole("link", { name: "cancelled 4" }).click();
    await page.getByRole("button", { name: "Delete all cancelled" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete them" }).click();
    await page.getByText("Deleted 4 jobs").waitFor();
    assert.deepEqual(await home.json("list"), []);
  });
});
