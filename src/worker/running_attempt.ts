/**
 * The life of one attempt, from the start of its command to its end.
 */

import type { AttemptEnd, Outcome } from "../core/attempt.ts";
import type { Config } from "../core/config.ts";
import { formatDuration } from "../core/duration.ts";
import type { ProcessingJob } from "../core/job.ts";
import type { Home } from "../home/home.ts";
import { forgetOutputFolder, limitFile, outputPaths, tailOf } from "../home/output_files.ts";
import { startCommand } from "./command.ts";
import { endProcesses } from "./ladder.ts";
import { groupIsAlive } from "./process_probe.ts";
import { type CommandExit, type RunningCommand, StartError } from "./running_command.ts";
import type { Spawner } from "./spawner.ts";

/** Why a command is ended before it ends by itself. */
export type EndReason = "timed_out" | "cancelled" | "released";

/** Where an attempt runs, and the configuration as it is when asked. */
export interface AttemptPlace {
  readonly home: Home;
  readonly storeUid: string;
  readonly spawner: Spawner;
  readonly config: () => Config;
}

/** The longest delay that a timer can have; longer ones would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** How much of the end of stderr is looked at for the last line. */
const STDERR_TAIL_BYTES = 2048;
const MAX_LAST_LINE_LENGTH = 200;

/** An attempt that this worker runs. */
export class RunningAttempt {
  readonly job: ProcessingJob;
  readonly #place: AttemptPlace;
  #outputBytes: number | null = null;
  #leftovers: number | null = null;
  readonly #endAsked = Promise.withResolvers<EndReason>();

  constructor(job: ProcessingJob, place: AttemptPlace) {
    this.job = job;
    this.#place = place;
  }

  /** How much the command has printed, the longer of its two streams; null as long as that isn't known. */
  get outputBytes(): number | null {
    return this.#outputBytes;
  }

  /** How many processes outside its group it had left running, which are gone now; null if that isn't known. */
  get leftovers(): number | null {
    return this.#leftovers;
  }

  /** Starts the command and waits until it and all it started are gone. */
  async run(): Promise<AttemptEnd> {
    let command: RunningCommand;
    try {
      command = startCommand(this.job, this.#place);
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      return notStarted(error);
    }
    const disarm = this.#armTimeout();
    try {
      return await this.#watch(command);
    } finally {
      disarm();
    }
  }

  /** Ends the command by the ladder. The first reason counts; asking again changes nothing. */
  end(reason: EndReason): void {
    this.#endAsked.resolve(reason);
  }

  /** Cuts the output files back to what may be kept. */
  limitOutput(): void {
    const { stdout, stderr } = this.#outputPaths();
    const maxBytes = this.#place.config().max_output_bytes;
    for (const path of [stdout, stderr]) {
      try {
        limitFile(path, maxBytes);
      } catch {
        // A failing disk: how the command ended matters more than how much it printed.
      }
    }
  }

  async #watch(command: RunningCommand): Promise<AttemptEnd> {
    const first = await Promise.race([command.exited, this.#endAsked.promise]);
    const wasEnded = typeof first === "string";
    const mustEnd = wasEnded || await this.#mayRunOn(command, first);
    if (mustEnd) {
      // What a command leaves running in its group ends with it, or a retry would meet its own past.
      const processes = {
        storeUid: this.#place.storeUid,
        attemptId: this.job.claim.attemptId,
        pgid: command.pgid,
        exited: command.exited,
      };
      command.sealGroup();
      await endProcesses(processes, this.#place.config().kill_grace_seconds * 1000);
    }
    const exit = await command.exited;
    if (exit.startError !== null && !wasEnded) return notStarted(exit.startError);
    this.#outputBytes = exit.outputBytes;
    this.#leftovers = exit.hasLeftovers
      ? await command.killLeftovers()
      : exit.hasLeftovers === null
      ? null
      : 0;
    const isLong = (exit.outputBytes ?? Infinity) > this.#place.config().max_output_bytes;
    if (mustEnd || isLong) this.limitOutput();
    return wasEnded ? this.#endedFor(first, exit) : this.#endedByItself(exit);
  }

  /** Whether something of the group may be running although the command has ended. */
  async #mayRunOn({ pgid }: RunningCommand, { hasLeftovers }: CommandExit): Promise<boolean> {
    if (hasLeftovers === false) return false;
    return await groupIsAlive(pgid);
  }

  #endedFor(reason: EndReason, exit: CommandExit): AttemptEnd {
    const after = formatDuration(this.job.timeoutMs);
    const errors = {
      timed_out: `timed out after ${after}`,
      cancelled: "cancelled",
      released: "its worker was stopped",
    };
    return attemptEnd(exit, reason, errors[reason]);
  }

  #endedByItself(exit: CommandExit): AttemptEnd {
    if (exit.exitCode === 0) return attemptEnd(exit, "succeeded", null);
    if (exit.exitCode === null && exit.signal === null) {
      return attemptEnd(exit, "failed", "nobody can tell how it ended");
    }
    const how = exit.signal === null ? `exited with ${exit.exitCode}` : `ended by ${exit.signal}`;
    const lastLine = this.#lastErrorLine();
    return attemptEnd(exit, "failed", lastLine === "" ? how : `${how}: ${lastLine}`);
  }

  /** The last line that the command wrote to stderr: most often it says what went wrong. */
  #lastErrorLine(): string {
    const lines = tailOf(this.#outputPaths().stderr, STDERR_TAIL_BYTES).split("\n").map((line) =>
      line.trim()
    );
    return (lines.findLast((line) => line !== "") ?? "").slice(0, MAX_LAST_LINE_LENGTH);
  }

  #outputPaths() {
    return outputPaths(this.#place, this.job.seq, this.job.claim.attemptId);
  }

  /** Ends the command when its time is up; returns the way to call that off. */
  #armTimeout(): () => void {
    if (this.job.timeoutMs === 0) return () => {};
    const deadline = performance.now() + this.job.timeoutMs;
    let timer: ReturnType<typeof setTimeout>;
    const arm = () => {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) this.end("timed_out");
      else timer = setTimeout(arm, Math.min(leftMs, MAX_TIMER_MS));
    };
    arm();
    return () => clearTimeout(timer);
  }
}

function notStarted(error: StartError): AttemptEnd {
  if (error.isOurFault) forgetOutputFolder();
  const outcome = error.isOurFault ? "released" : "failed";
  return { outcome, exitCode: null, signal: null, error: error.message };
}

function attemptEnd({ exitCode, signal }: CommandExit, outcome: Outcome, error: string | null): AttemptEnd {
  return { outcome, exitCode, signal, error };
}
