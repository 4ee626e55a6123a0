/**
 * Very many processes that enqueue at the same time: how long a commit takes.
 */

import { CommitClient } from "../chaos/commit_client.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import { absolute, type Figure } from "./report.ts";

const CLIENTS = 64;
const COMMITS = 50;
const ROUNDS = 3;

/** From asking for a commit to having it, and how many clients saw an error. */
export async function rushFigures(folder: string): Promise<Figure[]> {
  const latencies: number[] = [];
  let errors = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const dbPath = `${folder}/rush-${round}.db`;
    await (await SqliteStore.open(dbPath, { durability: "full", lockTimeoutMs: 10_000 })).close();
    const jobs = (client: number) =>
      Array.from(
        { length: COMMITS },
        (_, index) => ({ id: `job-${client}-${index}`, command: "true", cwd: "/" }),
      );
    const reports = await CommitClient.use(
      { count: CLIENTS, dbPath },
      (clients) => Promise.all(clients.map((client, index) => client.commit(jobs(index)))),
    );
    errors += reports.filter((report) => report.error !== null).length;
    latencies.push(...reports.flatMap((report) => report.latenciesMs));
  }
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1]!;
  const what = `${CLIENTS} processes enqueue ${COMMITS} jobs each: asking for a commit → having it`;
  return [
    absolute(`${what}, p99`, at(0.99), { budget: { atMost: 1000 }, unit: "ms" }),
    absolute(`${what}, longest`, at(1), { budget: { atMost: 5000 }, unit: "ms" }),
    absolute(`${what}, clients that saw an error`, errors, { budget: { atMost: 0 }, unit: "" }),
  ];
}
