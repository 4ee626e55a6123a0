/**
 * Cuts a stream of bytes where lines end, so that no line is torn by another one.
 */

const NEWLINE = 10;
/** A line that is longer goes on as if it had ended: nobody can keep all of it waiting. */
const MAX_HELD_BYTES = 1_048_576;

/** Keeps back the beginning of a line until its end has come. */
export class LineCutter {
  #held: Uint8Array[] = [];
  #heldBytes = 0;

  /** Whether the beginning of a line is kept back. */
  get isHolding(): boolean {
    return this.#heldBytes > 0;
  }

  /** Takes what came; returns all whole lines there are by now, with their newlines, or null if there is none. */
  push(bytes: Uint8Array): Uint8Array | null {
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    const rest = bytes.subarray(end);
    const whole = end === 0 ? null : joined([...this.#held, bytes.subarray(0, end)]);
    if (end > 0) [this.#held, this.#heldBytes] = [[], 0];
    if (rest.length > 0) {
      this.#held.push(rest.slice()); // the caller reads into the same bytes again
      this.#heldBytes += rest.length;
    }
    if (whole !== null || this.#heldBytes <= MAX_HELD_BYTES) return whole;
    return this.takeHeld();
  }

  /** What was kept back, which is not kept any more; null if nothing was. */
  takeHeld(): Uint8Array | null {
    if (this.#heldBytes === 0) return null;
    const held = joined(this.#held);
    [this.#held, this.#heldBytes] = [[], 0];
    return held;
  }
}

/** All pieces behind one another. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
