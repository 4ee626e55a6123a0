/**
 * A job's own exit status, as a shell would give it.
 */

import type { Attempt } from "./attempt.ts";
import type { FinalJob } from "./job.ts";

/** Numbers of signals on Linux, where they are the same on all machines that Deno runs on. */
const SIGNALS = [
  ...[
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
  ],
  ...["SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP"],
  ...["SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH"],
  ...["SIGIO", "SIGPWR", "SIGSYS"],
];

/** The exit status for what took too long, as that of `timeout` from coreutils. */
export const TIMED_OUT = 124;

/** What a shell gives for a command that a signal ended: 128 and the signal's number. */
export function statusOfSignal(signal: string): number {
  const index = SIGNALS.indexOf(signal === "SIGPOLL" ? "SIGIO" : signal);
  return index === -1 ? 1 : 128 + index + 1;
}

/**
 * The exit status of a final job, whose last attempt was `last` (undefined: it never had one). 0 if it completed,
 * and only then; 124 if it is dead because that attempt took too long, however its command then ended; else what its
 * command exited with, or 128 and the number of the signal that ended it; 1 where there is neither.
 */
export function exitStatusOf(job: FinalJob, last: Attempt | undefined): number {
  if (job.state === "completed") return 0;
  if (last === undefined || last.outcome === null) return 1;
  if (job.state === "dead" && last.outcome === "timed_out") return TIMED_OUT;
  if (last.signal !== null) return statusOfSignal(last.signal);
  return last.exitCode || 1; // one that was ended may have exited with 0
}
