/**
 * What can go wrong, told to people: one sentence, one cure, one exit status.
 */

import { callFor } from "./shell_words.ts";

/** The kinds of failure; each has an exit status that scripts can rely on. */
export type ErrorCode = "failed" | "bad_input" | "not_found" | "conflict" | "store";

const EXIT_STATUS: Record<ErrorCode, number> = {
  failed: 1,
  bad_input: 2,
  not_found: 3,
  conflict: 4,
  store: 5,
};

/** A word that is none of those that would do. */
export interface Mistyped {
  readonly typed: string;
  readonly known: readonly string[];
  /** What to type with the right word; the word alone if absent. */
  readonly usage?: (word: string) => string;
  /** The cure when none of the known words is near; all of them if absent. */
  readonly otherwise?: string;
}

interface ErrorOptions {
  hint?: string | null;
  mistyped?: Mistyped;
  cause?: unknown;
}

/** A failure that a user can understand and mend. Anything else that is thrown is a fault of the program. */
export class QueueError extends Error {
  override readonly name = "QueueError";
  readonly code: ErrorCode;
  /** What to type or do next, without `Try:`; null when nothing would help. */
  readonly hint: string | null;

  /** The word that isn't known and those that are, from which a cure can be suggested; null otherwise. */
  readonly mistyped: Mistyped | null;

  /** `message` is one sentence without a full stop: what can't be done, and why. */
  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : {});
    this.code = code;
    this.hint = options.hint ?? null;
    this.mistyped = options.mistyped ?? null;
  }

  /** The exit status of a process that ends with this error. */
  get exitStatus(): number {
    return EXIT_STATUS[this.code];
  }
}

/** The user gave something that can't be used (exit 2). */
export function badInput(message: string, hint?: string): QueueError {
  return new QueueError("bad_input", message, { hint: hint ?? null });
}

/** `message`, because of a word that is none of the known ones (exit 2 or 3). */
export function unknownWord(
  code: "bad_input" | "not_found",
  message: string,
  mistyped: Mistyped,
): QueueError {
  return new QueueError(code, message, { mistyped });
}

/** There is no such job, key or worker (exit 3). */
export function notFound(message: string, hint?: string): QueueError {
  return new QueueError("not_found", message, { hint: hint ?? null });
}

/** It exists already, or is in a state in which that can't be done (exit 4). */
export function conflict(message: string, hint?: string): QueueError {
  return new QueueError("conflict", message, { hint: hint ?? null });
}

/** The store can't be used: locked, full, read-only, corrupt, or newer than the program (exit 5). */
export function storeError(message: string, hint: string, cause?: unknown): QueueError {
  return new QueueError("store", message, { hint, cause });
}

/** The `index`th of the jobs to enqueue has an id that is taken. */
export class DuplicateIdError extends QueueError {
  readonly jobId: string;
  /** Its place among the jobs that were given together, from 0. */
  readonly index: number;

  constructor(jobId: string, index: number) {
    super("conflict", `Cannot enqueue ${jobId}: a job with this id exists`, {
      hint: `${callFor("status", jobId)}, or enqueue it under another id`,
    });
    this.jobId = jobId;
    this.index = index;
  }
}
