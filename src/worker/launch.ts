/**
 * Starting workers: in the background, each a process of its own, or in the foreground of this one.
 */

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { QueueError } from "../core/errors.ts";
import type { Store } from "../core/store.ts";
import type { WorkerRecord } from "../core/worker_record.ts";
import type { Home } from "../home/home.ts";
import { onHangup } from "../home/nohup.ts";
import { type Goal, GOAL_VARIABLE, goalText, ownGoal } from "./goal.ts";
import { newLockName } from "./lock_file.ts";
import { COOKIE_VARIABLE } from "./process_probe.ts";
import { Worker } from "./worker.ts";

/** What the workers of one start have in common. */
export interface LaunchOptions {
  readonly store: Store;
  readonly home: Home;
  readonly count: number;
  /** Slots of each worker. */
  readonly concurrency: number;
  /** Empty means all queues. */
  readonly queues: readonly string[];
  /** When they end by themselves; never if absent. */
  readonly goal?: Goal;
}

/** How long a worker may take to register itself. */
const REGISTER_TIMEOUT_MS = 20_000;
const REGISTER_LOOK_INTERVAL_MS = 15;

/** What the program needs to be allowed, under `deno run` as in the executable. */
const PERMISSIONS = [
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-run",
  "--allow-ffi",
  "--allow-sys=uid",
];

/** Set for the workers of a foreground start: they end when their standard input does. */
const LIFELINE_VARIABLE = "QUEUECTL_LIFELINE";

/** The name of the lock that a started worker is to hold; by it the starter knows its worker in the store. */
const LOCK_NAME_VARIABLE = "QUEUECTL_LOCK_NAME";

/** A worker in a process of its own. */
export interface WorkerProcess {
  readonly child: Deno.ChildProcess;
  readonly lockName: string;
  /** What the process wrote to stderr before it ended; resolves when it ends. */
  readonly failure: Promise<string>;
}

/**
 * Starts `count` workers that outlive this process and the terminal. Returns them once each has registered
 * itself. Throws `failed` with what a worker said if it ends before.
 */
export async function startBackground(options: LaunchOptions): Promise<WorkerRecord[]> {
  const processes = Array.from({ length: options.count }, () => spawnWorker(options, "background"));
  const workers = await Promise.all(processes.map((process) => untilRegistered(process, options.store)));
  for (const { child } of processes) child.unref();
  return workers.sort((a, b) => a.id - b.id);
}

/**
 * Runs `count` workers and returns when all have stopped: with SIGTERM or SIGINT gracefully, with a second one
 * by ending what runs. One worker runs in this process; several are its children and end when it does.
 * `onReady` is told the workers once they have registered. Returns whether all ended in good order.
 */
export async function runForeground(
  options: LaunchOptions,
  onReady: (workers: WorkerRecord[]) => void,
): Promise<boolean> {
  return options.count === 1 ? await runHere(options, onReady) : await runChildren(options, onReady);
}

async function runHere(options: LaunchOptions, onReady: (workers: WorkerRecord[]) => void): Promise<boolean> {
  const { store, home, concurrency: slots, queues, goal = ownGoal() } = options;
  const isBackground = Deno.env.get("QUEUECTL_BACKGROUND") === "1";
  const lockName = Deno.env.get(LOCK_NAME_VARIABLE) || newLockName();
  Deno.chdir(home.dir); // the folder in which it was started may be deleted, or unmounted
  // Listening begins before it registers itself: whoever has done that must not end without a word.
  const started = Promise.withResolvers<Worker>();
  const stopListening = onStopSignals(
    () => started.promise.then((worker) => worker.stop()),
    () => started.promise.then((worker) => worker.forceStop()),
  );
  const worker = await Worker.start({ store, home, slots, queues, isEchoed: !isBackground, lockName, goal });
  started.resolve(worker);
  if (Deno.env.get(LIFELINE_VARIABLE) === "1") onLifelineCut(() => worker.forceStop());
  onReady([worker.record]);
  await worker.run();
  stopListening();
  return true;
}

async function runChildren(
  options: LaunchOptions,
  onReady: (workers: WorkerRecord[]) => void,
): Promise<boolean> {
  const processes = Array.from({ length: options.count }, () => spawnWorker(options, "foreground"));
  const pass = (signal: Deno.Signal) => {
    for (const { child } of processes) {
      try {
        child.kill(signal);
      } catch {
        // It has ended already.
      }
    }
  };
  const stopListening = onStopSignals(() => pass("SIGTERM"), () => pass("SIGQUIT"));
  onReady(await Promise.all(processes.map((process) => untilRegistered(process, options.store))));
  const ends = await Promise.all(processes.map(({ child }) => child.status));
  stopListening();
  return ends.every((end) => end.success);
}

/** SIGTERM, SIGINT, SIGHUP: `stop`, the second time `force`; SIGQUIT: `force`. Returns how to stop listening. */
function onStopSignals(stop: () => void, force: () => void): () => void {
  let asked = false;
  const onStop = () => {
    if (asked) force();
    else stop();
    asked = true;
  };
  const listeners: [Deno.Signal, () => void][] = [
    ["SIGTERM", onStop],
    ["SIGINT", onStop],
    ["SIGHUP", () => onHangup(onStop)],
    ["SIGQUIT", force],
  ];
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  return () => {
    for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
  };
}

/** The parent of a foreground start holds the other end of our stdin: at its end, however it ended, we stop. */
async function onLifelineCut(force: () => void): Promise<void> {
  for await (const _ of Deno.stdin.readable) { /* nothing is ever written to it */ }
  force();
}

/**
 * Starts a process with one worker: in the background it outlives us; in the foreground it ends with us and
 * tells on our stderr what it does; in a fleet it ends with us, silently.
 */
export function spawnWorker(
  options: LaunchOptions,
  kind: "background" | "foreground" | "fleet",
): WorkerProcess {
  const { home, concurrency, queues } = options;
  const args = [
    ...ownProgram(),
    ...["--home", home.dir, "--db", home.dbPath],
    ...["worker", "start", "--foreground", "--count", "1", "--concurrency", String(concurrency)],
    ...queues.flatMap((queue) => ["--queue", queue]),
  ];
  const { [COOKIE_VARIABLE]: _, ...env } = Deno.env.toObject();
  const isBackground = kind === "background";
  const isSilent = kind !== "foreground";
  const lockName = newLockName();
  const command = new Deno.Command("setsid", {
    args,
    clearEnv: true,
    cwd: home.dir,
    env: {
      ...env,
      ...(isSilent ? { QUEUECTL_BACKGROUND: "1" } : {}),
      ...(isBackground ? {} : { [LIFELINE_VARIABLE]: "1" }),
      [GOAL_VARIABLE]: options.goal === undefined ? "" : goalText(options.goal),
      [LOCK_NAME_VARIABLE]: lockName,
    },
    stdin: isBackground ? "null" : "piped",
    stdout: "null",
    stderr: isSilent ? "piped" : "inherit",
  });
  const child = spawnOrSay(command);
  const said = isSilent ? new Response(child.stderr).text() : Promise.resolve("");
  return { child, lockName, failure: child.status.then(() => said) };
}

function spawnOrSay(command: Deno.Command): Deno.ChildProcess {
  try {
    return command.spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw cannotStart("this system has no setsid", "installing util-linux");
  }
}

function cannotStart(why: string, hint: string): QueueError {
  return new QueueError("failed", `Cannot start a worker: ${why}`, { hint });
}

/**
 * A worker makes little garbage: threads that help V8 with it take more time to be woken than they save, and looking
 * for it while there is nothing to do takes more than all else that an idle worker does.
 */
const V8_FLAGS = "--v8-flags=--single-threaded,--no-memory-reducer";

/** The command line that runs this program; the executable has the same flags from its making. */
function ownProgram(): string[] {
  if (Deno.build.standalone) return [Deno.execPath()];
  const main = fileURLToPath(Deno.mainModule);
  const config = join(dirname(main), "deno.json");
  return [
    Deno.execPath(),
    "run",
    "--no-prompt",
    "--quiet",
    V8_FLAGS,
    "--config",
    config,
    ...PERMISSIONS,
    main,
  ];
}

/** Waits until a worker has registered itself. Throws `failed` with what it said if it doesn't. */
export async function untilRegistered(
  { lockName, failure }: WorkerProcess,
  store: Store,
): Promise<WorkerRecord> {
  const deadline = performance.now() + REGISTER_TIMEOUT_MS;
  let ended: string | null = null;
  failure.then((said) => ended = said);
  while (performance.now() < deadline) {
    const worker = (await store.workers()).find((one) => one.lockName === lockName);
    if (worker !== undefined) return worker;
    if (ended !== null) break;
    await new Promise((resolve) => setTimeout(resolve, REGISTER_LOOK_INTERVAL_MS));
  }
  const said = ended === null
    ? ""
    : (ended as string).trim().replace(/^Error: (Cannot start a worker: )?/, "").split("\n")[0];
  const why = ended === null ? "it did not register itself in time" : said || "it ended at once";
  throw cannotStart(why, "queuectl worker start --foreground, to see what it says");
}
