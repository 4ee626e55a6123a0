/**
 * Jobs that behave badly: they daemonise, ignore TERM, flood, fork, eat memory, close what isn't theirs, and
 * kill their worker. Their worker stays responsive, their neighbours unharmed, and nothing of them is left.
 */

import { start } from "../../harness/program.ts";
import { waitFor } from "../../harness/wait_for.ts";
import type { Evidence } from "../evidence.ts";
import { type ChaosJob, type Ground, recoveryTimes, type Tally } from "../ground.ts";

/** How rude they are. */
export interface RudeSize {
  /** How much a job writes without a newline, and how much of it at a time. */
  readonly floodBytes: number;
  /** A fork bomb has `2 ** depth` ends. */
  readonly bombDepth: number;
  /** Well-behaved jobs in between. */
  readonly neighbours: number;
  /** How often all of it happens. */
  readonly rounds: number;
}

/** A few seconds. */
export const SMALL_RUDENESS: RudeSize = { floodBytes: 100e6, bombDepth: 5, neighbours: 20, rounds: 1 };
/** A minute or two. */
export const FULL_RUDENESS: RudeSize = { floodBytes: 1e9, bombDepth: 7, neighbours: 200, rounds: 3 };

/** What floods leave of the disk. */
export interface FloodFigures {
  /** The most that was seen of a flood's output. */
  readonly peakBytes: number;
  readonly bytesPerSecond: number;
}

const SLOTS = 12;
const MAX_OUTPUT_BYTES = 1_000_000;
const FLOOD_CHUNK_BYTES = 4_000_000;
const BINARY_BYTES = 900_000;
/** So many looks in a row that see the same see an idle worker. */
const SETTLED_LOOKS = 20;
/** How long a neighbour may wait for its start while slots are free. */
const RESPONSE_MS = 3000;
/** Of what a flood writes, at most so many seconds' worth may be on the disk besides what is kept. */
const FLOOD_SECONDS = 2;

/** Each ends by itself at once, and leaves something running in another way. */
const DAEMONS: Readonly<Record<string, string>> = {
  setsid: "setsid sleep 300 & sleep 0.2",
  "double-fork": "(setsid sh -c 'sleep 300 & sleep 300' & ) & sleep 0.2",
  nohup: "nohup sleep 300 >/dev/null 2>&1 & setsid nohup sleep 300 >/dev/null 2>&1 & sleep 0.2",
  // Each is gone before anyone can look at it twice; the last of them stays.
  hopper: [
    'export N=0 S=\'N=$((N + 1)); [ "$N" -lt 60 ] || exec sleep 300; sleep 0.02; setsid sh -c "$S" &\'',
    'setsid sh -c "$S"',
  ].join("\n"),
};

/**
 * All kinds at once, on one long-lived worker with neighbours in between. Judges by itself what the records
 * don't hold: bounded disk use, exact bytes, the worker's descriptors, each job's end, how fast others start.
 */
export async function rudeJobs(
  ground: Ground,
  size: RudeSize,
): Promise<{ evidence: Evidence; tally: Tally; flood: FloodFigures }> {
  await ground.home.run("config", "set", "max_output_bytes", String(MAX_OUTPUT_BYTES));
  await ground.home.run("config", "set", "kill_grace_seconds", "1");
  const [pid] = await ground.home.startWorkers(1, "--concurrency", String(SLOTS));
  // From then on it keeps what starts commands, one for each slot.
  const warmUp = Array.from({ length: SLOTS }, (_, slot) => ground.job(`warm-up-${slot}`, { seconds: 1 }));
  await ground.enqueue(warmUp);
  await ground.untilDrained(60_000);
  const before = await settledDescriptors(pid!);

  let flood: FloodFigures = { peakBytes: 0, bytesPerSecond: 0 };
  let faults = 0;
  for (let round = 0; round < size.rounds; round++) {
    const rude = rudeBatch(ground, size, round);
    faults += rude.length;
    await ground.enqueue(rude.map(({ expected: _, ...job }) => job));
    const seen = await watchFlood(ground, { id: `flood-${round}`, bytes: size.floodBytes }, async () => {
      for (let index = 0; index < size.neighbours; index++) {
        await ground.enqueue([ground.job(`neighbour-${round}-${index}`, { seconds: 0.1 })]);
      }
      await ground.untilDrained(120_000);
    });
    flood = seen.peakBytes > flood.peakBytes ? seen : flood;
    for (const { id, expected } of rude) await refuseOtherEnd(ground, id, expected);
    await refuseOtherBytes(ground, `binary-${round}`);
    await refuseOtherSize(ground, `flood-${round}`);
  }
  await waitFor("the worker's descriptors to be as before", async () => {
    return (await descriptors(pid!)).length <= before.length;
  }).catch(async () => {
    throw new Error(`The worker has kept descriptors: ${before} before, ${await descriptors(pid!)} after`);
  });
  await ground.home.run("worker", "stop");
  const evidence = await ground.evidence();
  refuseSlowStarts(evidence);
  return { evidence, tally: { jobs: evidence.jobs.length, faults, recoveriesMs: [] }, flood };
}

/**
 * A job kills every worker that runs it. After three of them it must be dead, with that reason, and the jobs
 * of a worker that doesn't run it must not have noticed.
 */
export async function workerKiller(
  ground: Ground,
  size: RudeSize,
): Promise<{ evidence: Evidence; tally: Tally }> {
  await ground.home.startWorkers(1, "--queue", "peaceful");
  const peaceful = Array.from({ length: size.neighbours }, (_, index) => {
    return ground.job(`peaceful-${index}`, { seconds: 0.1, queue: "peaceful" });
  });
  await ground.enqueue(peaceful);
  for (let round = 0; round < size.rounds; round++) {
    const id = `killer-${round}`;
    const command = `${KILL_WORKER}; sleep 60`;
    await ground.home.startWorkers(3, "--queue", "killers");
    await ground.enqueue([{ id, command, queue: "killers" }]);
    const job = await ground.home.untilJob(id, "dead", 30_000);
    if (!/its worker died under it 3 times/.test(job.last_error)) {
      throw new Error(`${id} is dead for another reason: ${job.last_error}`);
    }
    for (const attempt of job.attempt_history) {
      ground.deeds.push({ kind: "kill", workerId: attempt.worker, at: Date.parse(attempt.started_at) });
    }
  }
  await ground.untilDrained(60_000);
  await ground.home.run("worker", "stop");
  const evidence = await ground.evidence();
  const tally = { jobs: evidence.jobs.length, faults: size.rounds, recoveriesMs: recoveryTimes(evidence) };
  return { evidence, tally };
}

/** Its parent is what starts commands, and the parent of that is the worker. */
const KILL_WORKER = "kill -9 $PPID";

interface RudeJob extends ChaosJob {
  /** Its state and what its last error must say. */
  readonly expected: { readonly state: "completed" | "dead"; readonly error: RegExp };
}

const COMPLETED = { state: "completed", error: /^$/ } as const;
const TIMED_OUT = { state: "dead", error: /timed out/ } as const;

function rudeBatch(ground: Ground, size: RudeSize, round: number): RudeJob[] {
  const job = (id: string, command: string, expected: RudeJob["expected"], timeout = 60): RudeJob => {
    const line = "$QUEUECTL_JOB_ID $QUEUECTL_ATTEMPT $QUEUECTL_ATTEMPT_ID $up";
    const ledger = (kind: string) => `read -r up _ </proc/uptime; echo "${kind} ${line}" >>ledger`;
    const whole = `${ledger("S")}\n${command}\ncode=$?\n${ledger("E")}\nexit $code`;
    return { id: `${id}-${round}`, command: whole, cwd: ground.home.dir, max_retries: 1, timeout, expected };
  };
  const chunks = Math.ceil(size.floodBytes / FLOOD_CHUNK_BYTES);
  const flood =
    `i=0; while [ $i -lt ${chunks} ]; do head -c ${FLOOD_CHUNK_BYTES} /dev/zero | tr '\\0' x; sleep 0.05; ` +
    "i=$((i + 1)); done";
  const bomb = 'f() { [ "$1" -gt 0 ] || exec sleep 300; f $(($1 - 1)) & f $(($1 - 1)) & wait; }; f';
  return [
    ...Object.entries(DAEMONS).map(([name, command]) => job(name, command, COMPLETED)),
    job(
      "stubborn",
      "trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep 300; sleep 300' & sleep 300; sleep 300",
      {
        ...TIMED_OUT,
      },
      1,
    ),
    job("flood", flood, COMPLETED, 300),
    job("binary", `head -c ${BINARY_BYTES} /dev/urandom | tee binary-${round}.copy`, COMPLETED),
    job("closer", "exec 0<&- 1>&- 2>&-; sleep 0.2", COMPLETED),
    job("eater", "(ulimit -v 200000; exec tail /dev/zero)", { state: "dead", error: /exited with 1|memory/ }),
    job("bomb", `${bomb} ${size.bombDepth}`, TIMED_OUT, 2),
  ];
}

/** Looks at the flood's output while `work` goes on. Throws if there was ever too much of it. */
async function watchFlood(
  ground: Ground,
  { id, bytes }: { id: string; bytes: number },
  work: () => Promise<void>,
): Promise<FloodFigures> {
  await waitFor("the flood", async () => (await ground.home.json("get", id)).attempt_history.length > 0);
  const path = (await ground.home.run("logs", id, "--path", "--stdout")).trim();
  let peakBytes = 0;
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, Deno.statSync(path).size);
  }, 20);
  await work().finally(() => clearInterval(timer));
  const [attempt] = (await ground.home.json("get", id)).attempt_history;
  const bytesPerSecond = Math.round(bytes / attempt.duration_seconds);
  if (peakBytes > MAX_OUTPUT_BYTES + FLOOD_SECONDS * bytesPerSecond) {
    throw new Error(
      `${id} had ${peakBytes} bytes on the disk, where ${MAX_OUTPUT_BYTES} are kept and ` +
        `${bytesPerSecond} a second came`,
    );
  }
  return { peakBytes, bytesPerSecond };
}

async function refuseOtherEnd(ground: Ground, id: string, expected: RudeJob["expected"]): Promise<void> {
  const job = await ground.home.json("get", id);
  if (job.state === expected.state && expected.error.test(job.last_error ?? "")) return;
  throw new Error(
    `${id} is ${job.state} (${job.last_error}), not ${expected.state} (${expected.error.source})`,
  );
}

/** What a job wrote is kept byte for byte, and `logs` passes it on like that. */
async function refuseOtherBytes(ground: Ground, id: string): Promise<void> {
  const path = (await ground.home.run("logs", id, "--path", "--stdout")).trim();
  const written = await sha256(await Deno.readFile(`${ground.home.dir}/${id}.copy`));
  const kept = await sha256(await Deno.readFile(path));
  if (kept !== written) throw new Error(`${id} wrote bytes with the sha256 ${written}; kept are ${kept}`);
  const logs = start(ground.home.dir, ["logs", id, "--stdout"]);
  await logs.stdin.close();
  const passed = await sha256((await logs.output()).stdout);
  if (passed !== written) {
    throw new Error(`${id} wrote bytes with the sha256 ${written}; logs prints ${passed}`);
  }
}

async function refuseOtherSize(ground: Ground, id: string): Promise<void> {
  const path = (await ground.home.run("logs", id, "--path", "--stdout")).trim();
  const kept = await Deno.readFile(path);
  const isWhole = kept.length === MAX_OUTPUT_BYTES && kept.every((byte) => byte === "x".charCodeAt(0));
  if (!isWhole) throw new Error(`${id} has ${kept.length} bytes, which are not the first ones that it wrote`);
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** While slots are free, neighbours are started at once, whatever the others do. */
function refuseSlowStarts({ jobs, attempts }: Evidence): void {
  for (const job of jobs.filter(({ id }) => id.startsWith("neighbour"))) {
    const [first] = attempts.get(job.seq)!;
    const waitedMs = first!.startedAt - job.createdAt;
    if (waitedMs > RESPONSE_MS) throw new Error(`${job.id} was started only after ${waitedMs} ms`);
  }
}

/** What a process has open, sorted. */
async function descriptors(pid: number): Promise<string[]> {
  const script = 'for fd in /proc/"$1"/fd/*; do readlink "$fd"; done';
  const { stdout } = await new Deno.Command("/bin/sh", { args: ["-c", script, "sh", String(pid)] }).output();
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "").toSorted();
}

/** The same once it is idle: looking after things opens some for a moment, so several looks must agree. */
async function settledDescriptors(pid: number): Promise<string[]> {
  let last: string[] = [];
  let agreeing = 0;
  return await waitFor("the worker's descriptors to settle", async () => {
    const now = await descriptors(pid);
    agreeing = now.join() === last.join() ? agreeing + 1 : 0;
    last = now;
    return agreeing === SETTLED_LOOKS ? now : null;
  });
}
