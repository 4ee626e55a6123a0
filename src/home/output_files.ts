/**
 * The files that keep what an attempt printed.
 *
 * Their names are made of numbers that the store gave, never of anything a user wrote. A thousand jobs share a
 * folder, so that none grows without bound.
 */

import { dirname } from "node:path";
import type { OutputRef } from "../core/store.ts";
import { createPrivateFolder, type Home } from "./home.ts";

/** The two files of an attempt. */
export interface OutputPaths {
  readonly stdout: string;
  readonly stderr: string;
}

/** Whose output: several stores may share a home. */
export interface OutputPlace {
  readonly home: Home;
  readonly storeUid: string;
}

/** Where the output of an attempt is; the files may not exist (yet). */
export function outputPaths({ home, storeUid }: OutputPlace, jobSeq: number, attemptId: number): OutputPaths {
  // Put together by hand, as every attempt needs it several times.
  const stem = `${home.logsDir}/${storeUid}/${Math.floor(jobSeq / 1000)}/${jobSeq}-${attemptId}`;
  return { stdout: `${stem}.out`, stderr: `${stem}.err` };
}

/** Creates the folder of both files, unless this process has just done so. */
export function createOutputFolder(paths: OutputPaths): void {
  if (createdFolder !== "" && paths.stdout.startsWith(createdFolder)) return;
  const folder = `${dirname(paths.stdout)}/`;
  createPrivateFolder(folder);
  createdFolder = folder;
}

/** Makes the next `createOutputFolder` look again: somebody may have removed the folder meanwhile. */
export function forgetOutputFolder(): void {
  createdFolder = "";
}

/** Thousands of attempts in a row share a folder, and looking whether it is there takes a while. */
let createdFolder = "";

/** Creates both files, empty and private. Their folder exists. */
export function createOutputFiles(paths: OutputPaths): void {
  for (const path of [paths.stdout, paths.stderr]) createPrivateFile(path);
}

function createPrivateFile(path: string): void {
  Deno.openSync(path, { create: true, append: true, mode: 0o600 }).close();
}

/** Deletes what attempts printed. */
export function deleteOutput(place: OutputPlace, outputs: readonly OutputRef[]): void {
  for (const { jobSeq, attemptId } of outputs) {
    const { stdout, stderr } = outputPaths(place, jobSeq, attemptId);
    removeIfThere(stdout);
    removeIfThere(stderr);
  }
}

/**
 * Cuts a file that a command is appending to back to `maxBytes`: the command goes on at the new end, so the
 * file keeps the first `maxBytes` and the disk is not filled. True if it was longer.
 */
export function limitFile(path: string, maxBytes: number): boolean {
  try {
    if (Deno.statSync(path).size <= maxBytes) return false;
    Deno.truncateSync(path, maxBytes);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The last `maxBytes` of a file as text; empty if it doesn't exist. */
export function tailOf(path: string, maxBytes: number): string {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
  try {
    const { size } = file.statSync();
    file.seekSync(Math.max(0, size - maxBytes), Deno.SeekMode.Start);
    const bytes = new Uint8Array(maxBytes);
    const count = file.readSync(bytes) ?? 0;
    return new TextDecoder().decode(bytes.subarray(0, count));
  } finally {
    file.close();
  }
}

/** A file as text; empty if it doesn't exist. */
export function readTextIfThere(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** Removes a file; one that is gone already is no error. */
export function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
