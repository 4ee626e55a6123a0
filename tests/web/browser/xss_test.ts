/// <reference lib="dom" />
/// <reference lib="dom.iterable" />

import assert from "node:assert/strict";
import { browserTests, type Stage } from "./browser_page.ts";
import { XSS_PAYLOADS } from "./xss_payloads.ts";

/** Every field of these jobs holds a payload, and so does all that they print. */
async function enqueuePayloads({ home }: Pick<Stage, "home">): Promise<void> {
  const jobs = [];
  for (const [index, payload] of XSS_PAYLOADS.entries()) {
    const cwd = `${home.dir}/cwd/${payload}`;
    await Deno.mkdir(cwd, { recursive: true });
    const print = `printf '%s\\n' "$PAYLOAD"; printf '%s\\n' "$PAYLOAD" >&2`;
    jobs.push({
      ...{ id: payload, queue: payload, cwd, env: { PAYLOAD: payload }, max_retries: 1 },
      command: `# ${payload}\n${print}; exit ${index % 2}`,
    });
  }
  // These wait, so that the lists of what is due and of queues show payloads, too.
  for (const payload of XSS_PAYLOADS.slice(0, 10)) {
    jobs.push({ id: `later ${payload}`, queue: payload, command: payload, run_at: "2035-01-01T00:00:00Z" });
  }
  await home.enqueue(...jobs);
}

/** Elements that the page itself never has, and attributes that no element of it has. */
const FOREIGN =
  "script:not([src='/page/app.js']), iframe, object, embed, base, form[action], img:not([src^='/page/'])," +
  "link:not([href^='/page/']), style, video, audio, math, marquee, image, use, animate, " +
  "[onerror], [onload], [onfocus], [onmouseover], [onclick], [ontoggle], [onbegin], [formaction], [href^='javascript:' i]";

browserTests("page: texts of strangers", (test) => {
  test(
    "sixty payloads in every field are shown as they are on every view, and nothing of them runs",
    async (stage) => {
      const { home, page, web } = stage;
      assert.equal(new Set(XSS_PAYLOADS).size, 60);
      await enqueuePayloads(stage);
      await home.run("worker", "start", "--concurrency", "60");
      await page.waitForFunction(() => /30 dead/.test(document.title), null, { timeout: 60_000 });
      const look = async (what: string) => {
        const foreign = await page.evaluate(
          (selector) => [...document.querySelectorAll(selector)].map((element) => element.outerHTML),
          FOREIGN,
        );
        assert.deepEqual(foreign, [], what);
      };
      const shown = new Set<string>();
      const gather = async (selector: string) =>
        (await page.locator(selector).allTextContents()).forEach((text) => shown.add(text));

      await page.getByText(`later ${XSS_PAYLOADS[0]}`).first().waitFor();
      await look("overview");
      for (const path of ["/jobs", "/jobs?sort=created"]) {
        await page.goto(web.url + path);
        await page.getByText("70 jobs").waitFor();
        await gather(".job-id");
        await look(path);
      }
      assert.deepEqual(XSS_PAYLOADS.filter((payload) => !shown.has(payload)), []);
      await page.goto(`${web.url}/dlq`);
      await page.locator(".letter").nth(29).waitFor();
      await look("/dlq");

      for (const payload of XSS_PAYLOADS) {
        await page.evaluate((id) => {
          history.pushState(null, "", `/jobs/${encodeURIComponent(id)}`);
          dispatchEvent(new Event("routechange"));
        }, payload);
        await page.locator("h1").filter({ hasText: payload }).waitFor();
        for (const stream of ["stdout", "stderr"]) {
          await page.getByRole("log", { name: stream }).getByText(payload).waitFor();
        }
        const text = await page.locator("main").textContent() ?? "";
        const times = text.split(payload).length - 1;
        // Id, command, queue, environment, both outputs, the directory (where `//` became `/`), and the error.
        assert.ok(times >= (payload.includes("//") ? 6 : 7), `${payload} is shown ${times} times`);
        await look(payload);
      }
      const tell = `printf 'queuectl:progress 50 %s\\n' "$PAYLOAD"; exec sleep 600`;
      await home.enqueue(
        ...XSS_PAYLOADS.map((payload, index) => ({
          id: `running ${index}`,
          command: tell,
          env: { PAYLOAD: payload },
        })),
      );
      await page.goto(`${web.url}/`);
      const texts = page.locator(".at-hand .progress-text");
      await texts.nth(59).waitFor({ timeout: 60_000 });
      assert.deepEqual((await texts.allTextContents()).toSorted(), XSS_PAYLOADS.toSorted());
      await look("progress");
      await page.getByRole("link", { name: "running 7", exact: true }).click();
      await page.locator(".story .progress-text").getByText(XSS_PAYLOADS[7]!).waitFor();
      await look("progress of a job");

      await page.goto(`${web.url}/enqueue?like=${encodeURIComponent(XSS_PAYLOADS[0]!)}`);
      await page.getByText("The same in a shell").waitFor();
      await look("/enqueue");
      const search = new URLSearchParams({
        q: XSS_PAYLOADS[7]!,
        queue: XSS_PAYLOADS[9]!,
        state: XSS_PAYLOADS[21]!,
      });
      await page.goto(`${web.url}/jobs?${search}`);
      await page.locator("p.refusal").waitFor();
      await look("filters in the address");
    },
    { expected: /^400 for .*\/api\/jobs\?state=/ },
  );
});
