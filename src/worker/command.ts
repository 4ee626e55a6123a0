/**
 * Starting the command of one attempt.
 *
 * It runs in a process group of its own, and its output goes straight to the attempt's files, so that both
 * survive the worker. For the script nothing differs from a plain `sh -c`.
 */

import { join } from "node:path";
import type { ProcessingJob } from "../core/job.ts";
import type { Home } from "../home/home.ts";
import { createOutputFiles, createOutputFolder, outputPaths, removeIfThere } from "../home/output_files.ts";
import { COOKIE_VARIABLE, cookieOf } from "./process_probe.ts";
import { noteAwaited } from "./awaited_children.ts";
import type { CommandSpec, RunningCommand } from "./running_command.ts";
import type { Spawner } from "./spawner.ts";
import { checkDirectory, tryTo } from "./start_checks.ts";

/** The file that holds a command which is too long to be an argument. */
export function scriptPath(home: Home, attemptId: number): string {
  return join(home.runDir, `attempt-${attemptId}.sh`);
}

/** Linux takes no argument of 128 KiB or more; a longer command goes through a file. */
const MAX_ARGUMENT_BYTES = 120_000;
/** A bound on looking whether a command needs a shell. */
const MAX_PLAIN_LENGTH = 1000;

/**
 * Starts the command of a claimed job, by the spawner or, where that can't, through Deno. Throws `StartError`
 * if its directory or its output can't be used.
 */
export function startCommand(
  job: ProcessingJob,
  place: { home: Home; storeUid: string; spawner: Spawner },
): RunningCommand {
  const paths = outputPaths(place, job.seq, job.claim.attemptId);
  tryTo("create the folder for its output", () => createOutputFolder(paths));
  const longScript = isLong(job.command) ? scriptPath(place.home, job.claim.attemptId) : null;
  if (longScript !== null) {
    tryTo("write its script", () => Deno.writeTextFileSync(longScript, job.command, { mode: 0o600 }));
  }
  const spec = {
    words: plainWords(job.command),
    args: longScript === null ? ["/bin/sh", "-c", job.command] : ["/bin/sh", longScript],
    cwd: job.cwd,
    env: {
      ...job.env,
      ...ownVariables(job, place),
      [COOKIE_VARIABLE]: cookieOf(place.storeUid, job.claim.attemptId),
    },
    ...paths,
  };
  const running = place.spawner.start(spec) ?? startThroughDeno(spec);
  if (longScript === null) return running;
  const exited = running.exited.then((exit) => {
    removeIfThere(longScript);
    return exit;
  });
  return { ...running, exited };
}

/**
 * `setsid` gives the command a session and a process group of its own; a first shell redirects its output and
 * then becomes the shell that runs the command.
 */
function startThroughDeno(spec: CommandSpec): RunningCommand {
  checkDirectory(spec.cwd);
  tryTo("create the files for its output", () => createOutputFiles(spec));
  const command = new Deno.Command("setsid", {
    args: [
      ...["/bin/sh", "-c", 'out=$1 err=$2; shift 2; exec "$@" >>"$out" 2>>"$err"', "sh"],
      ...[spec.stdout, spec.stderr, ...spec.args],
    ],
    cwd: spec.cwd,
    env: { ...inheritedVariables(), ...spec.env },
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  });
  const child = tryTo("start it", () => command.spawn());
  noteAwaited(child.pid, child.status);
  const exited = child.status.then(({ code, signal }) => ({
    exitCode: signal === null ? code : null,
    signal,
    outputBytes: null,
    hasLeftovers: null,
    startError: null,
  }));
  return { pgid: child.pid, exited, sealGroup: () => {}, killLeftovers: () => Promise.resolve(null) };
}

/** A path and words in which no character means anything to a shell, on one line. */
const PLAIN_WORDS = /^[\w.+-]*\/[\w./+-]*( [\w./+:,@%=-]+)*$/;

function plainWords(command: string): string[] {
  return command.length < MAX_PLAIN_LENGTH && PLAIN_WORDS.test(command) ? command.split(" ") : [];
}

function isLong(command: string): boolean {
  // No character takes more than three bytes of UTF-8 a unit of UTF-16.
  return command.length * 3 > MAX_ARGUMENT_BYTES &&
    new TextEncoder().encode(command).length > MAX_ARGUMENT_BYTES;
}

/** The worker's own variables, which its commands get, without those that are about the worker itself. */
export function inheritedVariables(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) => !name.startsWith("QUEUECTL_")),
  );
}

/** A `queuectl` that a command calls uses the same store. */
export function homeVariables(home: Home): Record<string, string> {
  return { QUEUECTL_HOME: home.dir, QUEUECTL_DB: home.dbPath };
}

/** What a command can learn about itself. */
function ownVariables(job: ProcessingJob, { home }: { home: Home }): Record<string, string> {
  return {
    ...homeVariables(home),
    QUEUECTL_JOB_ID: job.id,
    QUEUECTL_ATTEMPT: String(job.attempts),
    QUEUECTL_QUEUE: job.queue,
  };
}
