/**
 * `enqueue -` of 100,000 lines against a bare loop that inserts the same rows into the same tables, with one fsync.
 */

import { DatabaseSync } from "node:sqlite";
import { call } from "../harness/program.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import { type Figure, figure } from "./report.ts";

const LINES = 100_000;
const ROUNDS = 3;

/** Jobs a second, ours ÷ the bare loop's. */
export async function bulkFigures(folder: string): Promise<Figure[]> {
  const input = Array.from(
    { length: LINES },
    (_, index) => JSON.stringify({ id: `job${index}`, command: "true" }),
  ).join("\n");
  const rounds: { ours: number; theirs: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const home = `${folder}/bulk-${round}`;
    await Deno.mkdir(home);
    const theirs = await bareLoop(`${home}/bare.db`);
    const startedAt = performance.now();
    const { code, stderr } = await call(home, ["enqueue", "-"], { stdin: input });
    if (code !== 0) throw new Error(stderr);
    rounds.push({ ours: LINES / (performance.now() - startedAt) * 1000, theirs });
    await Deno.remove(home, { recursive: true });
  }
  return [figure("enqueue - of 100,000 lines ÷ bare inserts", rounds, {
    budget: { atLeast: 0.6 },
    unit: "jobs/s",
    names: ["enqueue -", "bare loop"],
  })];
}

/** The rows that `enqueue` writes, into the same tables, inserted by a loop and nothing else. */
async function bareLoop(path: string): Promise<number> {
  await (await SqliteStore.open(path, { durability: "full", lockTimeoutMs: 1000 })).close();
  const db = new DatabaseSync(path);
  db.exec("PRAGMA synchronous = FULL");
  const addJob = db.prepare(
    `INSERT INTO jobs (id, command, queue, priority, max_retries, timeout_ms, backoff_base,
    cwd, env, attempts, crashes, created_at, updated_at, state, run_at, ready, last_event_id)
    VALUES (?, 'true', 'default', 0, 3, 3600000, 2, '/', '{}', 0, 0, ?, ?, 'pending', ?, 1, ?)`,
  );
  const addEvent = db.prepare("INSERT INTO events (at, job_seq, data) VALUES (?, ?, ?)");
  const startedAt = performance.now();
  const now = Date.now();
  db.exec("BEGIN IMMEDIATE");
  for (let index = 0; index < LINES; index++) {
    const { lastInsertRowid } = addJob.run(`job${index}`, now, now, now, index + 1);
    addEvent.run(now, lastInsertRowid, `{"type":"enqueued","runAt":${now}}`);
  }
  db.exec("COMMIT");
  const rate = LINES / (performance.now() - startedAt) * 1000;
  db.close();
  return rate;
}
