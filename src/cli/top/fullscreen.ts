/**
 * The whole screen of a terminal, borrowed and given back as it was.
 */

const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
const LEAVE = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";
/** A terminal shows what comes between these at once, or ignores them. */
const [BEGIN_FRAME, END_FRAME] = ["\x1b[?2026h", "\x1b[?2026l"];

/** The size of a screen in cells. */
export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** Whether there is a terminal to read keys from and to draw on. */
export function hasScreen(): boolean {
  return Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
}

/** The screen of the terminal, from `enter` to `leave`. */
export class Fullscreen {
  #isEntered = false;
  #shown: readonly string[] = [];
  readonly #leaveAtEnd = () => this.leave();

  /** Takes the screen: what was on it stays as it is, out of sight. */
  enter(): void {
    this.#isEntered = true;
    this.#shown = [];
    globalThis.addEventListener("unload", this.#leaveAtEnd);
    Deno.stdin.setRaw(true);
    write(ENTER);
  }

  /** Gives the screen back. Never fails: the terminal may be gone. */
  leave(): void {
    if (!this.#isEntered) return;
    this.#isEntered = false;
    globalThis.removeEventListener("unload", this.#leaveAtEnd);
    for (const step of [() => write(LEAVE), () => Deno.stdin.setRaw(false)]) {
      try {
        step();
      } catch {
        // A terminal that has been closed needs no restoring.
      }
    }
  }

  /** The size; that of the smallest common terminal where it can't be told. */
  size(): ScreenSize {
    try {
      const { columns, rows } = Deno.consoleSize();
      if (columns > 0 && rows > 0) return { columns, rows };
    } catch {
      // The terminal doesn't say.
    }
    return { columns: 80, rows: 24 };
  }

  /** Draws `lines`, none wider than the screen; those that have not changed are left as they are. */
  draw(lines: readonly string[]): void {
    // Erased first: behind the last cell, the cursor stays on it and would erase it.
    const changed = lines.map((line, row) =>
      line === this.#shown[row] ? "" : `\x1b[${row + 1};1H\x1b[0m\x1b[K${line}`
    );
    const rest = lines.length < this.#shown.length ? `\x1b[${lines.length + 1};1H\x1b[J` : "";
    this.#shown = lines;
    const frame = changed.join("") + rest;
    if (frame !== "") write(`${BEGIN_FRAME}${frame}${END_FRAME}`);
  }

  /** Forgets what is on the screen, so that all of it is drawn anew. */
  forget(): void {
    this.#shown = [];
    if (this.#isEntered) write("\x1b[0m\x1b[2J");
  }
}

function write(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += Deno.stdout.writeSync(bytes.subarray(written));
}
