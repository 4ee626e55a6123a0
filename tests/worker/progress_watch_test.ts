import assert from "node:assert/strict";
import { join } from "node:path";
import type { ProcessingJob } from "../../src/core/job.ts";
import type { Progress } from "../../src/core/progress.ts";
import { createHome, resolveHome } from "../../src/home/home.ts";
import {
  createOutputFiles,
  createOutputFolder,
  limitFile,
  type OutputPaths,
  outputPaths,
} from "../../src/home/output_files.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import { MAX_LOOK_BYTES, ProgressWatch } from "../../src/worker/progress_watch.ts";
import { claimed, enqueueIds } from "../conformance/samples.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { waitFor } from "../harness/wait_for.ts";

const UNLIMITED = 2 ** 50;

/** An attempt whose output the test writes itself. */
interface Stage {
  readonly job: ProcessingJob;
  readonly store: SqliteStore;
  readonly watch: ProgressWatch;
  readonly paths: OutputPaths;
  print(text: string): void;
  /** Looks once, and returns what is stored then. */
  look(maxOutputBytes?: number): Promise<Progress | null>;
}

/** How many bytes this thread has read, of holes too. */
function bytesRead(): number {
  return Number(/^rchar: (\d+)$/m.exec(Deno.readTextFileSync("/proc/thread-self/io"))![1]);
}

function onStage(work: (stage: Stage) => Promise<void>): Promise<void> {
  return TemporaryHome.use(async ({ dir }) => {
    const home = resolveHome({ home: dir, db: join(dir, "queue.db") });
    createHome(home);
    const store = await SqliteStore.open(home.dbPath, { durability: "normal", lockTimeoutMs: 1000 });
    try {
      await enqueueIds(store, ["a"]);
      const job = await claimed(store);
      const place = { home, storeUid: store.uid };
      const paths = outputPaths(place, job.seq, job.claim.attemptId);
      createOutputFolder(paths);
      createOutputFiles(paths);
      const watch = new ProgressWatch(store, place);
      await work({
        ...{ job, store, watch, paths },
        print: (text) => Deno.writeTextFileSync(paths.stdout, text, { append: true }),
        look: async (maxOutputBytes = UNLIMITED) => {
          await watch.look(job, maxOutputBytes);
          return (await store.attempts(job.seq))[0]!.progress;
        },
      });
    } finally {
      await store.close();
    }
  });
}

Deno.test("ProgressWatch: the newest line counts, among other output", () =>
  onStage(async ({ print, look }) => {
    assert.equal(await look(), null);
    print("compiling\nqueuectl:progress 10 a\nqueuectl:progress 20 b\nmore\n");
    assert.deepEqual(await look(), { percent: 20, text: "b" });
    print("only output\n");
    assert.deepEqual(await look(), { percent: 20, text: "b" });
  }));

Deno.test("ProgressWatch: a line counts once it is whole, in however many pieces it comes", () =>
  onStage(async ({ print, look }) => {
    for (const piece of ["queue", "ctl:prog", "ress 4", "0 Bäu"]) {
      print(piece);
      assert.equal(await look(), null);
    }
    print("en\nqueuectl:progress 50");
    assert.deepEqual(await look(), { percent: 40, text: "Bäuen" });
    print("\n");
    assert.deepEqual(await look(), { percent: 50, text: "" });
  }));

Deno.test("ProgressWatch: an invalid line changes nothing", () =>
  onStage(async ({ print, look }) => {
    print("queuectl:progress 30 ok\nqueuectl:progress 300 wrong\nqueuectl:progress many\n");
    assert.deepEqual(await look(), { percent: 30, text: "ok" });
  }));

Deno.test("ProgressWatch: a gigabyte without a newline is passed over, and what follows is found", () =>
  onStage(async ({ paths, print, look }) => {
    Deno.truncateSync(paths.stdout, 2 ** 30); // takes no space: the disk keeps only what was written
    const before = bytesRead();
    assert.equal(await look(), null);
    assert.ok(bytesRead() - before < 2 * MAX_LOOK_BYTES, "it read more than its share");
    print("queuectl:progress 60 in the long line\nqueuectl:progress 70 after it\n");
    assert.deepEqual(await look(), { percent: 70, text: "after it" });
  }));

Deno.test("ProgressWatch: of more output than one look reads, the end is read", () =>
  onStage(async ({ print, look }) => {
    print("queuectl:progress 1 early\n");
    print(`${"x".repeat(99)}\n`.repeat(MAX_LOOK_BYTES / 100));
    print("queuectl:progress 2 late\n");
    assert.deepEqual(await look(), { percent: 2, text: "late" });
  }));

Deno.test("ProgressWatch: goes on where the file was cut back to what may be kept", () =>
  onStage(async ({ paths, print, look }) => {
    print(`${"x".repeat(99)}\nqueuectl:progress 10 first\n`);
    assert.deepEqual(await look(100), { percent: 10, text: "first" });
    limitFile(paths.stdout, 100);
    print("queuectl:progress 20 second\n");
    assert.deepEqual(await look(100), { percent: 20, text: "second" });
  }));

Deno.test("ProgressWatch: output that can't be read harms nobody", () =>
  onStage(async ({ paths, look }) => {
    Deno.removeSync(paths.stdout);
    assert.equal(await look(), null);
    Deno.mkdirSync(paths.stdout);
    assert.equal(await look(), null);
  }));

Deno.test("worker: what a running command prints about its progress shows within seconds", () =>
  TemporaryHome.use(async (home) => {
    const command =
      "echo working; echo 'queuectl:progress 40 Building'; while [ ! -e go ]; do sleep 0.05; done; echo 'queuectl:progress 95 Done'";
    await home.enqueue({ id: "a", command });
    await home.startWorkers(1);
    const progressOf = async () => (await home.json("get", "a")).attempt_history[0]?.progress ?? null;
    const seen = await waitFor("the progress", progressOf);
    assert.deepEqual(seen, { percent: 40, text: "Building" });
    await Deno.writeTextFile(`${home.dir}/go`, "");
    await home.untilJob("a", "completed");
    assert.deepEqual(await progressOf(), { percent: 95, text: "Done" });
  }));

Deno.test("worker: the progress of a job that ends at once is stored, too, for each attempt", () =>
  TemporaryHome.use(async (home) => {
    const command = "echo queuectl:progress $((QUEUECTL_ATTEMPT * 10)) try; false";
    await home.enqueue({ id: "a", command, max_retries: 2, backoff_base: 0 });
    await home.startWorkers(1);
    const job = await home.untilJob("a", "dead");
    assert.deepEqual(job.attempt_history.map(({ progress }: { progress: unknown }) => progress), [
      { percent: 10, text: "try" },
      { percent: 20, text: "try" },
    ]);
  }));
