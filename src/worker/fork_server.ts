/**
 * A shell that runs one command after the other, each in a subshell: a fork costs half of what the start of a shell
 * costs. Known as a fork server, after the one of the American Fuzzy Lop.
 *
 * It reads its commands from a pipe and answers through another one, to which it also writes what it has to complain
 * about. Each is a line of `subshellLine`.
 */

import { noteAwaited } from "./awaited_children.ts";
import type { Libc } from "./libc.ts";
import type { QuickEnds } from "./quick_ends.ts";

/** How a command ended, as wait(2) tells it, null if that can't be known; or that it wasn't run. */
export type Answer = number | null | "refused";

const SHELL = "/bin/sh";
/**
 * What a command sends to its own group must not end the shell; its subshells have no traps. The files for the output
 * are created for nobody else.
 */
const SET_UP = "trap : HUP INT QUIT TERM USR1 USR2 ALRM PIPE;umask 077\n";
/** How it ends if it can't read a line as a command: then nothing of the line was run. */
const SYNTAX_ERROR = 2 << 8;
/** An answer: perhaps a complaint, and then the exit code. */
const ANSWER = /^((?:[^\n]*\n)*?)(\d+)\n$/;

/** The shells of which it is known that nothing differs in such a subshell. */
export function canServe(): boolean {
  try {
    return Deno.realPathSync(SHELL).endsWith("/dash");
  } catch {
    return false;
  }
}

/** One such shell, in a session and a process group of its own. */
export class ForkServer {
  readonly pid: number;
  /** Settles with how it ended itself, once it is closed. */
  readonly gone: Promise<number | null>;
  readonly #libc: Libc;
  readonly #quickEnds: QuickEnds;
  readonly #files: { readonly lines: number; readonly answers: number };
  readonly #setGone: (status: Promise<number | null>) => void;
  #isClosed = false;
  /** The answer to the last line; its end is never waited for in vain. */
  #lastAnswer: Promise<Answer> | null = null;

  private constructor(libc: Libc, quickEnds: QuickEnds, of: { pid: number; lines: number; answers: number }) {
    this.#libc = libc;
    this.#quickEnds = quickEnds;
    this.#files = of;
    this.pid = of.pid;
    const { promise, resolve } = Promise.withResolvers<number | null>();
    this.gone = promise;
    this.#setGone = resolve;
    noteAwaited(this.pid, this.gone);
  }

  /** Starts one with variables, `NAME=value` each; null if the system has no room for it. */
  static start(libc: Libc, quickEnds: QuickEnds, variables: readonly string[]): ForkServer | null {
    const [lines, answers] = [libc.openPipe(), libc.openPipe()];
    const files = { stdin: lines?.reader ?? 0, stdout: answers?.writer ?? 0, stderr: answers?.writer ?? 0 };
    const pid = lines === null || answers === null
      ? -1
      : libc.spawn({ args: [SHELL], variables, cwd: "/", ...files });
    const isRunning = pid > 0 && libc.writeText(lines!.writer, SET_UP);
    for (const pipe of [lines, answers]) {
      if (pipe === null) continue;
      libc.closeFile(pipe === lines ? pipe.reader : pipe.writer);
      if (!isRunning) libc.closeFile(pipe === lines ? pipe.writer : pipe.reader);
    }
    if (!isRunning) return null;
    return new ForkServer(libc, quickEnds, { pid, lines: lines!.writer, answers: answers!.reader });
  }

  /** Whether it takes no more lines. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Runs a line; only one at a time. Null if the shell is no more. */
  run(line: string): Promise<Answer> | null {
    if (this.#isClosed || !this.#libc.writeText(this.#files.lines, line)) {
      this.close();
      return null;
    }
    return this.#lastAnswer = this.#answer();
  }

  /** Lets it end, as soon as the command that it runs has ended. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#libc.closeFile(this.#files.lines);
    this.#setGone(this.#libc.waitForEnd(this.pid));
    // Its last answer may still be there to be read.
    this.gone.then(() => this.#lastAnswer).then(() => this.#libc.closeFile(this.#files.answers));
  }

  async #answer(): Promise<Answer> {
    const { answers } = this.#files;
    for (let text = "";;) {
      const isThere = await this.#quickEnds.wait(answers);
      const part = isThere ? this.#libc.readNow(answers) : await this.#libc.readText(answers);
      if (part === "") {
        // It has ended in the middle of its work: it was killed, or it couldn't read the line.
        this.close();
        const status = await this.gone;
        return status === SYNTAX_ERROR ? "refused" : status;
      }
      text += part;
      const answer = ANSWER.exec(text);
      if (answer === null) continue;
      const [complaint, code] = [answer[1]!, Number(answer[2])];
      if (complaint.startsWith(`${SHELL}: `)) return "refused";
      // A shell gives the number of a signal as if it were an exit code, but names it.
      return complaint !== "" && code > 128 ? code - 128 : code << 8;
    }
  }
}
