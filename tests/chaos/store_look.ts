/**
 * Looks at a store from outside the program, and jobs put into it without one.
 */

import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { NewJob } from "../../src/core/job.ts";
import { resolveHome } from "../../src/home/home.ts";
import { createOutputFiles, createOutputFolder, outputPaths } from "../../src/home/output_files.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import type { CallResult } from "../harness/program.ts";
import type { ChaosJob } from "./ground.ts";
import { endAttempt } from "../conformance/samples.ts";

/** Runs `work` with the store in the file `path` and closes it, whatever happens. */
export async function withStore<T>(path: string, work: (store: SqliteStore) => Promise<T>): Promise<T> {
  const store = await SqliteStore.open(path, { durability: "full", lockTimeoutMs: 20_000 });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** What SQLite says against the file at `path`; empty if nothing. */
export function integrityFaults(path: string): string[] {
  const db = new DatabaseSync(path);
  try {
    return db.prepare("PRAGMA integrity_check").all().map((row) => String(row.integrity_check))
      .filter((line) => line !== "ok");
  } finally {
    db.close();
  }
}

/** Throws, naming `where`, unless the file at `path` is sound. */
export function mustBeSound(path: string, where: string): void {
  const faults = integrityFaults(path);
  if (faults.length > 0) throw new Error(`${where}: the file is not sound: ${faults.join("; ")}`);
}

/** Stores jobs that are dead already, each with the output of an attempt whose worker lives no more. */
export async function storeDeadJobs(home: string, jobs: readonly ChaosJob[]): Promise<void> {
  // In a queue of their own, so that no job that waits is claimed in place of one of them.
  const queue = `graveyard-${jobs[0]!.id}`;
  await withStore(`${home}/queue.db`, async (store) => {
    const now = Date.now();
    await store.enqueue(jobs.map((job) => asDeadEnd(job, { queue, now })), now);
    for (const _ of jobs) {
      const request = { workerId: 0, queues: [queue], mode: "fifo" as const, token: crypto.randomUUID() };
      const job = await store.claim(request, now);
      assert.ok(job !== null, "a job that was just stored is not ready");
      const place = { home: resolveHome({ home }), storeUid: store.uid };
      const paths = outputPaths(place, job.seq, job.claim.attemptId);
      createOutputFolder(paths);
      createOutputFiles(paths);
      const ref = { jobSeq: job.seq, attemptId: job.claim.attemptId, token: request.token };
      const end = {
        outcome: "failed",
        exitCode: null,
        signal: "SIGKILL",
        error: "ended by SIGKILL",
      } as const;
      await endAttempt(store, ref, end, { now, maxBackoffMs: 0 });
    }
  });
}

function asDeadEnd(job: ChaosJob, { queue, now }: { queue: string; now: number }): NewJob {
  const { id, command, cwd } = job;
  return {
    ...{ id, command, queue, cwd: String(cwd), priority: 0, maxRetries: 1, timeoutMs: 60_000 },
    ...{ backoffBase: 1, env: {}, runAt: now },
  };
}

/** A call that was refused, as far as is known. */
export type Refusal = CallResult & { readonly signal?: Deno.Signal | null };

/** True if the call ended with one of `codes` and an error as all are: one sentence, one cure. */
export function isClearRefusal({ code, signal = null, stderr }: Refusal, codes: readonly number[]): boolean {
  const [sentence = "", cure = "", ...rest] = stderr.replace(/^Waiting: .*\n/, "").split("\n");
  const isClear = /^Error: [A-Z"].*[^.]$/.test(sentence) && /^Try: \S/.test(cure) && rest.join("") === "";
  return signal === null && codes.includes(code) && isClear;
}

/** What is wrong with a refusal by the store (exit 5); null if nothing. */
export function whyUnclear(result: Refusal, says: RegExp = /./): string | null {
  const { code, signal = null, stderr } = result;
  if (signal !== null) return `was ended by ${signal}, with the words ${JSON.stringify(stderr)}`;
  if (isClearRefusal(result, [5]) && says.test(stderr)) return null;
  return `exited with ${code} and said ${JSON.stringify(stderr)}`;
}
