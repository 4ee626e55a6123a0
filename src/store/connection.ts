/**
 * One connection to a SQLite file: opening it safely, transactions that wait their turn, and errors told in
 * the queue's words.
 */

import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { QueueError, storeError } from "../core/errors.ts";
import { FaultError, inOurWords, IO_ERROR, LockedError, NO_PERMISSION } from "./faults.ts";
import { Turnstile } from "./turnstile.ts";

/** What a row can hold here: the schema has no blobs. */
export type Value = string | number | null;

/** A row by column name. */
export type Row = Record<string, Value>;

/** How a connection behaves. */
export interface ConnectionOptions {
  /** `full`: a commit is on the disk before it returns. `normal`: a power failure may undo the last ones. */
  readonly durability: "full" | "normal";
  /** How long to wait for another process's transaction before giving up. */
  readonly lockTimeoutMs: number;
  /** Called once when a wait has become noticeable. */
  readonly onWait?: (() => void) | undefined;
}

/** How long to wait for a lock on the spot, short because that stops every timer of the program. */
const BUSY_TIMEOUT_MS = 10;
/** The pauses of such a wait, each twice the one before. Most transactions take less than half a millisecond. */
const FIRST_SPOT_PAUSE_MS = 0.1;
const MAX_SPOT_PAUSE_MS = 1;
const NOTICEABLE_WAIT_MS = 2000;
/** Writes that follow each other this closely are a burst. */
const BURST_MS = 100;
/** Who is first in line is the only one who tries, but for newcomers: it may try often. */
const FIRST_PAUSE_MS = 1;
/**
 * Half of SQLite's own choice: a job touches a few bytes in each of a dozen pages, all of which are copied, summed
 * and read again by whoever commits next.
 */
const PAGE_BYTES = 2048;
/** How many commits of one process may fill the log before it is shortened: with so many, it grows to some 30 MB. */
const COMMITS_BETWEEN_CHECKPOINTS = 1500;

/** An open file. Statements are prepared once and kept. */
export class Connection {
  readonly path: string;
  readonly #db: DatabaseSync;
  readonly #options: ConnectionOptions;
  readonly #turnstile: Turnstile;
  readonly #statements = new Map<string, StatementSync>();
  readonly #remembered = new Map<string, { version: string; value: unknown }>();
  #commits = 0;
  #wroteAtMs = -Infinity;

  private constructor(path: string, db: DatabaseSync, options: ConnectionOptions) {
    this.path = path;
    this.#db = db;
    this.#options = options;
    this.#turnstile = new Turnstile(`${path}-turn`);
  }

  /**
   * Opens `path`, creating an empty file with mode 0600 if there is none. The folder must exist. Nothing in an
   * existing file is changed.
   */
  static open(path: string, options: ConnectionOptions): Connection {
    createPrivately(path);
    const connection = new Connection(path, openDatabase(path), options);
    try {
      connection.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /**
   * Makes the file keep a write-ahead log, so that readers and the writer don't wait for each other, and
   * commits as durable as was asked for. To be called once the file is known to be ours.
   */
  async useLog(): Promise<void> {
    await this.#untilUnlocked(() => {
      if (this.pragma("journal_mode") !== "wal") {
        this.pragma(`page_size = ${PAGE_BYTES}`); // of a file that is still empty; the others keep theirs
        this.pragma("journal_mode = WAL");
      }
      this.pragma(`synchronous = ${this.#options.durability}`);
      this.pragma("wal_autocheckpoint = 0");
    });
    // From now on we wait ourselves: SQLite's shortest pause is longer than most transactions.
    this.pragma("busy_timeout = 0");
  }

  /** The value of a pragma, after setting it if `text` says so. */
  pragma(text: string): Value {
    const row = this.get(`PRAGMA ${text}`);
    return row === undefined ? null : Object.values(row)[0] ?? null;
  }

  /** The first row; undefined if there is none. Positional parameters only. */
  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#tell(() => this.#prepare(sql).get(...values) as Row | undefined);
  }

  /** All rows. */
  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#tell(() => this.#prepare(sql).all(...values) as Row[]);
  }

  /** Runs a statement; returns how many rows it changed and the rowid it inserted last. */
  run(sql: string, ...values: SQLInputValue[]): { changes: number; lastRowid: number } {
    const result = this.#tell(() => this.#prepare(sql).run(...values));
    return { changes: Number(result.changes), lastRowid: Number(result.lastInsertRowid) };
  }

  /**
   * Runs `work` in one transaction that owns the right to write from its start. `work` is synchronous, so that
   * nothing else of this process can get between its statements. An error undoes all of it.
   */
  async write<T>(work: (db: DatabaseSync) => T): Promise<T> {
    const result = await this.#inTurn(() => {
      this.run("BEGIN IMMEDIATE");
      try {
        const result = work(this.#db);
        this.#commit();
        return result;
      } catch (error) {
        this.#rollBack();
        throw error;
      }
    });
    if (this.#commits % COMMITS_BETWEEN_CHECKPOINTS === 0) this.shortenLog();
    return result;
  }

  /** When the disk fails in the middle of a commit, nobody can tell whether it will be found there later. */
  #commit(): void {
    try {
      this.#commits++; // also if nobody can tell: whoever remembers something must look again
      this.run("COMMIT");
    } catch (error) {
      if (!(error instanceof FaultError) || error.fault.code !== IO_ERROR) throw error;
      throw storeError(
        `Cannot tell whether ${this.path} has taken it: writing failed, and it may have been stored`,
        "queuectl list, before trying again",
        error,
      );
    }
  }

  /**
   * Moves what the write-ahead log holds into the file, as far as nobody is reading it. SQLite would do that
   * within a commit, and report a commit that has happened as failed when the disk is full.
   */
  shortenLog(): void {
    try {
      this.#db.exec("PRAGMA wal_checkpoint(PASSIVE)");
    } catch {
      // A full disk, or another process at the same work: the log is as good as the file.
    }
  }

  /** Runs `work`, which only reads, so that all its statements see the file as it was at one moment. */
  snapshot<T>(work: () => T): Promise<T> {
    return this.#untilUnlocked(() => {
      this.run("BEGIN");
      try {
        return work();
      } finally {
        this.#rollBack();
      }
    });
  }

  /** Runs `work`, which only reads, again if the file was locked. */
  read<T>(work: () => T): Promise<T> {
    return this.#untilUnlocked(work);
  }

  /** Another one after each commit of anybody. Not within a transaction that writes. */
  version(): string {
    return `${this.pragma("data_version")}/${this.#commits}`;
  }

  /**
   * What `work` gave the last time under this name, provided that nobody has committed anything since: for
   * looks that are made again and again while nothing happens. Not within a transaction that writes.
   */
  remember<T>(name: string, work: () => T): T {
    const version = this.version();
    const known = this.#remembered.get(name);
    if (known?.version === version) return known.value as T;
    const value = work();
    this.#remembered.set(name, { version, value });
    return value;
  }

  /** Closes the file. */
  close(): void {
    this.#statements.clear();
    this.#db.close();
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      try {
        statement = this.#db.prepare(sql);
      } catch (error) {
        // Deno 2.4 doesn't say why a statement can't be prepared; the plainest one tells.
        this.#db.exec("SELECT 1 FROM sqlite_schema");
        throw error;
      }
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #rollBack(): void {
    try {
      this.#db.exec("ROLLBACK");
    } catch {
      // SQLite ends the transaction by itself on a full disk or an I/O error: there is nothing to undo then.
    }
  }

  /** `pauseMs` is the longest pause between tries; null: it depends on how long one has waited. */
  async #untilUnlocked<T>(work: () => T, pauseMs: number | null = null): Promise<T> {
    const startedAt = performance.now();
    let told = false;
    while (true) {
      try {
        return onTheSpot(work);
      } catch (error) {
        const waitedMs = performance.now() - startedAt;
        if (!(error instanceof LockedError) || waitedMs > this.#options.lockTimeoutMs) throw error;
        if (!told && waitedMs > NOTICEABLE_WAIT_MS) {
          told = true;
          this.#options.onWait?.();
        }
        await pause(Math.random() * (pauseMs ?? maxPauseMs(waitedMs)));
      }
    }
  }

  /**
   * Whoever writes again and again, each time waiting for the disk, would have the lock back before anyone who
   * waits for it has looked: it stands in line, too.
   */
  #isInBurst(): boolean {
    const now = performance.now();
    const isInBurst = this.#options.durability === "full" && now - this.#wroteAtMs < BURST_MS;
    this.#wroteAtMs = now;
    return isInBurst;
  }

  /** Tries at once if nobody else seems to write; otherwise when our turn has come. */
  async #inTurn<T>(work: () => T): Promise<T> {
    if (!this.#turnstile.isCrowded && !this.#isInBurst()) {
      try {
        return onTheSpot(work);
      } catch (error) {
        if (!(error instanceof LockedError)) throw error;
      }
    }
    return await this.#turnstile.pass((isFirst) =>
      this.#untilUnlocked(work, isFirst ? FIRST_PAUSE_MS : null)
    );
  }

  #tell<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw inOurWords(error, this.path);
    }
  }
}

function openDatabase(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path);
  } catch (error) {
    throw inOurWords(error, path) instanceof QueueError
      ? inOurWords(error, path)
      : storeError(`Cannot use ${path}: it can't be opened`, NO_PERMISSION, error);
  }
}

/** SQLite would create the file readable for everyone; its `-wal` and `-shm` take over the file's mode. */
function createPrivately(path: string): void {
  // Nearly always it is there: to ask first is much cheaper than to fail at creating it.
  if (isThere(path)) return;
  try {
    Deno.openSync(path, { createNew: true, write: true, mode: 0o600 }).close();
    Deno.chmodSync(path, 0o600); // an unusual umask may have taken more away
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return;
    const why = error instanceof Deno.errors.NotFound ? "its folder doesn't exist" : "it can't be created";
    throw storeError(
      `Cannot use ${path}: ${why}`,
      "a folder that you may write to, with --home or --db",
      error,
    );
  }
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false; // or it can't be told, and creating it will say why
  }
}

/**
 * The pause between tries is random, so that many processes don't try in step, and the shorter the longer one
 * has waited, so that nobody is always passed over.
 */
function maxPauseMs(waitedMs: number): number {
  if (waitedMs < 100) return 50;
  if (waitedMs < 500) return 25;
  return waitedMs < 1000 ? 10 : 2;
}

/** Does `work` again and again for a moment while the file is locked. */
function onTheSpot<T>(work: () => T): T {
  const startedAt = performance.now();
  for (let pauseMs = FIRST_SPOT_PAUSE_MS;; pauseMs = Math.min(2 * pauseMs, MAX_SPOT_PAUSE_MS)) {
    try {
      return work();
    } catch (error) {
      const leftMs = startedAt + BUSY_TIMEOUT_MS - performance.now();
      if (!(error instanceof LockedError) || leftMs <= 0) throw error;
      Atomics.wait(NEVER_WOKEN, 0, 0, Math.min(pauseMs, leftMs));
    }
  }
}

const NEVER_WOKEN = new Int32Array(new SharedArrayBuffer(4));

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
