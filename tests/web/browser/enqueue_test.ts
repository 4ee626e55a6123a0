import assert from "node:assert/strict";
import { browserTests } from "./browser_page.ts";
import { waitFor } from "../../harness/wait_for.ts";

browserTests("page: the forms to enqueue and to configure", (test) => {
  test(
    "a job that is enqueued on the page is seen running, its output appears line by line, and it completes",
    async ({ home, page }) => {
      const gate = `${home.dir}/gate`;
      await home.startWorkers(1);
      await page.getByRole("link", { name: "Enqueue" }).click();
      await page.getByLabel("Command").fill(
        `printf '\\033[32mfirst\\033[0m line\\n'; until [ -e ${gate} ]; do sleep 0.02; done; echo last line`,
      );
      await page.getByLabel("Id", { exact: true }).fill("hello/world?");
      await page.getByLabel("Environment").fill("COLOR=green\nEMPTY=");
      await page.getByRole("button", { name: "Enqueue" }).click();

      await page.getByRole("heading", { name: "hello/world?" }).waitFor();
      assert.equal(new URL(page.url()).pathname, "/jobs/hello%2Fworld%3F");
      await page.getByText("Attempt 1 of 3 runs on worker 1").waitFor();
      const stdout = page.getByRole("log", { name: "stdout" });
      await stdout.getByText("first line").waitFor();
      assert.equal(await stdout.locator(".fg-2").textContent(), "first");
      assert.doesNotMatch(await stdout.textContent() ?? "", /last line/);

      await Deno.writeTextFile(gate, "");
      await stdout.getByText("last line").waitFor();
      await page.getByText(/Succeeded .*, at attempt 1 of 3/).waitFor();
      const { env } = await home.json("get", "hello/world?");
      assert.deepEqual(env, { COLOR: "green", EMPTY: "" });
    },
  );

  test(
    "what the server has against a job stands at the field, in its words, and the field has the focus",
    async ({ home, page, web }) => {
      await home.enqueue({ id: "taken", command: "true" });
      await page.goto(`${web.url}/enqueue`);
      const enqueue = page.getByRole("button", { name: "Enqueue" });

      await enqueue.click();
      const command = page.getByLabel("Command");
      await page.getByText('The key "command" is missing').waitFor();
      assert.equal(await command.getAttribute("aria-invalid"), "true");
      assert.ok(await command.evaluate((field) => field === document.activeElement));

      await command.fill("true");
      const timeout = page.getByLabel("Timeout in seconds");
      await timeout.fill("soon");
      await enqueue.click();
      const told = await home.call(["enqueue", JSON.stringify({ command: "true", timeout: "soon" })]);
      const [, message] = /^(?:Error: )?(.+)$/m.exec(told.stderr)!;
      await page.getByText(message!.replace(/^error: /i, ""), { exact: true }).waitFor();
      const described = (await timeout.getAttribute("aria-describedby"))!.split(" ");
      assert.ok(described.includes("timeout-refusal"));
      assert.ok(await timeout.evaluate((field) => field === document.activeElement));

      await timeout.fill("");
      const id = page.getByLabel("Id", { exact: true });
      await id.fill("taken");
      await enqueue.click();
      await page.getByText("Cannot enqueue taken: a job with this id exists").waitFor();
      assert.equal(await id.getAttribute("aria-invalid"), "true");
      assert.equal((await home.json("list")).length, 1);
    },
  );

  test(
    "a job can be enqueued for later, and as a copy of another one",
    async ({ home, page, web }) => {
      await home.enqueue({
        id: "first",
        command: "echo one\necho two",
        queue: "reports",
        priority: 7,
        env: { A: "b=c" },
      });
      await page.goto(`${web.url}/jobs/first`);
      await page.getByRole("link", { name: "Enqueue a copy" }).click();
      const command = page.getByLabel("Command");
      await page.waitForFunction(() => document.querySelector("textarea")?.value.includes("two"));
      assert.equal(await command.inputValue(), "echo one\necho two");
      await page.getByLabel("Id", { exact: true }).fill("second");
      await page.getByLabel("after", { exact: true }).check();
      await page.getByLabel("Length of the delay").fill("2");
      await page.getByLabel("Unit of the delay").selectOption({ label: "hours" });
      await page.getByRole("button", { name: "Enqueue" }).click();
      await page.getByText(/Will be due in [12] h/).waitFor();
      const [first, second] = await home.json("list");
      for (const key of ["command", "queue", "priority", "env", "max_retries", "timeout", "cwd"]) {
        assert.deepEqual(second[key], first[key], key);
      }
      const delayMs = Date.parse(second.run_at) - Date.parse(second.created_at);
      assert.ok(Math.abs(delayMs - 7_200_000) < 60_000, `${delayMs}`);
    },
  );

  test(
    "a setting is changed, refused in the server's words, and taken back",
    async ({ home, page, web }) => {
      await page.goto(`${web.url}/config`);
      const setting = page.locator("form", { has: page.getByLabel("max_retries") });
      const value = setting.getByLabel("max_retries");
      const save = setting.getByRole("button", { name: "Save" });
      await value.fill("0");
      await save.click();
      await setting.getByText('Cannot set max_retries to "0": it is a whole number from 1 to 1000').waitFor();
      assert.equal(await value.getAttribute("aria-invalid"), "true");

      await value.fill("7");
      await save.click();
      await page.getByText("max_retries is 7 now").waitFor();
      assert.equal((await home.run("config", "get", "max_retries")).trim(), "7");

      await setting.getByRole("button", { name: "Reset" }).click();
      await page.getByText("max_retries is 3 now").waitFor();
      await waitFor("the field to show it", async () => await value.inputValue() === "3");
    },
  );
});
