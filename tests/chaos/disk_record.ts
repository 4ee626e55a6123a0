/**
 * What processes did to the files of a store, and what a disk may hold of it after a power failure.
 *
 * The record comes from `strace`. The disk is one that keeps what was synced, and of the rest whatever it
 * likes: writes are lost, happen in any order, or reach only some sectors; the entries of a folder change in
 * order, as on a file system with a journal, but perhaps late.
 */

import { Buffer } from "node:buffer";
import { basename, dirname } from "node:path";

/** One thing that happened, in order. `upTo` is the number of things that had happened when a sync began. */
export type DiskStep =
  | { readonly kind: "write"; readonly inode: number; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: "truncate"; readonly inode: number; readonly size: number }
  | { readonly kind: "link"; readonly name: string; readonly inode: number }
  | { readonly kind: "unlink"; readonly name: string }
  | { readonly kind: "sync"; readonly inode: number; readonly upTo: number }
  | { readonly kind: "sync_folder"; readonly upTo: number }
  | { readonly kind: "told"; readonly id: string };

/** What happened, and what was there before. */
export interface DiskRecord {
  readonly steps: readonly DiskStep[];
  /** By name: the inode and the bytes that were on the disk. */
  readonly before: ReadonlyMap<string, { readonly inode: number; readonly bytes: Uint8Array }>;
}

/** What becomes of the writes that were not synced. */
export const UNSYNCED_FATES = ["dropped", "some", "torn"] as const;

/** One of them. */
export type UnsyncedFate = typeof UNSYNCED_FATES[number];

/** The smallest piece that a disk writes wholly or not at all. */
const SECTOR_BYTES = 512;
/** The index of the log is rebuilt from the log after a crash, so it need not survive. */
const FILES = ["queue.db", "queue.db-wal", "queue.db-journal"];
const CALLS = "openat,pwrite64,ftruncate,fsync,fdatasync,unlink,write";
/** More than SQLite writes in one call. */
const MAX_STRING_BYTES = 100_000;

/**
 * Runs a shell script and records what it and all its children do to the store in `folder`. A line
 * `Enqueued job ID` on a standard output is an acknowledgement. Throws if the script fails.
 */
export async function recordDisk(
  folder: string,
  script: string,
  options: { args: readonly string[]; env: Record<string, string> },
): Promise<DiskRecord> {
  const before = new Map<string, { inode: number; bytes: Uint8Array }>();
  for (const name of FILES) {
    try {
      before.set(name, { inode: before.size, bytes: await Deno.readFile(`${folder}/${name}`) });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  const log = await Deno.makeTempFile({ prefix: "queuectl-test-" });
  try {
    const { success, stderr } = await new Deno.Command("strace", {
      args: [
        ...["-f", "-qq", "-y", "-xx", "-s", String(MAX_STRING_BYTES), "-o", log, "-e", `trace=${CALLS}`],
        ...["/bin/sh", "-c", script, "sh", ...options.args],
      ],
      env: options.env,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    if (!success) throw new Error(`The recorded clients failed: ${new TextDecoder().decode(stderr)}`);
    return { before, steps: new Parser(folder, before).parse(await Deno.readTextFile(log)) };
  } finally {
    await Deno.remove(log);
  }
}

/** Turns the lines of strace into steps. */
class Parser {
  readonly #folder: string;
  readonly #entries: Map<string, number>;
  readonly #steps: DiskStep[] = [];
  readonly #unfinished = new Map<string, { text: string; upTo: number }>();
  #nextInode: number;

  constructor(folder: string, before: DiskRecord["before"]) {
    this.#folder = folder;
    this.#entries = new Map([...before].map(([name, { inode }]) => [name, inode]));
    this.#nextInode = before.size;
  }

  parse(log: string): DiskStep[] {
    for (const line of log.split("\n")) {
      const match = /^(\d+) +(.*)$/.exec(line);
      if (match === null) continue;
      const [, pid, text] = match as unknown as [string, string, string];
      const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(text);
      if (text.endsWith(" <unfinished ...>")) {
        this.#unfinished.set(pid, { text: text.slice(0, -17), upTo: this.#steps.length });
      } else if (resumed === null) {
        this.#add(text, this.#steps.length);
      } else {
        const begun = this.#unfinished.get(pid);
        if (begun !== undefined) this.#add(begun.text + resumed[1], begun.upTo);
      }
    }
    return this.#steps;
  }

  /** `upTo`: how many steps there were when the call began. */
  #add(call: string, upTo: number): void {
    if (/= -1 /.test(call.slice(-80))) return;
    const name = call.slice(0, call.indexOf("("));
    if (name === "openat" || name === "unlink") this.#addEntry(name, call);
    else this.#addToFile(name, call, upTo);
  }

  #addEntry(call: string, text: string): void {
    const path = unhexText(/"([^"]*)"/.exec(text)?.[1] ?? "");
    const name = this.#nameOf(path);
    if (name === null) return;
    if (call === "unlink") {
      this.#entries.delete(name);
      this.#steps.push({ kind: "unlink", name });
    } else if (text.includes("O_CREAT") && !this.#entries.has(name)) {
      this.#entries.set(name, this.#nextInode);
      this.#steps.push({ kind: "link", name, inode: this.#nextInode });
      this.#nextInode++;
    }
  }

  #addToFile(call: string, text: string, upTo: number): void {
    const match = /^\w+\((\d+)<((?:\\x[0-9a-f]{2})*)>(?:, (.*))?\)\s+= /.exec(text);
    if (match === null) return;
    const [, fd, hexPath, rest = ""] = match as unknown as [string, string, string, string | undefined];
    const path = unhexText(hexPath);
    if (call === "write") {
      const told = fd === "1" ? unhexText(/^"([^"]*)"/.exec(rest)?.[1] ?? "") : "";
      for (const [, id] of told.matchAll(/^Enqueued job (\S+)$/gm)) {
        this.#steps.push({ kind: "told", id: id! });
      }
      return;
    }
    if (path === this.#folder && /^f(data)?sync$/.test(call)) {
      this.#steps.push({ kind: "sync_folder", upTo });
      return;
    }
    const name = this.#nameOf(path);
    const inode = name === null ? undefined : this.#entries.get(name);
    if (inode === undefined) return;
    if (call === "pwrite64") {
      const [, hex, , offset] = /^"([^"]*)"(\.\.\.)?, \d+, (\d+)$/.exec(rest)!;
      this.#steps.push({ kind: "write", inode, offset: Number(offset), bytes: unhex(hex!) });
    } else if (call === "ftruncate") {
      this.#steps.push({ kind: "truncate", inode, size: Number(rest) });
    } else {
      this.#steps.push({ kind: "sync", inode, upTo });
    }
  }

  #nameOf(path: string): string | null {
    return dirname(path) === this.#folder && FILES.includes(basename(path)) ? basename(path) : null;
  }
}

function unhex(text: string): Uint8Array {
  return Buffer.from(text.replaceAll("\\x", ""), "hex");
}

function unhexText(text: string): string {
  return new TextDecoder().decode(unhex(text));
}

/** The files that a disk may hold if the power fails after the first `count` steps, by name. */
export function afterPowerLoss(
  { steps, before }: DiskRecord,
  { count, fate, random }: { count: number; fate: UnsyncedFate; random: () => number },
): Map<string, Uint8Array> {
  const past = steps.slice(0, count);
  const syncedUpTo = new Map<number, number>();
  let folderUpTo = 0;
  for (const step of past) {
    // Of several processes that sync at once the one that began first may end last.
    if (step.kind === "sync") {
      syncedUpTo.set(step.inode, Math.max(step.upTo, syncedUpTo.get(step.inode) ?? 0));
    }
    if (step.kind === "sync_folder") folderUpTo = Math.max(step.upTo, folderUpTo);
  }
  // Changes of the folder happen in order: the first that is lost takes all later ones with it.
  const lastEntry = fate === "dropped"
    ? folderUpTo
    : folderUpTo + Math.floor(random() * (count - folderUpTo + 1));
  const entries = new Map([...before].map(([name, { inode }]) => [name, inode]));
  const contents = new Map([...before.values()].map(({ inode, bytes }) => [inode, new Contents(bytes)]));
  const contentsOf = (inode: number) => {
    const known = contents.get(inode) ?? new Contents(new Uint8Array());
    contents.set(inode, known);
    return known;
  };
  const unsynced = past.flatMap((step, index) =>
    step.kind === "write" && index >= (syncedUpTo.get(step.inode) ?? 0) ? [index] : []
  );
  const tornIndex = fate === "torn" ? unsynced[Math.floor(random() * unsynced.length)] : undefined;
  past.forEach((step, index) => {
    if (step.kind === "link" && index < lastEntry) entries.set(step.name, step.inode);
    if (step.kind === "unlink" && index < lastEntry) entries.delete(step.name);
    if (step.kind !== "write" && step.kind !== "truncate") return;
    const isSynced = index < (syncedUpTo.get(step.inode) ?? 0);
    if (!isSynced && index !== tornIndex && (fate === "dropped" || random() < 0.5)) return;
    contentsOf(step.inode).apply(index === tornIndex ? torn(step, random) : step);
  });
  return new Map([...entries].map(([name, inode]) => [name, contentsOf(inode).bytes]));
}

type DataStep = Extract<DiskStep, { kind: "write" | "truncate" }>;

/** The first part of a write, up to the border of a sector. */
function torn(step: DataStep, random: () => number): DataStep {
  if (step.kind === "truncate") return step;
  const first = Math.floor(step.offset / SECTOR_BYTES);
  const last = Math.floor((step.offset + step.bytes.length - 1) / SECTOR_BYTES);
  const border = (first + 1 + Math.floor(random() * (last - first))) * SECTOR_BYTES;
  return { ...step, bytes: step.bytes.subarray(0, Math.max(0, border - step.offset)) };
}

/** A file in the making. */
class Contents {
  #bytes: Uint8Array<ArrayBuffer>;
  #size: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = new Uint8Array(bytes);
    this.#size = bytes.length;
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#size);
  }

  apply(step: DataStep): void {
    if (step.kind === "truncate") {
      this.#bytes.fill(0, step.size);
      this.#resize(step.size);
    } else {
      this.#resize(Math.max(this.#size, step.offset + step.bytes.length));
      this.#bytes.set(step.bytes, step.offset);
    }
  }

  #resize(size: number): void {
    if (size > this.#bytes.length) {
      const longer = new Uint8Array(size * 2);
      longer.set(this.#bytes);
      this.#bytes = longer;
    }
    this.#size = size;
  }
}
