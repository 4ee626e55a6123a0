/**
 * A file to which somebody appends. It is only open while it is read, so that hundreds can be followed.
 */

const CHUNK_BYTES = 65_536;
const NEWLINE = 10;

/** A file that grows, or may come into being later, and how far it has been read. */
export class GrowingFile {
  readonly path: string;
  #offset = 0;

  constructor(path: string) {
    this.path = path;
  }

  /** How far it has been read, in bytes. */
  get offset(): number {
    return this.#offset;
  }

  /** Hands what has come since the last time to `take`, in pieces; at most about `maxBytes`. True if any came. */
  readNew(take: (bytes: Uint8Array) => void, maxBytes = Infinity): boolean {
    if (sizeOf(this.path) <= this.#offset) return false;
    const startedAt = this.#offset;
    this.#withFile((file) => {
      file.seekSync(this.#offset, Deno.SeekMode.Start);
      const chunk = new Uint8Array(CHUNK_BYTES);
      while (this.#offset - startedAt < maxBytes) {
        const count = file.readSync(chunk);
        if (count === null) break;
        this.#offset += count;
        take(chunk.subarray(0, count));
      }
    });
    return this.#offset > startedAt;
  }

  /** Whether all of it, as it is now, has been read. */
  isAtEnd(): boolean {
    return sizeOf(this.path) <= this.#offset;
  }

  /** Skips all but the last `lines` lines of what there is; an unfinished one counts. */
  skipToTail(lines: number): void {
    this.#withFile((file) => {
      const { size } = file.statSync();
      this.#offset = lines === 0 ? size : tailOffset(file, size, lines);
    });
  }

  #withFile(work: (file: Deno.FsFile) => void): void {
    let file: Deno.FsFile;
    try {
      file = Deno.openSync(this.path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw error;
    }
    try {
      work(file);
    } finally {
      file.close();
    }
  }
}

/** The size of a file in bytes; 0 if it doesn't exist. */
export function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

/** A file as text, or the last `tail` lines of it (null: all); empty if it doesn't exist. */
export function textOf(path: string, tail: number | null): string {
  const file = new GrowingFile(path);
  if (tail !== null) file.skipToTail(tail);
  const decoder = new TextDecoder();
  let text = "";
  file.readNew((bytes) => text += decoder.decode(bytes, { stream: true }));
  return text + decoder.decode();
}

/** When a file was changed last, in ms since the epoch; null if it doesn't exist or nobody knows. */
export function modifiedAt(path: string): number | null {
  try {
    return Deno.statSync(path).mtime?.getTime() ?? null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Where the last `lines` lines begin: looks from the end backwards, so that a huge file costs no more. */
function tailOffset(file: Deno.FsFile, size: number, lines: number): number {
  let missing = lines;
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - CHUNK_BYTES);
    const bytes = new Uint8Array(end - start);
    file.seekSync(start, Deno.SeekMode.Start);
    for (let read = 0; read < bytes.length;) {
      const count = file.readSync(bytes.subarray(read));
      if (count === null) break;
      read += count;
    }
    for (let index = bytes.length - 1; index >= 0; index--) {
      // The newline at the very end ends the last line and begins no other.
      if (bytes[index] === NEWLINE && start + index !== size - 1 && --missing === 0) return start + index + 1;
    }
    end = start;
  }
  return 0;
}
