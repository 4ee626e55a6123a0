/**
 * What a request carries: JSON, within bounds of size and time.
 */

import { badInput } from "../core/errors.ts";
import { Refusal } from "./refusal.ts";

/** The longest body of a request, in bytes, but for those that enqueue. */
export const MAX_BODY_BYTES = 1024 * 1024;
/** The longest body of a request that enqueues: room for the longest command. */
export const MAX_JOBS_BYTES = 20 * 1024 * 1024;
/** What all bodies that are being read may take together. */
const MAX_BODIES_BYTES = 64 * 1024 * 1024;
/** How long a body may take to arrive. */
const BODY_TIMEOUT_MS = 30_000;

let heldBytes = 0;

/** The body as text. Throws a `Refusal` if it is too long or too slow, and `bad_input` if it is not UTF-8. */
export async function readText(request: Request, maxBytes: number): Promise<string> {
  const tooLarge = () =>
    new Refusal("too_large", `A request may carry at most ${maxBytes} bytes`, {
      hint: "queuectl enqueue --file FILE, for very many jobs",
      headers: { connection: "close" },
    });
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge();
  if (request.body === null) return "";
  const reader = request.body.getReader();
  const timer = setTimeout(() => reader.cancel("too slow").catch(() => {}), BODY_TIMEOUT_MS);
  const startedAt = performance.now();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      size += read.value.length;
      heldBytes += read.value.length;
      chunks.push(read.value);
      if (size > maxBytes) throw tooLarge();
      if (heldBytes > MAX_BODIES_BYTES) {
        throw new Refusal("too_many", "Too many long requests at once", { hint: "again a little later" });
      }
    }
    if (performance.now() - startedAt >= BODY_TIMEOUT_MS) {
      throw new Refusal("too_slow", "The request took too long");
    }
    return decode(chunks);
  } catch (error) {
    reader.cancel().catch(() => {}); // its sender has gone already
    throw error;
  } finally {
    clearTimeout(timer);
    heldBytes -= size;
  }
}

/** The body as the value that its JSON means. Throws as `readText` does, and `bad_input` if it is not JSON. */
export async function readJson(request: Request): Promise<unknown> {
  const text = await readText(request, MAX_BODY_BYTES);
  try {
    return JSON.parse(text);
  } catch {
    throw badInput("The body of the request is not JSON", "{} if there is nothing to say");
  }
}

function decode(chunks: Uint8Array[]): string {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    return chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("") + decoder.decode();
  } catch {
    throw badInput("Cannot read the body of the request: it is not UTF-8");
  }
}
