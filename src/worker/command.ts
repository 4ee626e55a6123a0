/**
 * Starting the command of one attempt.
 *
 * `setsid` gives it a session and a process group of its own; a first shell redirects its output to the
 * attempt's files, so that it survives the worker, and then becomes the shell that runs the command: for the
 * script nothing differs from a plain `sh -c`.
 */

import { join } from "node:path";
import type { ProcessingJob } from "../core/job.ts";
import type { Home } from "../home/home.ts";
import { createOutputFiles, outputPaths, removeIfThere } from "../home/output_files.ts";
import { COOKIE_VARIABLE, cookieOf } from "./process_probe.ts";

/** A command that has been started. */
export interface RunningCommand {
  /** The process group, and the pid of its leader. */
  readonly pgid: number;
  /** How the leader ended. */
  readonly exited: Promise<CommandExit>;
}

/** How a command ended: one of the two is null. */
export interface CommandExit {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

/** The command can't be started; the message is a phrase for people. */
export class StartError extends Error {
  override readonly name = "StartError";
  /** Whether the fault is the queue's own (a full disk, say), so that the job shall not pay for it. */
  readonly isOurFault: boolean;

  constructor(message: string, options: { isOurFault: boolean }) {
    super(message);
    this.isOurFault = options.isOurFault;
  }
}

/** The file that holds a command which is too long to be an argument. */
export function scriptPath(home: Home, attemptId: number): string {
  return join(home.runDir, `attempt-${attemptId}.sh`);
}

/** Linux takes no argument of 128 KiB or more; a longer command goes through a file. */
const MAX_ARGUMENT_BYTES = 120_000;

const RUN_TEXT = 'exec /bin/sh -c "$3" >>"$1" 2>>"$2"';
const RUN_FILE = 'exec /bin/sh "$3" >>"$1" 2>>"$2"';

/** Starts the command of a claimed job. Throws `StartError` if its directory or its output can't be used. */
export function startCommand(job: ProcessingJob, place: { home: Home; storeUid: string }): RunningCommand {
  const { attemptId } = job.claim;
  checkDirectory(job.cwd);
  const paths = outputPaths(place, job.seq, attemptId);
  tryTo("create the files for its output", () => createOutputFiles(paths));
  const isLong = new TextEncoder().encode(job.command).length > MAX_ARGUMENT_BYTES;
  const longScript = isLong ? scriptPath(place.home, attemptId) : null;
  if (longScript !== null) {
    tryTo("write its script", () => Deno.writeTextFileSync(longScript, job.command, { mode: 0o600 }));
  }
  const command = new Deno.Command("setsid", {
    args: [
      "/bin/sh",
      "-c",
      isLong ? RUN_FILE : RUN_TEXT,
      "sh",
      paths.stdout,
      paths.stderr,
      longScript ?? job.command,
    ],
    cwd: job.cwd,
    env: {
      ...inheritedVariables(),
      ...job.env,
      ...ownVariables(job, place),
      [COOKIE_VARIABLE]: cookieOf(place.storeUid, attemptId),
    },
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  });
  const child = tryTo("start it", () => command.spawn());
  const exited = child.status.then(({ code, signal }) => {
    if (longScript !== null) removeIfThere(longScript);
    return signal === null ? { exitCode: code, signal: null } : { exitCode: null, signal };
  });
  return { pgid: child.pid, exited };
}

/** The worker's own variables, without those that are about the worker itself. */
function inheritedVariables(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) => !name.startsWith("QUEUECTL_")),
  );
}

/** What a command can learn about itself; a `queuectl` that it calls uses the same store. */
function ownVariables(job: ProcessingJob, { home }: { home: Home }): Record<string, string> {
  return {
    QUEUECTL_HOME: home.dir,
    QUEUECTL_DB: home.dbPath,
    QUEUECTL_JOB_ID: job.id,
    QUEUECTL_ATTEMPT: String(job.attempts),
    QUEUECTL_QUEUE: job.queue,
  };
}

function checkDirectory(path: string): void {
  let isDirectory = false;
  try {
    isDirectory = Deno.statSync(path).isDirectory;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw new StartError(`can't enter the directory ${path}`, { isOurFault: false });
    }
  }
  if (!isDirectory) throw new StartError(`no such directory: ${path}`, { isOurFault: false });
}

function tryTo<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const why = error instanceof Error ? error.message : error;
    throw new StartError(`can't ${what}: ${why}`, { isOurFault: true });
  }
}
