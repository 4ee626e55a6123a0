/**
 * What a command needs to be started, and what is known of it from then on.
 */

/** A command with all that it needs. */
export interface CommandSpec {
  /** A shell and its arguments. */
  readonly args: readonly string[];
  /** What the shell would execute in its own place, if that is all there is to the command; else empty. */
  readonly words: readonly string[];
  readonly cwd: string;
  /** Its variables on top of `inheritedVariables`. */
  readonly env: Readonly<Record<string, string>>;
  /** The files to which its output is appended. */
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that has been started. */
export interface RunningCommand {
  /** The process group, and the pid of its leader; another one if it had to be started again, in another way. */
  readonly pgid: number;
  /** How it ended. */
  readonly exited: Promise<CommandExit>;
  /** Nothing else will be started in its group. To be called before that is signalled. */
  sealGroup(): void;
  /**
   * Kills what it has left running outside its group; returns how many processes that were, or null if it can't be
   * known that none is left. Must be called, once, where it `hasLeftovers`.
   */
  killLeftovers(): Promise<number | null>;
}

/** How a command ended: one of the first two is null; both are if it didn't start or somebody else was told. */
export interface CommandExit {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** The size of the longer of its two files; null if that isn't known. */
  readonly outputBytes: number | null;
  /** Whether it has left processes running; null if that isn't known. */
  readonly hasLeftovers: boolean | null;
  /** Why it didn't start, if that couldn't be told at once. */
  readonly startError: StartError | null;
}

/** The command can't be started; the message is a phrase for people. */
export class StartError extends Error {
  override readonly name = "StartError";
  /** Whether the fault is the queue's own (a full disk, say), so that the job shall not pay for it. */
  readonly isOurFault: boolean;

  constructor(message: string, options: { isOurFault: boolean }) {
    super(message);
    this.isOurFault = options.isOurFault;
  }
}
