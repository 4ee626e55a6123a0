/**
 * The API of output: what attempts printed, a piece at a time, so that a live view reads only what is new.
 */

import { type Context, Hono } from "hono";
import type { Attempt } from "../core/attempt.ts";
import { notFound } from "../core/errors.ts";
import type { Job } from "../core/job.ts";
import { callFor } from "../core/shell_words.ts";
import { outputPaths } from "../home/output_files.ts";
import { sizeOf } from "./output_watch.ts";
import { Query } from "./request_query.ts";
import { jobOf, type Site } from "./site.ts";
import type { JsonObject } from "./views.ts";

const STREAMS = ["stdout", "stderr"] as const;
const DEFAULT_PIECE_BYTES = 65_536;
const MAX_PIECE_BYTES = 262_144;
/** No character has more bytes; a piece has at least as many, or it could end before its first character does. */
const MAX_CHARACTER_BYTES = 4;

/** The routes of a job's output. */
export function outputRoutes(site: Site): Hono {
  const routes = new Hono();
  routes.get("/jobs/:id/output", async (context) => context.json(await piece(site, context)));
  routes.get("/jobs/:id/output/raw", (context) => whole(site, context));
  return routes;
}

async function piece(site: Site, context: Context): Promise<JsonObject> {
  const query = new Query(new URL(context.req.url).searchParams, [
    ...["id", "stream", "attempt_id", "offset", "tail", "limit"],
  ]);
  const stream = query.choice("stream", STREAMS);
  const limit = query.number("limit", {
    min: MAX_CHARACTER_BYTES,
    max: MAX_PIECE_BYTES,
    absent: DEFAULT_PIECE_BYTES,
  });
  const tail = query.number("tail", { min: 1, max: MAX_PIECE_BYTES, absent: null });
  const asked = query.number("offset", { min: 0, max: Number.MAX_SAFE_INTEGER, absent: 0 });
  const { job, attempt } = await attemptOf(site, context, query);
  if (attempt === null) {
    return {
      ...{ attempt_id: null, attempt: null, stream, offset: 0, next_offset: 0, size: 0, text: "" },
      is_complete: false,
    };
  }
  const path = pathOf(site, { job, attempt, stream });
  // The end of the attempt was read before the size: if it had ended, the file is whole.
  const size = sizeOf(path);
  const offset = tail === null ? Math.min(asked, size) : Math.max(0, size - tail);
  const isLast = (end: number) => attempt.outcome !== null && end >= size;
  const read = decodePiece(readBytes(path, offset, Math.min(limit, size - offset)), {
    isStart: tail === null,
    isEnd: isLast(Math.min(offset + limit, size)),
  });
  const next = offset + read.skipped + read.used;
  return {
    ...{ attempt_id: attempt.id, attempt: attempt.number, stream },
    ...{ offset: offset + read.skipped, next_offset: next, size, text: read.text },
    is_complete: isLast(next),
  };
}

/** The whole file as it is, for keeping. */
async function whole(site: Site, context: Context): Promise<Response> {
  const query = new Query(new URL(context.req.url).searchParams, ["id", "stream", "attempt_id"]);
  const stream = query.choice("stream", STREAMS);
  const { job, attempt } = await attemptOf(site, context, query);
  if (attempt === null) {
    throw notFound(`Job ${job.id} has printed nothing yet`, callFor("logs", job.id));
  }
  const headers = {
    "content-type": "text/plain; charset=utf-8",
    "content-disposition": `attachment; filename="job-${job.seq}-attempt-${attempt.id}.${stream}.txt"`,
  };
  try {
    const file = await Deno.open(pathOf(site, { job, attempt, stream }));
    return new Response(file.readable, { headers });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return new Response("", { headers });
  }
}

/** The attempt that is asked for by its id, or the last one; null if there was none. */
async function attemptOf(
  site: Site,
  context: Context,
  query: Query,
): Promise<{ job: Job; attempt: Attempt | null }> {
  const id = query.number("attempt_id", { min: 1, max: Number.MAX_SAFE_INTEGER, absent: null });
  const job = await jobOf(site, context);
  if (id === null) {
    const [last] = await site.store.reports.newestAttempts(job.seq, 1);
    return { job, attempt: last ?? null };
  }
  const attempt = await attemptWith(site, job, id);
  return { job, attempt };
}

/** The attempt of a job with this id. Throws `not_found`. */
export async function attemptWith(site: Site, job: Job, id: number): Promise<Attempt> {
  const [attempt] = await site.store.reports.attemptsBefore(id + 1, 1);
  if (attempt?.id === id && attempt.jobSeq === job.seq) return attempt;
  throw notFound(`Job ${job.id} has no attempt with the id ${id}`, callFor("history", job.id));
}

function pathOf(
  site: Site,
  { job, attempt, stream }: { job: Job; attempt: Attempt; stream: "stdout" | "stderr" },
): string {
  return outputPaths({ home: site.home, storeUid: site.store.uid }, job.seq, attempt.id)[stream];
}

function readBytes(path: string, offset: number, count: number): Uint8Array {
  if (count <= 0) return new Uint8Array();
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Uint8Array();
    throw error;
  }
  try {
    file.seekSync(offset, Deno.SeekMode.Start);
    const bytes = new Uint8Array(count);
    let filled = 0;
    for (let read = 1; read > 0 && filled < count; filled += read) {
      read = file.readSync(bytes.subarray(filled)) ?? 0;
    }
    return bytes.subarray(0, filled);
  } finally {
    file.close();
  }
}

/**
 * The text of a piece of a file. A character that begins before the piece is skipped unless the piece is known to
 * begin with one; a character that doesn't end in it is left for the next piece, unless nothing more can come.
 */
export function decodePiece(
  bytes: Uint8Array,
  { isStart, isEnd }: { isStart: boolean; isEnd: boolean },
): { text: string; skipped: number; used: number } {
  let skipped = 0;
  const isInside = (byte: number | undefined) => byte !== undefined && (byte & 0xc0) === 0x80;
  while (!isStart && skipped < MAX_CHARACTER_BYTES - 1 && isInside(bytes[skipped])) skipped++;
  const rest = bytes.subarray(skipped);
  const used = isEnd ? rest.length : rest.length - openBytes(rest);
  return {
    text: new TextDecoder("utf-8", { ignoreBOM: true }).decode(rest.subarray(0, used)),
    skipped,
    used,
  };
}

/** How many bytes at the end belong to a character that isn't complete yet. */
function openBytes(bytes: Uint8Array): number {
  for (let back = 1; back < MAX_CHARACTER_BYTES && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}
