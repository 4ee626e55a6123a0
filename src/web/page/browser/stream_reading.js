/**
 * Reading one output stream of an attempt from the server, to its end.
 */

import { ApiError, read } from "./api.js";
import { jobPath } from "./route.js";

/** @import { OutputPiece } from "./shapes.d.ts" */

/** Of a long output the end is read; a link leads to all of it. */
const TAIL_BYTES = 262_144;
const PIECE_BYTES = 131_072;
/** How long to wait for news of growth before looking without any. */
const LOOK_EVERY_MS = 2000;

/**
 * @typedef {object} Place
 * @property {string} job
 * @property {number} attemptId
 * @property {"stdout" | "stderr"} stream
 */

/** Reads what is there, then what is added, until the attempt has ended and all is read. */
export class StreamReading {
  #place;
  #onPiece;
  #abort = new AbortController();
  #wake = () => {};
  #isWoken = false;

  /**
   * @param {Place} place
   * @param {(piece: OutputPiece) => void} onPiece each follows on the one before
   */
  constructor(place, onPiece) {
    this.#place = place;
    this.#onPiece = onPiece;
  }

  /** Reads until all is read or `end` is called. */
  async begin() {
    /** @type {number | null} */
    let offset = null;
    while (!this.#abort.signal.aborted) {
      const piece = await this.#ask(offset);
      if (piece === "gone") return;
      if (piece !== null && !this.#abort.signal.aborted) {
        this.#onPiece(piece);
        if (piece.is_complete) return;
        offset = piece.next_offset;
        if (offset < piece.size) continue;
      }
      await this.#pause();
    }
  }

  /** There may be more to read. */
  wake() {
    this.#isWoken = true;
    this.#wake();
  }

  /** Stops reading. */
  end() {
    this.#abort.abort();
    this.#wake();
  }

  /**
   * @param {number | null} offset null: the end of what is there
   * @returns {Promise<OutputPiece | "gone" | null>} null: not now
   */
  async #ask(offset) {
    const { job, attemptId, stream } = this.#place;
    const where = offset === null ? { tail: TAIL_BYTES, limit: TAIL_BYTES } : { offset, limit: PIECE_BYTES };
    const path = jobPath("/api/jobs", job, {
      below: "/output",
      query: { stream, attempt_id: attemptId, ...where },
    });
    try {
      return await read(path, this.#abort.signal);
    } catch (error) {
      if (this.#abort.signal.aborted) return null;
      if (!(error instanceof ApiError)) throw error;
      return error.code === "not_found" ? "gone" : null;
    }
  }

  async #pause() {
    if (this.#isWoken || this.#abort.signal.aborted) {
      this.#isWoken = false;
      return;
    }
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, LOOK_EVERY_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(undefined);
      };
    });
    this.#isWoken = false;
  }
}
