/**
 * What can go wrong with a SQLite file, in the queue's words.
 */

import { QueueError } from "../core/errors.ts";

/** Another process holds the lock: the only error that waiting mends. */
export class LockedError extends QueueError {
  constructor(path: string, cause: unknown) {
    super("store", `Cannot use ${path}: another process keeps it locked`, {
      hint: "again later, or find the process with: fuser -v queue.db",
      cause,
    });
  }
}

/** What mends a store that can't be opened or written. */
export const NO_PERMISSION = "write permission for its folder and files";

interface Fault {
  /** SQLite's primary result code. */
  readonly code: number;
  /** SQLite's own words, by which it is known where a code is missing. */
  readonly text: string;
  readonly why: string;
  readonly hint: string;
}

/** What can be wrong with a file, and what users are told. */
const FAULTS: readonly Fault[] = [
  {
    ...{ code: 8, text: "attempt to write a readonly database" },
    ...{ why: "it is read-only", hint: NO_PERMISSION },
  },
  {
    ...{ code: 10, text: "disk I/O error" },
    ...{ why: "reading or writing it failed", hint: "again once the disk is in order" },
  },
  {
    ...{ code: 11, text: "malformed" },
    ...{ why: "it is damaged", hint: "a copy of it with: sqlite3 queue.db .recover" },
  },
  {
    ...{ code: 13, text: "database or disk is full" },
    ...{ why: "the disk is full", hint: "again once there is space; nothing was stored" },
  },
  {
    ...{ code: 14, text: "unable to open database file" },
    ...{ why: "it can't be opened", hint: NO_PERMISSION },
  },
  {
    ...{ code: 26, text: "file is not a database" },
    ...{
      why: "it is not a database",
      hint: "another file, with --db or QUEUECTL_DB; this one was left as it is",
    },
  },
];

/** One of the faults, as an error. */
export class FaultError extends QueueError {
  readonly fault: Fault;

  constructor(fault: Fault, message: string, cause: unknown) {
    super("store", message, { hint: fault.hint, cause });
    this.fault = fault;
  }
}

/** SQLite's primary result code for a disk that fails. */
export const IO_ERROR = 10;
/** The shared-memory file couldn't grow: an I/O error by its number, a full disk by its nature. */
const IOERR_SHMSIZE = 4874;

/** `error` in the queue's words, if it is one of SQLite's that we know; itself otherwise. */
export function inOurWords(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || error instanceof QueueError) return error;
  const { errcode } = error as Error & { errcode?: number };
  const code = errcode === IOERR_SHMSIZE ? 13 : errcode === undefined ? undefined : errcode & 0xff;
  const isLocked = code === undefined
    ? /database (table )?is locked/.test(error.message)
    : code === 5 || code === 6;
  if (isLocked) return new LockedError(path, error);
  const fault = FAULTS.find((one) =>
    code === undefined ? error.message.includes(one.text) : one.code === code
  );
  if (fault === undefined) return error;
  const why = fault.code === 14 && isOnReadOnlyDisk(path) ? "its disk is read-only" : fault.why;
  return new FaultError(fault, `Cannot use ${path}: ${why}`, error);
}

/**
 * SQLite can't open its log on such a disk, and doesn't say why. Another file tells: closing the store's own would
 * give up the locks that SQLite has on it.
 */
function isOnReadOnlyDisk(path: string): boolean {
  const beside = `${path}-turn`;
  try {
    Deno.openSync(beside, { createNew: true, write: true, mode: 0o600 }).close();
    Deno.removeSync(beside); // what is no store leaves nothing beside it
    return false;
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) return isOfReadOnlyDisk(error);
  }
  try {
    Deno.openSync(beside, { write: true }).close();
    return false;
  } catch (error) {
    return isOfReadOnlyDisk(error);
  }
}

function isOfReadOnlyDisk(error: unknown): boolean {
  return error instanceof Error && /read-only file system/i.test(error.message);
}
