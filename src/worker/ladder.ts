/**
 * Ending the commands of attempts, whatever they try: TERM, a time of grace, KILL.
 */

import {
  type CookieCarrier,
  findCookies,
  groupIsAlive,
  processExists,
  signalGroup,
  signalProcess,
} from "./process_probe.ts";

/** What belongs to one attempt. */
export interface AttemptProcesses {
  readonly storeUid: string;
  readonly attemptId: number;
  /** The process group in which the command was started. */
  readonly pgid: number;
  /** Settles when the leader of the group has ended. */
  readonly exited: Promise<unknown>;
}

/** How often to look whether the processes have gone. */
const LOOK_INTERVAL_MS = 50;
/** A bound on the rounds of KILL: processes that fork faster than we kill need several. */
const MAX_KILL_ROUNDS = 200;

/**
 * Ends all processes of an attempt: its group, and those that left it but still carry its cookie. Asks them
 * with TERM first, and kills what is left after `graceMs`. Returns when none is alive.
 */
export async function endProcesses(attempt: AttemptProcesses, graceMs: number): Promise<void> {
  const deadline = performance.now() + graceMs;
  const group = new Group(attempt);
  const isAlive = async () => await group.isAlive() || await hasStrays(attempt);
  let hasExited = false;
  attempt.exited.then(() => hasExited = true);
  await signalAll(attempt, group, "SIGTERM");
  while (performance.now() < deadline) {
    if (!await isAlive()) return;
    // At the leader's end we look at once: an empty group's number may soon be somebody else's.
    const untilExit = hasExited ? [] : [attempt.exited];
    await Promise.race([pause(Math.min(LOOK_INTERVAL_MS, deadline - performance.now())), ...untilExit]);
  }
  for (let round = 0; round < MAX_KILL_ROUNDS && await isAlive(); round++) {
    await signalAll(attempt, group, "SIGKILL");
    await pause(LOOK_INTERVAL_MS / 5);
  }
}

/**
 * The process group in which a command was started. The kernel doesn't give its number to a new process while
 * it has a member; so if there is a process of that number after the leader has ended, the group is a stranger's
 * and ours is gone.
 */
class Group {
  readonly #pgid: number;
  #leaderHasEnded = false;
  #isGone = false;

  constructor({ pgid, exited }: AttemptProcesses) {
    this.#pgid = pgid;
    exited.then(() => this.#leaderHasEnded = true);
  }

  async isAlive(): Promise<boolean> {
    this.#isGone ||= this.#isTaken() || !await groupIsAlive(this.#pgid) || this.#isTaken();
    return !this.#isGone;
  }

  signal(signal: Deno.Signal): void {
    this.#isGone ||= this.#isTaken() || !signalGroup(this.#pgid, signal);
  }

  #isTaken(): boolean {
    return this.#leaderHasEnded && processExists(this.#pgid);
  }
}

/** A process that keeps forking and ending slips through one look; it hardly slips through so many in a row. */
export const CERTAIN_LOOKS = 4;

/**
 * Kills at once what carries a cookie and `isWanted`, and the groups that such processes lead,
 * until `looks` looks in a row have found nothing. Returns how many processes it found.
 */
export async function killStrays(
  storeUid: string,
  isWanted: (carrier: CookieCarrier) => boolean,
  looks: number,
): Promise<number> {
  const found = new Set<number>();
  for (let round = 0, emptyLooks = 0; round < MAX_KILL_ROUNDS && emptyLooks < looks; round++) {
    const pids = await carriers(storeUid, isWanted);
    emptyLooks = pids.length === 0 ? emptyLooks + 1 : 0;
    for (const pid of pids) {
      found.add(pid);
      signalGroup(pid, "SIGKILL");
      signalProcess(pid, "SIGKILL");
    }
    await pause(LOOK_INTERVAL_MS / 5);
  }
  return found.size;
}

/** Signals everything that belongs to an attempt. */
async function signalAll(
  attempt: AttemptProcesses,
  group: Group,
  signal: "SIGTERM" | "SIGKILL",
): Promise<void> {
  group.signal(signal);
  // A stopped process receives TERM only once it goes on.
  if (signal === "SIGTERM") group.signal("SIGCONT");
  for (const pid of await strays(attempt)) {
    if (!signalGroup(pid, signal)) signalProcess(pid, signal);
  }
}

async function hasStrays(attempt: AttemptProcesses): Promise<boolean> {
  for (let look = 0; look < CERTAIN_LOOKS; look++) {
    if ((await strays(attempt)).length > 0) return true;
  }
  return false;
}

/** The living processes with the cookie of an attempt. */
function strays({ storeUid, attemptId }: AttemptProcesses): Promise<number[]> {
  return carriers(storeUid, (carrier) => carrier.attemptId === attemptId);
}

async function carriers(storeUid: string, isWanted: (carrier: CookieCarrier) => boolean): Promise<number[]> {
  return (await findCookies(storeUid)).filter(isWanted).map(({ pid }) => pid);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
