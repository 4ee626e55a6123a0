import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { BulkProgress } from "../../src/cli/bulk_progress.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { callOnTerminal } from "./terminal.ts";

/** A place for a bar, and a clock that is set by hand. */
function staged() {
  const shown: string[] = [];
  const clock = { ms: 0 };
  const line = {
    isShown: true,
    show: (text: string) => shown.push(text),
    clear: () => shown.push("(cleared)"),
  };
  const progress = new BulkProgress({ isQuiet: false }, { line, now: () => clock.ms });
  return { shown, clock, progress };
}

Deno.test("BulkProgress: shows nothing for a second, then a bar that ends with the work", () => {
  const { shown, clock, progress } = staged();
  progress.at("Storing", 1000, 4000);
  clock.ms = 999;
  progress.at("Storing", 2000, 4000);
  assert.deepEqual(shown, []);
  clock.ms = 1000;
  progress.at("Storing", 3000, 4000);
  progress.end();
  assert.deepEqual(shown, ["Storing ███████████████░░░░░ 3,000 of 4,000 jobs", "(cleared)"]);
});

Deno.test("BulkProgress: without a total it shows how many", () => {
  const { shown, clock, progress } = staged();
  clock.ms = 5000;
  progress.at("Deleting", 12_000, null);
  assert.deepEqual(shown, ["Deleting 12,000 jobs"]);
});

Deno.test("enqueue --file: on a terminal a bar is shown if it takes long, and taken away", () =>
  TemporaryHome.use(async (home) => {
    const lines = Array.from({ length: 20_000 }, (_, index) => `{"id": "job${index}", "command": "true"}`);
    await Deno.writeTextFile(`${home.dir}/jobs`, lines.join("\n"));
    await home.run("init-db");
    // It has to wait for another process's transaction, so that it takes more than a second for sure.
    const db = new DatabaseSync(`${home.dir}/queue.db`);
    db.exec("BEGIN IMMEDIATE");
    const release = setTimeout(() => db.exec("ROLLBACK"), 2500);
    try {
      const { code, screen } = await callOnTerminal(home, ["enqueue", "--file", "jobs"]);
      assert.equal(code, 0, screen);
      assert.match(screen, /Storing [█░]{20} [\d,]+ of 20,000 jobs/);
      assert.match(screen, /Enqueued 20000 jobs\n/);
    } finally {
      clearTimeout(release);
      db.close();
    }
    for (const flag of ["--quiet"]) {
      const { screen } = await callOnTerminal(home, ["clear", "--yes", flag]);
      assert.equal(screen, "Deleted 20000 job(s)\n");
    }
  }));
