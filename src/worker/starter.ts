/**
 * Starting commands fast: a small process that stays and starts one command after the other.
 *
 * Starting a process from a large runtime is slow: it takes Deno four times as long as a shell. So a worker
 * keeps a starter for each command that runs at a time: a few lines of Perl, which the base system of most
 * distributions has. For the command nothing differs from a process that the worker starts itself: it is a
 * `/bin/sh` of its own, in a process group of its own, with exactly the variables that it was given, and
 * whether it exited or was ended by a signal is told apart.
 *
 * A starter carries the cookie of its worker, so that after the worker's death it is killed before it could
 * start anything more. Where there is no Perl, workers start commands themselves (`command.ts`).
 */

import { constants } from "node:os";
import { type CommandExit, type CommandSpec, type RunningCommand, StartError } from "./running_command.ts";
import { STARTER_VARIABLE, starterCookieOf } from "./process_probe.ts";

/**
 * Reads frames (a length in four bytes, then fields that end with a zero byte): first the variables that all
 * commands have in common, then a frame for each command: its directory, its two files, how many words it has and
 * those, how many arguments the shell gets and those, and its own variables. Where there are words, they are what
 * the shell would execute in its own place, so they are, with the variable that a shell adds; if that can't be, the
 * shell says why. Answers `started PID` or `failed WHAT: WHY`, and later `ended STATUS` as wait(2)
 * gives it, with the sizes of the two files. Signals that are meant for all processes of a service are none of its business.
 */
const PROGRAM = `
use strict;
binmode STDIN;
open(my $told, ">&", \\*STDOUT) or exit 1;
open(my $null, "<", "/dev/null") or exit 1;
$SIG{$_} = sub {} for qw(HUP INT QUIT TERM);
sub frame {
  read(STDIN, my $size, 4) == 4 or exit 0;
  my $length = unpack("N", $size);
  (read(STDIN, my $body, $length) // 0) == $length or exit 0;
  return split(/\\0/, $body, -1);
}
sub set_variables { for (@_) { my ($name, $value) = split(/=/, $_, 2); $ENV{$name} = $value } }
sub same_folder { my @a = stat($_[0]); my @b = stat($_[1]); return @a && "@a[0, 1]" eq "@b[0, 1]" }
sub tell_worker { syswrite($told, "$_[0]\\n") or exit 0 }
my $umask = umask();
my @common = frame();
pop @common;
%ENV = ();
set_variables(@common);
while (1) {
  my ($dir, $out, $err, @rest) = frame();
  pop @rest;
  my @words = splice(@rest, 0, shift @rest);
  my @args = splice(@rest, 0, shift @rest);
  chdir($dir) or tell_worker("failed directory: " . ($!{ENOENT} || $!{ENOTDIR} ? "missing" : $!)), next;
  my ($stdout, $stderr);
  umask(077);
  open($stdout, ">>", $out) && open($stderr, ">>", $err) or tell_worker("failed output: $!"), next;
  umask($umask);
  my $pid = fork();
  defined($pid) or tell_worker("failed start: $!"), next;
  if ($pid == 0) {
    setpgrp(0, 0);
    open(STDIN, "<&", $null);
    open(STDOUT, ">&", $stdout);
    open(STDERR, ">&", $stderr);
    set_variables(@rest);
    if (@words && !grep { /^\\d|\\W/ } keys(%ENV)) {
      my $pwd = $ENV{PWD};
      $ENV{PWD} = readlink("/proc/self/cwd") unless same_folder($pwd // "", ".");
      exec { $words[0] } @words;
      defined($pwd) ? ($ENV{PWD} = $pwd) : delete $ENV{PWD};
    }
    exec { $args[0] } @args;
    syswrite(STDERR, "queuectl: can't start $args[0]: $!\\n");
    exit 126;
  }
  setpgrp($pid, $pid);
  tell_worker("started $pid");
  1 until waitpid($pid, 0) == $pid;
  tell_worker("ended $? " . (-s $stdout) . " " . (-s $stderr));
  chdir("/");
}
`;

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
    // One that waited may have been killed meanwhile; a new one that ends at once is of no use here.
    for (let isNew = false; this.#isUsable && !isNew;) {
      isNew = this.#idle.length === 0;
      const starter = this.#idle.pop() ?? this.#open();
      const started = await starter.start(spec).catch((error) => {
        this.#idle.push(starter);
        throw error;
      });
      if (started !== null) {
        const exited = started.exited.then((exit) => {
          if (!starter.isDead) this.#idle.push(starter);
          return exit;
        });
        return { pgid: started.pgid, exited };
      }
      this.#all.delete(starter);
      if (isNew) this.#isUsable = false;
    }
    return null;
  }

  /** Ends all starters; to be called when their commands have ended. */
  async close(): Promise<void> {
    await Promise.all([...this.#all].map((starter) => starter.close()));
  }

  #open(): Starter {
    const starter = new Starter(this.#place);
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
      args: ["perl", "-e", PROGRAM, "queuectl-starter"],
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

  /** Starts a command; null if the starter has died. Throws `StartError`. */
  async start(spec: CommandSpec): Promise<RunningCommand | null> {
    const { words, args, cwd, env, stdout, stderr } = spec;
    const counted = [words, args].flatMap((list) => [String(list.length), ...list]);
    this.#send([cwd, stdout, stderr, ...counted, ...assignments(env)]);
    const answer = await this.#nextLine();
    if (answer === null) return null;
    const failure = /^failed (\w+): (.*)/.exec(answer);
    if (failure !== null) throw startError(failure[1]!, failure[2]!, cwd);
    return { pgid: Number(answer.replace("started ", "")), exited: this.#ended() };
  }

  /** Lets it end once its command has. */
  async close(): Promise<void> {
    await this.#requests.close().catch(() => {});
    await this.#child.status;
  }

  async #ended(): Promise<CommandExit> {
    const line = await this.#nextLine();
    if (line === null) return { exitCode: null, signal: null, outputBytes: null };
    const [status, stdoutBytes, stderrBytes] = line.split(" ").slice(1).map(Number) as [
      number,
      number,
      number,
    ];
    const signal = status & 127;
    return {
      exitCode: signal === 0 ? status >> 8 : null,
      signal: signal === 0 ? null : SIGNAL_NAMES.get(signal) ?? `signal ${signal}`,
      outputBytes: Math.max(stdoutBytes, stderrBytes),
    };
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
    let text = "";
    try {
      for await (const chunk of this.#child.stdout) {
        const lines = (text + decoder.decode(chunk, { stream: true })).split("\n");
        text = lines.pop()!;
        for (const line of lines) this.#deliver(line);
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

const DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin";
const SIGNAL_NAMES = new Map(
  Object.entries(constants.signals).map(([name, number]) => [number, name]).toReversed() as [
    number,
    string,
  ][],
);

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
