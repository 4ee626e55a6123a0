/**
 * Faults to plant in a copy of the program, to prove that the checker notices them.
 */

/** One change of a source text that breaks a promise. */
export interface PlantedFault {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** The trial that must notice it; the one in which a bit of everything happens, if absent. */
  readonly trial?: "power loss";
}

/** Each breaks another promise; `from` stands exactly once in its file. */
export const PLANTED_FAULTS: readonly PlantedFault[] = [
  {
    name: "what users are told is not synced to the disk",
    file: "src/cli/context.ts",
    from: 'durability: OpenOptions["durability"] = "full"',
    to: 'durability: OpenOptions["durability"] = "normal"',
    trial: "power loss",
  },
  {
    name: "the token is not checked when an attempt ends",
    file: "src/store/jobs_table.ts",
    from: "WHERE seq = ? AND attempt_id = ? AND claim_token = ?",
    to: "WHERE seq = ? AND attempt_id >= ? AND ? IS NOT NULL",
  },
  {
    name: "a late end is accepted whatever has become of the job",
    file: "src/store/sqlite.ts",
    from: "if (row === undefined) return null;\n    return this.#endHeld",
    to:
      'if (row === undefined) { this.#log({ type: "ended", end, maxBackoffMs: 0 }, ref.jobSeq, options.now); return null; }\n    return this.#endHeld',
  },
  {
    name: "workers are taken for dead without proof",
    file: "src/worker/recovery.ts",
    from: "lives[index] === life",
    to: 'life === "dead" || lives[index] === life',
  },
  {
    name: "jobs are given back before the old command is killed",
    file: "src/worker/recovery.ts",
    from: "const killed = await killStrays(store.uid, isStray, CERTAIN_LOOKS);",
    to: "const killed = isStray({ pid: 1, kind: 'attempt', id: 1 }) ? CERTAIN_LOOKS - 4 : 0;",
  },
  {
    name: "no heartbeat while a worker finishes its last jobs",
    file: "src/worker/worker.ts",
    from: "while (this.#tasks.size > 0) await Promise.race(this.#tasks);",
    to: "await this.#upkeep.stop(); while (this.#tasks.size > 0) await Promise.race(this.#tasks);",
  },
  {
    name: "attempts are not counted",
    file: "src/core/lifecycle.ts",
    from: "attempts: job.attempts + 1,",
    to: "attempts: Math.max(1, job.attempts),",
  },
  {
    name: "a lost attempt costs the job one",
    file: "src/core/lifecycle.ts",
    from: "attempts: job.attempts - 1, crashes, updatedAt",
    to: "attempts: job.attempts, crashes, updatedAt",
  },
  {
    name: "the backoff delay is that of the attempt before",
    file: "src/core/backoff.ts",
    from: "base ** attempts * 1000",
    to: "base ** (attempts - 1) * 1000",
  },
  {
    name: "a job gets one attempt more than its limit",
    file: "src/core/lifecycle.ts",
    from: "job.attempts >= job.maxRetries",
    to: "job.attempts > job.maxRetries",
  },
  {
    name: "run_at is ignored",
    file: "src/store/jobs_table.ts",
    from: "runAt, runAt <= now ? 1 : 0, entryId];",
    to: "runAt, 1, entryId];",
  },
  {
    name: "the lowest priority goes first",
    file: "src/store/jobs_table.ts",
    from: "WHERE ready = 1 ORDER BY priority DESC, seq LIMIT 1",
    to: "WHERE ready = 1 ORDER BY priority, seq LIMIT 1",
  },
  {
    name: "the newest job goes first",
    file: "src/store/jobs_table.ts",
    from: "WHERE ready = 1 ORDER BY priority DESC, seq LIMIT 1",
    to: "WHERE ready = 1 ORDER BY priority DESC, seq DESC LIMIT 1",
  },
  {
    name: "a bulk is stored in parts",
    file: "src/core/queue.ts",
    from: "const stored = await this.#store.enqueue(jobs, at, options);",
    to: "const stored = []; for (const job of jobs) stored.push(...await this.#store.enqueue([job], at));",
  },
  {
    name: "a job is acknowledged without being stored",
    file: "src/core/queue.ts",
    from: "const stored = await this.#store.enqueue(jobs, at, options);",
    to: "const stored = await this.#store.enqueue(jobs.slice(1), at, options);",
  },
  {
    name: "claims are missing in the log",
    file: "src/store/sqlite.ts",
    from: "const entryId = this.#log(event, job.seq, now);",
    to: 'const entryId = event.type === "claimed" ? 0 : this.#log(event, job.seq, now);',
  },
  {
    name: "output is cut at 100 bytes",
    file: "src/worker/running_attempt.ts",
    from: "const maxBytes = this.#place.config().max_output_bytes;",
    to: "const maxBytes = 100;",
  },
  {
    name: "the counters forget what has ended",
    file: "src/store/sqlite.ts",
    from: "this.#counts.ofQueue(job.queue, after.state, 1);",
    to: 'if (after.state !== "dead") this.#counts.ofQueue(job.queue, after.state, 1);',
  },
];
