/**
 * Starting commands fast: a small process that stays and starts one command after the other.
 *
 * Starting a process from a large runtime is slow: it takes Deno four times as long as a shell. So a worker
 * keeps a starter for each command that runs at a time (`starter_program.ts`). For the command nothing differs from a
 * process that the worker starts itself: it is a `/bin/sh` of its own, in a process group of its own, with exactly
 * the variables that it was given, and whether it exited or was ended by a signal is told apart. What it leaves
 * running is known, and can't hide.
 *
 * A starter carries the cookie of its worker, so that after the worker's death it is killed before it could
 * start anything more. Where there is no Perl, workers start commands themselves (`command.ts`).
 */

import { constants } from "node:os";
import { type CommandExit, type CommandSpec, type RunningCommand, StartError } from "./running_command.ts";
import { COOKIE_VARIABLE, STARTER_VARIABLE, starterCookieOf } from "./process_probe.ts";
import { STARTER_PROGRAM } from "./starter_program.ts";

/** Whose commands are started, and the variables that all of them get. */
export interface StartersPlace {
  readonly storeUid: string;
  readonly workerId: number;
  readonly variables: Readonly<Record<string, string>>;
}

/** The starters of one worker: as many as it has commands at a time. */
export class Starters {
  readonly #place: StartersPlace;
  readonly #idle: Starter[] = [];
  readonly #all = new Set<Starter>();
  #isUsable = true;

  constructor(place: StartersPlace) {
    this.#place = place;
  }

  /**
   * Starts a command. Null if this system has no Perl: then nothing was started. Throws `StartError` if its
   * directory or its files can't be used.
   */
  async start(spec: CommandSpec): Promise<RunningCommand | null> {
    while (this.#isUsable) {
      const starter = this.#idle.pop() ?? await this.#open();
      if (starter === null) break;
      if (starter.isDead) { // killed while it waited
        this.#all.delete(starter);
        continue;
      }
      const started = await starter.start(spec).catch((error) => {
        this.#idle.push(starter);
        throw error;
      });
      return this.#untilItIsClean(started, starter);
    }
    return null;
  }

  /** A starter takes the next command when nothing of the last one is left. */
  #untilItIsClean(command: RunningCommand, starter: Starter): RunningCommand {
    const release = () => {
      if (!starter.isDead) this.#idle.push(starter);
    };
    const exited = command.exited.then((exit) => {
      if (exit.hasLeftovers !== true) release();
      return exit;
    });
    const killLeftovers = () => command.killLeftovers().finally(release);
    return { pgid: command.pgid, exited, killLeftovers };
  }

  /** Ends all starters; to be called when their commands have ended. */
  async close(): Promise<void> {
    await Promise.all([...this.#all].map((starter) => starter.close()));
  }

  async #open(): Promise<Starter | null> {
    const starter = new Starter(this.#place);
    if (!await starter.isReady()) {
      this.#isUsable = false;
      return null;
    }
    this.#all.add(starter);
    return starter;
  }
}

/** One such process. It has at most one command at a time. */
class Starter {
  readonly #child: Deno.ChildProcess;
  readonly #requests: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #unread: string[] = [];
  /** What waits for the next line of the answers. */
  #waiting: ((line: string | null) => void) | null = null;
  #isDead = false;

  constructor({ storeUid, workerId, variables }: StartersPlace) {
    // A session of its own keeps the terminal's signals away from it and its commands.
    this.#child = new Deno.Command("setsid", {
      args: ["perl", "-e", STARTER_PROGRAM, String(PRCTL[Deno.build.arch] ?? 0), COOKIE_VARIABLE],
      cwd: "/",
      env: {
        PATH: variables.PATH ?? DEFAULT_PATH,
        LC_ALL: "C",
        [STARTER_VARIABLE]: starterCookieOf(storeUid, workerId),
      },
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#requests = this.#child.stdin.getWriter();
    this.#send(assignments(variables));
    this.#readLines();
  }

  /** Whether it will never answer again. */
  get isDead(): boolean {
    return this.#isDead;
  }

  /** Whether it has come up; to be asked once, before anything else. */
  async isReady(): Promise<boolean> {
    return await this.#nextLine() === "ready";
  }

  /** Starts a command, or at least tries: nobody knows if the starter dies over it. Throws `StartError`. */
  async start(spec: CommandSpec): Promise<RunningCommand> {
    const { words, args, cwd, env, stdout, stderr } = spec;
    const counted = [words, args].flatMap((list) => [String(list.length), ...list]);
    this.#send(["run", cwd, stdout, stderr, ...counted, ...assignments(env)]);
    const answer = await this.#nextLine();
    const failure = /^failed (\w+): (.*)/.exec(answer ?? "");
    if (failure !== null) throw startError(failure[1]!, failure[2]!, cwd);
    const pid = /^\w+ (\d+)/.exec(answer ?? "");
    const hasEnded = !answer?.startsWith("started");
    return {
      pgid: pid === null ? null : Number(pid[1]),
      exited: (hasEnded ? Promise.resolve(answer) : this.#nextLine()).then(parseExit),
      killLeftovers: () => this.#sweep(),
    };
  }

  /** Lets it end once its command has. */
  async close(): Promise<void> {
    await this.#requests.close().catch(() => {});
    await this.#child.status;
  }

  async #sweep(): Promise<number | null> {
    this.#send(["sweep"]);
    const swept = /^swept (\d+)$/.exec(await this.#nextLine() ?? "");
    return swept === null ? null : Number(swept[1]);
  }

  #send(values: readonly string[]): void {
    const body = new TextEncoder().encode(values.map((value) => `${value}\0`).join(""));
    const frame = new Uint8Array(4 + body.length);
    new DataView(frame.buffer).setUint32(0, body.length);
    frame.set(body, 4);
    // That a starter has died is noticed by its missing answer.
    this.#requests.write(frame).catch(() => {});
  }

  /** The next line of the answers; null if there will be none. */
  #nextLine(): Promise<string | null> {
    if (this.#unread.length > 0) return Promise.resolve(this.#unread.shift()!);
    if (this.#isDead) return Promise.resolve(null);
    return new Promise((resolve) => this.#waiting = resolve);
  }

  async #readLines(): Promise<void> {
    const decoder = new TextDecoder();
    // Without a buffer of one's own, a new large one is made for every answer.
    const reader = this.#child.stdout.getReader({ mode: "byob" });
    let buffer = new Uint8Array(MAX_ANSWER_BYTES);
    let text = "";
    try {
      for (let read = await reader.read(buffer); !read.done; read = await reader.read(buffer)) {
        const lines = (text + decoder.decode(read.value, { stream: true })).split("\n");
        text = lines.pop()!;
        for (const line of lines) this.#deliver(line);
        buffer = new Uint8Array(read.value.buffer);
      }
    } catch {
      // The pipe broke: the same as its end.
    }
    this.#isDead = true;
    this.#waiting?.(null);
  }

  #deliver(line: string): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting !== null) waiting(line);
    else this.#unread.push(line);
  }
}

/** The numbers of prctl(2): they are the kernel's, for each architecture. */
const PRCTL: Readonly<Record<string, number>> = { x86_64: 157, aarch64: 167 };
const MAX_ANSWER_BYTES = 4096;
const DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin";
const SIGNAL_NAMES = new Map(
  Object.entries(constants.signals).map(([name, number]) => [number, name]).toReversed() as [
    number,
    string,
  ][],
);

/** Reads `ended PID STATUS OUT ERR LEFT`; null is no answer. */
function parseExit(line: string | null): CommandExit {
  if (line === null) return { exitCode: null, signal: null, outputBytes: null, hasLeftovers: null };
  const fields = line.split(" ");
  const [status, stdoutBytes, stderrBytes] = fields.slice(2, 5).map(Number) as [number, number, number];
  const signal = status & 127;
  return {
    exitCode: signal === 0 ? status >> 8 : null,
    signal: signal === 0 ? null : SIGNAL_NAMES.get(signal) ?? `signal ${signal}`,
    outputBytes: Math.max(stdoutBytes, stderrBytes),
    hasLeftovers: fields[5] === "?" ? null : fields[5] === "1",
  };
}

function assignments(variables: Readonly<Record<string, string>>): string[] {
  return Object.entries(variables).map(([name, value]) => `${name}=${value}`);
}

function startError(what: string, why: string, cwd: string): StartError {
  if (what !== "directory") {
    const doing = what === "output" ? "create the files for its output" : "start it";
    return new StartError(`can't ${doing}: ${why}`, { isOurFault: true });
  }
  const message = why === "missing"
    ? `no such directory: ${cwd}`
    : `can't enter the directory ${cwd}: ${why}`;
  return new StartError(message, { isOurFault: false });
}
