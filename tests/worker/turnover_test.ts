import assert from "node:assert/strict";
import type { ProcessingJob } from "../../src/core/job.ts";
import { type Ending, type Settled, Turnover } from "../../src/worker/turnover.ts";

function ending(id: string): Ending {
  const end = { outcome: "succeeded", exitCode: 0, signal: null, error: null } as const;
  return { job: { id } as ProcessingJob, end, takesNext: true };
}

/** A store that answers when it is told to, and the batches that it was given. */
function slowStore() {
  const batches: string[][] = [];
  const answers: PromiseWithResolvers<void>[] = [];
  const store = async (endings: readonly Ending[]): Promise<Settled[]> => {
    batches.push(endings.map(({ job }) => job.id));
    const answer = Promise.withResolvers<void>();
    answers.push(answer);
    await answer.promise;
    return endings.map(({ job }) => ({ ended: job, next: null }));
  };
  return { batches, answers, store };
}

Deno.test("Turnover: what comes alone is stored at once", async () => {
  const { batches, answers, store } = slowStore();
  const settled = new Turnover(store, () => false).settle(ending("a"));
  assert.deepEqual(batches, [["a"]]);
  answers[0]!.resolve();
  assert.equal((await settled).ended?.id, "a");
});

Deno.test("Turnover: what comes while another is being stored goes together, and each hears of its own", async () => {
  const { batches, answers, store } = slowStore();
  const turnover = new Turnover(store, () => false);
  const settled = ["a", "b", "c"].map((id) => turnover.settle(ending(id)));
  assert.deepEqual(batches, [["a"]]);
  answers[0]!.resolve();
  await settled[0];
  assert.deepEqual(batches, [["a"], ["b", "c"]]);
  answers[1]!.resolve();
  assert.deepEqual((await Promise.all(settled)).map(({ ended }) => ended?.id), ["a", "b", "c"]);
});

Deno.test("Turnover: what comes at the same moment as others that run goes together from the start", async () => {
  const { batches, answers, store } = slowStore();
  const turnover = new Turnover(store, () => true);
  const settled = [turnover.settle(ending("a")), Promise.resolve().then(() => turnover.settle(ending("b")))];
  while (answers.length === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  assert.deepEqual(batches, [["a", "b"]]);
  answers[0]!.resolve();
  await Promise.all(settled);
});

Deno.test("Turnover: if storing fails, all that were to be stored hear of it, and the next ones are stored", async () => {
  const { answers, store } = slowStore();
  const turnover = new Turnover(store, () => false);
  const first = turnover.settle(ending("a"));
  answers[0]!.reject(new Error("the disk is full"));
  await assert.rejects(first, /the disk is full/);
  const second = turnover.settle(ending("b"));
  answers[1]!.resolve();
  assert.equal((await second).ended?.id, "b");
});
