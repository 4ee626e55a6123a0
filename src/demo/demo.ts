/**
 * `deno task demo`: a mix of jobs in a home of its own, and what happens to them as it happens.
 *
 * It calls the program as a user would, shows each call, and tells every event that the queue logs. It leaves
 * no process and no file behind, also when it is interrupted.
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { LogEntry } from "../core/event.ts";
import { formatDuration } from "../core/duration.ts";
import { shellJoin } from "../core/shell_words.ts";
import { SqliteStore } from "../store/sqlite.ts";

const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));
const PERMISSIONS = ["--allow-read", "--allow-write", "--allow-env", "--allow-run", "--allow-sys=uid"];
/** A bound on the whole demonstration. */
const DEADLINE_MS = 60_000;
const LOOK_INTERVAL_MS = 50;

/** The jobs: one for each thing that can happen. */
const JOBS: readonly object[] = [
  { id: "hello", command: "echo 'Hello from a background job'" },
  {
    id: "flaky",
    command: 'test "$QUEUECTL_ATTEMPT" -ge 2 || { echo "not yet" >&2; exit 1; }',
    backoff_base: 1,
  },
  { id: "missing", command: "no-such-program --at-all", max_retries: 2, backoff_base: 1 },
  { id: "endless", command: "sleep 60", timeout: 1, max_retries: 1 },
  { id: "urgent", command: "echo first in line", priority: 10 },
  { id: "patient", command: "echo last in line", priority: 0 },
];

/** Calls the program, showing what is typed and what it answers. */
async function queuectl(home: string, ...args: string[]): Promise<void> {
  say(`\n$ queuectl ${shellJoin(args)}`);
  const { code } = await program(home, args, "inherit");
  if (code !== 0) throw new Error(`queuectl ${args[0]} exited with ${code}`);
}

function program(
  home: string,
  args: readonly string[],
  output: "inherit" | "null",
): Promise<Deno.CommandStatus> {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--quiet", ...PERMISSIONS, MAIN, ...args],
    cwd: home,
    env: { QUEUECTL_HOME: home, QUEUECTL_DB: "", QUEUECTL_FOREGROUND: "" },
    stdin: "null",
    stdout: output,
    stderr: output,
  }).spawn().status;
}

/** Tells what happens until no job can move any more. */
async function tellEvents(home: string): Promise<void> {
  const store = await SqliteStore.open(join(home, "queue.db"), {
    durability: "full",
    lockTimeoutMs: DEADLINE_MS,
  });
  const startedAt = Date.now();
  let lastId = 0;
  try {
    while (Date.now() - startedAt < DEADLINE_MS) {
      const counts = await store.counts();
      for (const entry of await store.events(lastId, 1000)) {
        lastId = entry.id;
        const line = describe(entry);
        if (line !== null) {
          say(`  ${(Math.max(0, entry.at - startedAt) / 1000).toFixed(1).padStart(4)} s  ${line}`);
        }
      }
      if (counts.pending + counts.processing + counts.failed === 0) return;
      await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL_MS));
    }
    throw new Error(`the jobs were not done after ${formatDuration(DEADLINE_MS)}`);
  } finally {
    await store.close();
  }
}

/** An event in words; null for those that the calls above have told already. */
function describe({ jobId, event }: LogEntry): string | null {
  switch (event.type) {
    case "claimed":
      return `${jobId} starts on worker ${event.claim.workerId}`;
    case "ended":
      return event.end.error === null ? `${jobId} succeeds` : `${jobId} fails: ${event.end.error}`;
    default:
      return null;
  }
}

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

async function demonstrate(home: string): Promise<void> {
  say(`A queue in ${home}, which is deleted at the end.`);
  for (const job of JOBS) await queuectl(home, "enqueue", JSON.stringify(job));
  await queuectl(home, "enqueue", "--id", "scheduled", "--delay", "2s", "--", "date");
  await queuectl(home, "list");
  await queuectl(home, "worker", "start", "--count", "2");
  say("\nWhat happens:");
  await tellEvents(home);
  await queuectl(home, "status");
  await queuectl(home, "dlq", "list");
  await queuectl(home, "logs", "hello");
}

async function main(): Promise<number> {
  const home = await Deno.makeTempDir({ prefix: "queuectl-demo-" });
  const interrupted = Promise.withResolvers<"interrupted">();
  const onSignal = () => interrupted.resolve("interrupted");
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, onSignal);
  try {
    return await Promise.race([demonstrate(home), interrupted.promise]) === "interrupted" ? 130 : 0;
  } finally {
    await program(home, ["worker", "stop", "--force"], "null");
    await Deno.remove(home, { recursive: true });
    say("\nThe workers are stopped and the home is deleted.");
  }
}

Deno.exit(await main());
