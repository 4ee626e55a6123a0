/**
 * The invariants of the queue, judged by independent records. Each rule returns what disproves it, naming the job.
 */

import assert from "node:assert/strict";
import type { Attempt, EndedAttempt } from "../../src/core/attempt.ts";
import type { LogEntry } from "../../src/core/event.ts";
import { type FailedJob, FINAL_STATES, type Job, JOB_STATES, type PendingJob } from "../../src/core/job.ts";
import { CRASH_LIMIT, enqueue, transition } from "../../src/core/lifecycle.ts";
import type { Evidence, LedgerLine } from "./evidence.ts";

/** What disproves an invariant. */
export interface Violation {
  readonly rule: string;
  /** The job that disproves it; null if it is about no single job. */
  readonly job: string | null;
  readonly what: string;
}

type Rule = (evidence: Evidence) => Omit<Violation, "rule">[];

/** Two clocks are compared, and one of them has steps of 10 ms. */
const CLOCK_SLACK_MS = 30;

/** All violations of all rules; empty if the run was flawless. */
export function check(evidence: Evidence): Violation[] {
  return Object.entries(RULES).flatMap(([rule, judge]) =>
    judge(evidence).map((found) => ({ rule, ...found }))
  );
}

const RULES: Record<string, Rule> = {
  "what was acknowledged is stored, and what was refused is not": ({ acknowledgements, jobs }) => {
    const stored = new Set(jobs.map((job) => job.id));
    return acknowledgements.flatMap(({ id, result }) => {
      if (result === "ok" && !stored.has(id)) {
        return [{ job: id, what: "was acknowledged and is not stored" }];
      }
      if (result === "fail" && stored.has(id)) return [{ job: id, what: "was refused and is stored" }];
      return [];
    });
  },

  "what was enqueued together is stored together": ({ acknowledgements, jobs }) => {
    const stored = new Set(jobs.map((job) => job.id));
    return [...Map.groupBy(acknowledgements, (one) => one.batch).values()].flatMap((batch) => {
      const missing = batch.filter(({ id }) => !stored.has(id));
      if (missing.length === 0 || missing.length === batch.length) return [];
      return [{ job: missing[0]!.id, what: `is not stored, but others of its ${batch.length} are` }];
    });
  },

  "the counters say how many jobs there are": ({ counts, jobs }) =>
    JOB_STATES.flatMap((state) => {
      const counted = jobs.filter((job) => job.state === state).length;
      return counted === counts[state]
        ? []
        : [{ job: null, what: `${counted} are ${state}, not ${counts[state]}` }];
    }),

  "replaying the events gives every job's row": ({ events, jobs }) => {
    const { steps, faults } = replay(events, jobs);
    const last = new Map(steps.map((step) => [step.after.seq, step.after]));
    const different = jobs.flatMap((job) => {
      const replayed = last.get(job.seq);
      try {
        assert.deepEqual(replayed === undefined ? null : withoutToken(replayed), withoutToken(job));
        return [];
      } catch (error) {
        return [{ job: job.id, what: `its events don't give its row: ${(error as Error).message}` }];
      }
    });
    return [...faults, ...different];
  },

  "every job has ended exactly once since its last retry": (evidence) => {
    const entriesOf = Map.groupBy(evidence.events, (entry) => entry.jobSeq);
    return evidence.jobs.flatMap((job) => {
      const entries = entriesOf.get(job.seq) ?? [];
      const round = entries.slice(entries.findLastIndex((entry) => entry.event.type === "retried") + 1);
      const ends = round.filter(({ event }) =>
        event.type === "ended" && event.end.outcome === "succeeded"
      ).length;
      const isFinal = FINAL_STATES.some((state) => state === job.state);
      if (!isFinal) return [{ job: job.id, what: `is ${job.state} though the queue was drained` }];
      if (ends > 1) return [{ job: job.id, what: `has succeeded ${ends} times` }];
      return [];
    });
  },

  "attempts are numbered without gaps and never exceed the limit": ({ jobs, attempts }) =>
    jobs.flatMap((job) => {
      let expected = 1;
      for (const attempt of attempts.get(job.seq) ?? []) {
        if (attempt.number === 1 && expected !== 1) expected = 1; // a new round
        if (attempt.number !== expected) {
          return [{ job: job.id, what: `attempt ${attempt.number} came where ${expected} was due` }];
        }
        if (attempt.number > job.maxRetries) return [{ job: job.id, what: `had attempt ${attempt.number}` }];
        if (isCounted(attempt)) expected++;
      }
      return [];
    }),

  "a job is held by one claim at a time": (evidence) => {
    const held = new Map<number, boolean>();
    return evidence.events.flatMap(({ jobSeq, jobId, event }) => {
      if (event.type !== "claimed" && event.type !== "ended") return [];
      const isHeld = held.get(jobSeq!) ?? false;
      held.set(jobSeq!, event.type === "claimed");
      if (isHeld === (event.type === "ended")) return [];
      return [{ job: jobId, what: `was ${event.type} while it was ${isHeld ? "held" : "free"}` }];
    });
  },

  "the runs of one job never overlap, and an attempt runs once": ({ ledger }) =>
    [...Map.groupBy(ledger, (line) => line.jobId)].flatMap(([job, lines]) => overlaps(job, lines)),

  "what ran is what the store says": ({ ledger, jobs, attempts }) => {
    const started = new Map(
      ledger.filter((line) => line.kind === "S").map((line) => [line.attemptId, line.jobId]),
    );
    const known = new Map(
      jobs.flatMap((job) => (attempts.get(job.seq) ?? []).map((one) => [one.id, job.id])),
    );
    const strangers = [...started].filter(([id, job]) => known.get(id) !== job)
      .map(([id, job]) => ({ job, what: `ran attempt ${id}, which is not its own` }));
    if (ledger.length === 0) return strangers;
    const silent = jobs.flatMap((job) =>
      (attempts.get(job.seq) ?? []).filter((one) => isByItself(one) && !started.has(one.id))
        .map((one) => ({ job: job.id, what: `attempt ${one.id} is ${one.outcome} but never ran` }))
    );
    return [...strangers, ...silent];
  },

  "an attempt has succeeded only once its command has ended": ({ ledger, jobs, attempts, bootAt }) => {
    if (bootAt === null || ledger.length === 0) return [];
    const ends = new Map(
      ledger.filter((line) => line.kind === "E").map((line) => [line.attemptId, line.bootMs]),
    );
    return jobs.flatMap((job) =>
      (attempts.get(job.seq) ?? []).flatMap((attempt) => {
        if (attempt.outcome !== "succeeded") return [];
        const endedAt = bootAt + (ends.get(attempt.id) ?? Infinity);
        if (endedAt <= attempt.finishedAt + CLOCK_SLACK_MS) return [];
        return [{
          job: job.id,
          what: `attempt ${attempt.id} was said to have succeeded before it had ended`,
        }];
      })
    );
  },

  "every recovery and every release has a cause": ({ attempts, jobs, deeds }) =>
    jobs.flatMap((job) =>
      (attempts.get(job.seq) ?? []).flatMap((attempt) => {
        if (attempt.outcome !== "lost" && attempt.outcome !== "released") return [];
        // The worker gave it back by itself: it couldn't create the files for its output.
        if (attempt.outcome === "released" && attempt.error?.startsWith("can't")) return [];
        const kinds = attempt.outcome === "lost" ? ["kill", "freeze"] : ["force"];
        const hasCause = deeds.some((deed) =>
          deed.workerId === attempt.workerId && kinds.includes(deed.kind)
        );
        return hasCause
          ? []
          : [{ job: job.id, what: `was taken from worker ${attempt.workerId} without a cause` }];
      })
    ),

  "a job is dead only when its attempts or its workers' lives are used up": ({ jobs }) =>
    jobs.flatMap((job) => {
      if (job.state !== "dead" || job.attempts >= job.maxRetries || job.crashes >= CRASH_LIMIT) return [];
      return [{
        job: job.id,
        what: `is dead after ${job.attempts}/${job.maxRetries} and ${job.crashes} crashes`,
      }];
    }),

  "no attempt begins before its time": ({ events, jobs, ledger, bootAt }) => {
    if (bootAt === null) return [];
    const begun = new Map(
      ledger.filter((line) => line.kind === "S").map((line) => [line.attemptId, line.bootMs]),
    );
    return replay(events, jobs).steps.flatMap(({ entry: { event }, before }) => {
      if (event.type !== "claimed" || before === null || !("runAt" in before)) return [];
      const startedMs = begun.get(event.claim.attemptId);
      const earlyMs = startedMs === undefined ? 0 : before.runAt - (bootAt + startedMs);
      return earlyMs > CLOCK_SLACK_MS
        ? [{ job: before.id, what: `began ${earlyMs} ms before it was due` }]
        : [];
    });
  },

  "of the jobs that are ready the best is claimed": ({ events, jobs }) =>
    outOfOrder(replay(events, jobs).steps),

  "the file is sound": ({ integrityFaults }) => integrityFaults.map((what) => ({ job: null, what })),

  "what succeeded has printed exactly what it should": ({ jobs, attempts, expectedOutput, home, storeUid }) =>
    jobs.flatMap((job) => {
      const expected = expectedOutput.get(job.id);
      const attempt = (attempts.get(job.seq) ?? []).at(-1);
      if (expected === undefined || attempt?.outcome !== "succeeded") return [];
      const path = `${home}/logs/${storeUid}/${Math.floor(job.seq / 1000)}/${job.seq}-${attempt.id}.out`;
      const printed = Deno.readTextFileSync(path);
      return printed === expected
        ? []
        : [{ job: job.id, what: `printed ${JSON.stringify(printed.slice(0, 80))}` }];
    }),

  "nothing is left behind": (evidence) => [...livingCookies(evidence), ...leftFiles(evidence)],
};

function isCounted(attempt: Attempt): boolean {
  return attempt.outcome !== null && attempt.outcome !== "lost" && attempt.outcome !== "released";
}

/** Ended without anyone's doing, so that its command must have run to its own end. */
function isByItself(attempt: Attempt): attempt is EndedAttempt {
  return attempt.outcome === "succeeded" || (attempt.outcome === "failed" && attempt.exitCode !== null);
}

function withoutToken(job: Job): Job {
  return job.state === "processing" ? { ...job, claim: { ...job.claim, token: "" } } : job;
}

/** One entry of the log, with the job before (null: it arrived) and after it. */
interface Step {
  readonly entry: LogEntry;
  readonly before: Job | null;
  readonly after: Job;
}

/** The jobs' lives once more, by the rules of the core; `faults` are events that those rules don't allow. */
function replay(events: readonly LogEntry[], jobs: readonly Job[]) {
  const rows = new Map(jobs.map((job) => [job.seq, job]));
  const states = new Map<number, Job>();
  const steps: Step[] = [];
  const faults: Omit<Violation, "rule">[] = [];
  for (const entry of events) {
    const row = entry.jobSeq === null ? undefined : rows.get(entry.jobSeq);
    if (row === undefined) continue;
    const before = states.get(row.seq) ?? null;
    try {
      const after = following(row, before, entry);
      states.set(row.seq, after);
      steps.push({ entry, before, after });
    } catch (error) {
      faults.push({ job: row.id, what: (error as Error).message });
    }
  }
  return { steps, faults };
}

function following(row: Job, before: Job | null, { event, at }: LogEntry): Job {
  if (event.type === "enqueued") return enqueue({ ...specOf(row), runAt: event.runAt }, row.seq, at);
  if (before === null) throw new Error(`its first event is ${event.type}`);
  switch (event.type) {
    case "claimed":
    case "ended":
    case "cancel_requested":
    case "clock_set_back":
    case "retried":
      return transition(before, event, at);
    case "progressed":
      return before;
    default:
      throw new Error(`${event.type} is no event of a job`);
  }
}

function specOf(job: Job) {
  const { id, command, queue, priority, maxRetries, timeoutMs, backoffBase, cwd, env } = job;
  return { id, command, queue, priority, maxRetries, timeoutMs, backoffBase, cwd, env };
}

function overlaps(job: string, lines: readonly LedgerLine[]): Omit<Violation, "rule">[] {
  const seen = new Set<number>();
  let current: number | null = null;
  for (const line of lines) {
    if (line.attemptId === current && line.kind === "E") continue;
    if (seen.has(line.attemptId)) {
      return [{ job, what: `attempt ${line.attemptId} was still running beside ${current}` }];
    }
    if (line.kind === "E") return [{ job, what: `attempt ${line.attemptId} ended without having begun` }];
    seen.add(line.attemptId);
    current = line.attemptId;
  }
  return [];
}

/** Claims that passed over a job which had been ready for a while and came before in the order. */
function outOfOrder(steps: readonly Step[]): Omit<Violation, "rule">[] {
  const waiting = new Map<number, PendingJob | FailedJob>();
  return steps.flatMap(({ entry: { event, at }, before, after }) => {
    if (after.state === "pending" || after.state === "failed") waiting.set(after.seq, after);
    else waiting.delete(after.seq);
    if (event.type !== "claimed" || before === null) return [];
    for (const other of waiting.values()) {
      const comesFirst = other.priority > before.priority ||
        (other.priority === before.priority && other.seq < before.seq);
      if (!comesFirst || other.queue !== before.queue || other.runAt > at - CLOCK_SLACK_MS) continue;
      return [{ job: before.id, what: `was claimed before ${other.id}, ready since ${at - other.runAt} ms` }];
    }
    return [];
  });
}

function livingCookies({ storeUid, jobs }: Evidence): Omit<Violation, "rule">[] {
  const script =
    `grep -azoHxE "QUEUECTL_ATTEMPT_ID=$1-(w[0-9]+s)?[0-9]+" /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'`;
  const { stdout } = new Deno.Command("/bin/sh", { args: ["-c", script, "sh", storeUid] }).outputSync();
  const running = new Set(jobs.flatMap((job) => job.state === "processing" ? [job.claim.attemptId] : []));
  return [...new TextDecoder().decode(stdout).matchAll(/^\/proc\/(\d+)\/.*-(\d+)$/gm)]
    .filter(([, , attemptId]) => !running.has(Number(attemptId)))
    .map(([, pid, attemptId]) => ({
      job: null,
      what: `process ${pid} of the ended attempt ${attemptId} is alive`,
    }));
}

/** Locks and scripts of nobody in `run/`, output of nobody in `logs/`. */
function leftFiles({ home, storeUid, workers, jobs, attempts }: Evidence): Omit<Violation, "rule">[] {
  const locks = new Set(workers.map((worker) => worker.lockName));
  const inRun = [...Deno.readDirSync(`${home}/run`)].map((entry) => entry.name)
    .filter((name) => name !== "wake" && !locks.has(name));
  const known = new Set(
    jobs.flatMap((job) => (attempts.get(job.seq) ?? []).map((one) => `${job.seq}-${one.id}`)),
  );
  const logs = `${home}/logs/${storeUid}`;
  const inLogs = filesIn(logs).filter((entry) => entry.isDirectory)
    .flatMap((folder) => filesIn(`${logs}/${folder.name}`).map((entry) => entry.name))
    .filter((name) => !known.has(name.replace(/\.(out|err)$/, "")));
  return [...inRun, ...inLogs].map((name) => ({ job: null, what: `the file ${name} belongs to nothing` }));
}

function filesIn(folder: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(folder)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
