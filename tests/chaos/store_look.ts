/**
 * Looks at a store from outside the program, and jobs put into it without one.
 */

import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { NewJob } from "../../src/core/job.ts";
import { resolveHome } from "../../src/home/home.ts";
import { createOutputFiles, outputPaths } from "../../src/home/output_files.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import type { CallResult } from "../harness/program.ts";
import type { ChaosJob } from "./ground.ts";

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
      createOutputFiles(outputPaths(resolveHome({ home }), job.seq, job.claim.attemptId));
      const ref = { jobSeq: job.seq, attemptId: job.claim.attemptId, token: request.token };
      const end = {
        outcome: "failed",
        exitCode: null,
        signal: "SIGKILL",
        error: "ended by SIGKILL",
      } as const;
      await store.endAttempt(ref, end, { now, maxBackoffMs: 0 });
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

/** Throws, naming `where`, unless the call was refused as all refusals are: exit 5, one sentence, one cure. */
export function mustRefuse(
  result: CallResult & { signal?: Deno.Signal | null },
  where: string,
  says: RegExp = /./,
): void {
  const { code, signal = null, stderr } = result;
  if (signal !== null) throw new Error(`${where}: was ended by ${signal} without a word`);
  const [sentence = "", cure = "", ...rest] = stderr.split("\n");
  const isClear = /^Error: [A-Z"].*[^.]$/.test(sentence) && /^Try: \S/.test(cure) && rest.join("") === "";
  if (code !== 5 || !isClear || !says.test(stderr)) {
    throw new Error(`${where}: exited with ${code} and said ${JSON.stringify(stderr)}`);
  }
}
