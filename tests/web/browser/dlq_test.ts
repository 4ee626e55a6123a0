import assert from "node:assert/strict";
import { browserTests } from "./browser_page.ts";

browserTests("page: the dead letters", (test) => {
  test(
    "a job that fails for good is told by the tab and the dead letters, and is retried from there",
    async ({ home, page }) => {
      const cure = `${home.dir}/cure`;
      assert.equal(await page.title(), "Overview · queuectl");
      await home.enqueue({
        id: "ill",
        command: `[ -e ${cure} ] || { echo no luck >&2; exit 3; }`,
        max_retries: 1,
      });
      await home.startWorkers(1);
      await page.waitForFunction(() => document.title === "(1 dead) Overview · queuectl");
      const icon = await page.locator("link[rel=icon]").getAttribute("href");
      assert.match(icon!, /alert/);

      await page.getByRole("link", { name: "Dead letters" }).click();
      const letter = page.getByRole("listitem").filter({ hasText: "ill" });
      await letter.getByText("exited with 3: no luck").waitFor();
      await Deno.writeTextFile(cure, "");
      await letter.getByRole("button", { name: "Retry ill" }).click();
      await page.getByText("No job is dead.").waitFor();
      await home.untilJob("ill", "completed");
      await page.waitForFunction(() => document.title === "Dead letters · queuectl");
    },
  );

  test(
    "a job that was retried by hand shows its rounds, and a name for each attempt",
    async ({ home, page, web }) => {
      await home.enqueue({ id: "ill", command: "exit 3", max_retries: 1, timeout: 5400 });
      await home.startWorkers(1);
      await home.untilJob("ill", "dead");
      await page.goto(`${web.url}/jobs/ill`);
      await page.getByText(/^Dead since .*: its only attempt failed\.$/).waitFor();
      await page.getByRole("heading", { name: "Output of attempt 1", exact: true }).waitFor();
      await page.getByText("1 h 30 min", { exact: true }).waitFor();
      assert.equal(await page.getByText("Round").count(), 0);

      await page.getByRole("button", { name: "Retry" }).click();
      await page.getByRole("link", { name: "Attempt 1, round 2" }).waitFor();
      await page.getByText(/^Dead since/).waitFor();
      await page.getByRole("heading", { name: "Output of attempt 1, round 2" }).waitFor();
      await page.getByRole("link", { name: "Attempt 1, round 1" }).click();
      await page.getByRole("heading", { name: "Output of attempt 1, round 1" }).waitFor();
      assert.deepEqual(await page.locator(".round").allTextContents(), ["Round 1", "Round 2"]);
    },
  );

  test(
    "all dead letters are retried, or deleted after a question that can be answered with no",
    async ({ home, page, web }) => {
      const jobs = Array.from(
        { length: 3 },
        (_, index) => ({ id: `dead${index}`, command: "exit 1", max_retries: 1 }),
      );
      await home.enqueue(...jobs);
      const workers = await home.startWorkers(1);
      await home.untilJob("dead2", "dead");
      await home.run("worker", "stop");
      assert.equal(workers.length, 1);
      await page.goto(`${web.url}/dlq`);
      await page.getByText("3 jobs").waitFor();

      await page.getByRole("button", { name: "Clear" }).click();
      const question = page.getByRole("dialog", { name: "Delete all 3 dead jobs?" });
      await question.getByRole("button", { name: "Keep everything as it is" }).click();
      await question.waitFor({ state: "hidden" });
      assert.equal((await home.json("dlq", "list")).length, 3);

      await page.getByRole("button", { name: "Retry all" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Retry" }).click();
      await page.getByText("3 jobs are pending again").waitFor();
      await page.getByText("No job is dead.").waitFor();

      await home.startWorkers(1);
      await page.getByText("3 jobs", { exact: true }).waitFor();
      await page.getByRole("button", { name: "Clear" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
      await page.getByText("Deleted 3 jobs").waitFor();
      assert.deepEqual(await home.json("list"), []);
    },
  );
});
