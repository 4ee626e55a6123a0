/**
 * Noticing that attempts print, for the streams that follow them.
 */

import type { LogEntry } from "../core/event.ts";
import { outputPaths, type OutputPlace } from "../home/output_files.ts";
import { type EventStream, message } from "./event_stream.ts";

/** How often the files of followed attempts are looked at. */
const LOOK_INTERVAL_MS = 250;

/** An attempt that may be followed. */
export interface FollowedAttempt {
  readonly jobSeq: number;
  readonly jobId: string;
  readonly attemptId: number;
  readonly isRunning: boolean;
}

interface Followed {
  readonly attempt: FollowedAttempt;
  readonly streams: Set<EventStream>;
  isRunning: boolean;
  told: string;
}

/** The followed attempts. An attempt is looked at once, however many follow it, and while it lasts. */
export class OutputWatch {
  readonly #place: OutputPlace;
  readonly #followed = new Map<number, Followed>();
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(place: OutputPlace) {
    this.#place = place;
  }

  /** Tells `stream` how far the output of `attempt` is, now and whenever it has grown. */
  add(attempt: FollowedAttempt, stream: EventStream): void {
    let followed = this.#followed.get(attempt.attemptId);
    if (followed === undefined) {
      followed = { attempt, streams: new Set(), isRunning: attempt.isRunning, told: "" };
      if (attempt.isRunning) this.#followed.set(attempt.attemptId, followed);
    }
    followed.streams.add(stream);
    followed.told = "";
    this.#look(followed);
    if (this.#followed.size > 0) this.#timer ??= setInterval(() => this.#lookAtAll(), LOOK_INTERVAL_MS);
  }

  /** Follows no attempt for this stream any more. */
  remove(stream: EventStream): void {
    for (const [attemptId, followed] of this.#followed) {
      followed.streams.delete(stream);
      if (followed.streams.size === 0) this.#followed.delete(attemptId);
    }
    this.#stopIfIdle();
  }

  /** Notices in the log that attempts have ended: their output is complete. */
  follow(entries: readonly LogEntry[]): void {
    if (this.#followed.size === 0) return;
    const ended = new Set(entries.filter(({ event }) => event.type === "ended").map(({ jobSeq }) => jobSeq));
    for (const [attemptId, followed] of this.#followed) {
      if (!ended.has(followed.attempt.jobSeq)) continue;
      followed.isRunning = false;
      this.#followed.delete(attemptId);
      this.#look(followed);
    }
    this.#stopIfIdle();
  }

  /** Stops looking. */
  close(): void {
    this.#followed.clear();
    this.#stopIfIdle();
  }

  #lookAtAll(): void {
    for (const followed of this.#followed.values()) this.#look(followed);
  }

  #look(followed: Followed): void {
    const { jobSeq, jobId, attemptId } = followed.attempt;
    const paths = outputPaths(this.#place, jobSeq, attemptId);
    const state = {
      ...{ job: jobId, attempt_id: attemptId },
      ...{
        stdout_size: sizeOf(paths.stdout),
        stderr_size: sizeOf(paths.stderr),
        is_running: followed.isRunning,
      },
    };
    const text = JSON.stringify(state);
    if (text === followed.told) return;
    followed.told = text;
    const bytes = message("output", state);
    for (const stream of followed.streams) stream.send(bytes);
  }

  #stopIfIdle(): void {
    if (this.#timer === null || this.#followed.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}

/** The size of a file in bytes, 0 if it doesn't exist. */
export function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
