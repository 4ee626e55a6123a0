/**
 * Watching the other workers of the store.
 *
 * - **Death** is proved, not guessed. A worker waits for the locks of some others: the kernel grants one the
 *   moment its holder ends. The holder's identity (pid, start time, boot) is then checked as well, so that a
 *   lost lock file never passes for a death. Now and then all identities are checked, which finds what
 *   no lock told.
 * - **Silence** is a heartbeat that has not changed for `lock_lease_seconds` by *this* worker's monotonic
 *   clock, while this worker itself could write without trouble; so neither a clock that is set nor a locked
 *   store nor a sleeping machine makes anyone look dead. A silent worker is killed, which proves its death.
 */

import type { Store } from "../core/store.ts";
import type { WorkerRecord } from "../core/worker_record.ts";
import { waitForLock } from "./lock_file.ts";
import { signalProcess, stoppedHolders } from "./process_probe.ts";
import { recover, type RecoveryPlace, workersThatAre } from "./recovery.ts";

/** How many locks to wait for at once: each occupies a thread, of which Deno has about thirty. */
const MAX_WATCHED_LOCKS = 8;
/** How often all identities are checked, whatever the locks say. */
const CHECK_ALL_INTERVAL_MS = 30_000;
/** A lock is given up slightly before the process is gone: how often to look again, and how long to wait. */
const DEATH_LOOKS = 50;
const DEATH_LOOK_INTERVAL_MS = 10;

/**
 * So many leases of silence mean that a worker has been silent for one: its last sign of life may have been due
 * any moment, and is seen at the next look only.
 */
const SILENT_LEASES = 1.5;

interface Observation {
  readonly heartbeatAt: number;
  readonly sinceMs: number;
}

/** The other workers, as one worker sees them. */
export class Peers {
  readonly #ownId: number;
  readonly #place: RecoveryPlace;
  readonly #watched = new Set<number>();
  readonly #observed = new Map<number, Observation>();
  readonly #recovering = new Set<number>();
  #checkedAllAtMs = -Infinity;
  #lookedAtMs = performance.now();

  constructor(ownId: number, place: RecoveryPlace) {
    this.#ownId = ownId;
    this.#place = place;
  }

  get #store(): Store {
    return this.#place.store;
  }

  /** One look at all the others; to be called about every second. `leaseMs` is how long silence is borne. */
  async look(leaseMs: number): Promise<void> {
    const nowMs = performance.now();
    // This process itself was kept from looking: what it saw before says nothing about the others.
    if (nowMs - this.#lookedAtMs > leaseMs / 2) this.forgetSilence();
    this.#lookedAtMs = nowMs;
    const peers = (await this.#store.workers()).filter((worker) => worker.id !== this.#ownId);
    this.#forgetAllBut(new Set(peers.map((peer) => peer.id)));
    this.#watchLocks(peers);
    if (nowMs - this.#checkedAllAtMs >= CHECK_ALL_INTERVAL_MS) {
      this.#checkedAllAtMs = nowMs;
      for (const dead of await workersThatAre("dead", peers)) await this.#recover(dead);
    }
    for (const silent of this.#silentAmong(peers, nowMs, leaseMs * SILENT_LEASES)) {
      await this.#killSilent(silent);
    }
  }

  /** Starts all observations anew: this worker could not write for a while, so perhaps the others couldn't. */
  forgetSilence(): void {
    this.#observed.clear();
  }

  /** Those that come next in the ring are watched first, so that every worker is watched by several. */
  #watchLocks(peers: readonly WorkerRecord[]): void {
    const ring = [
      ...peers.filter((peer) => peer.id > this.#ownId),
      ...peers.filter((peer) => peer.id < this.#ownId),
    ];
    for (const peer of ring) {
      if (this.#watched.size >= MAX_WATCHED_LOCKS) return;
      if (this.#watched.has(peer.id)) continue;
      this.#watched.add(peer.id);
      this.#recoverOnDeath(peer).catch((error) => {
        this.#watched.delete(peer.id);
        this.#place.log(`can't watch worker ${peer.id}: ${error}`);
      });
    }
  }

  async #recoverOnDeath(peer: WorkerRecord): Promise<void> {
    const lock = await waitForLock(this.#place.home, peer.lockName);
    if (lock === null) {
      this.#watched.delete(peer.id); // it hasn't taken its lock yet, or the file is lost: asked again at the next look
      return;
    }
    try {
      await this.#recoverIfDead(peer);
    } finally {
      lock.release();
    }
  }

  async #recoverIfDead(peer: WorkerRecord): Promise<void> {
    for (let look = 0; look < DEATH_LOOKS && await this.#isRegistered(peer); look++) {
      // Of a process in another container the lock is all the proof there can be.
      const isAlive = (await workersThatAre("alive", [peer])).length > 0;
      if (!isAlive) await this.#recover(peer);
      else await new Promise((resolve) => setTimeout(resolve, DEATH_LOOK_INTERVAL_MS));
    }
  }

  async #isRegistered(peer: WorkerRecord): Promise<boolean> {
    return (await this.#store.workers()).some((worker) => worker.id === peer.id);
  }

  async #recover(dead: WorkerRecord): Promise<void> {
    if (this.#recovering.has(dead.id)) return;
    this.#recovering.add(dead.id);
    try {
      await recover(dead, this.#place);
    } finally {
      this.#recovering.delete(dead.id);
    }
  }

  #forgetAllBut(present: ReadonlySet<number>): void {
    for (const id of this.#watched) if (!present.has(id)) this.#watched.delete(id);
    for (const id of this.#observed.keys()) if (!present.has(id)) this.#observed.delete(id);
  }

  #silentAmong(peers: readonly WorkerRecord[], nowMs: number, limitMs: number): WorkerRecord[] {
    const silent: WorkerRecord[] = [];
    for (const peer of peers) {
      const seen = this.#observed.get(peer.id);
      if (seen?.heartbeatAt === peer.heartbeatAt) {
        if (nowMs - seen.sinceMs > limitMs) silent.push(peer);
      } else {
        this.#observed.set(peer.id, { heartbeatAt: peer.heartbeatAt, sinceMs: nowMs });
      }
    }
    return silent;
  }

  /**
   * Called when this worker hasn't been able to write for more than a lease. A worker that was stopped in the
   * middle of a transaction keeps everyone from writing, so that no heartbeat can tell: it is found by its lock.
   */
  async killStoppedWriter(): Promise<void> {
    const peers = (await this.#store.workers()).filter((worker) => worker.id !== this.#ownId);
    const living = await workersThatAre("alive", peers);
    const inode = Deno.statSync(`${this.#place.home.dbPath}-shm`).ino;
    if (inode === null) return;
    for (const pid of await stoppedHolders(inode, living.map((worker) => worker.identity.pid))) {
      this.#place.log(`pid ${pid} was stopped while it held the store locked: killing it`);
      signalProcess(pid, "SIGKILL");
    }
  }

  async #killSilent(peer: WorkerRecord): Promise<void> {
    this.#observed.delete(peer.id);
    const canBeKilled = (await workersThatAre("alive", [peer])).length > 0;
    const what = canBeKilled ? "killing it" : "it can't be killed from here";
    this.#place.log(`worker ${peer.id} (pid ${peer.identity.pid}) gives no sign of life: ${what}`);
    if (canBeKilled) signalProcess(peer.identity.pid, "SIGKILL");
    this.#checkedAllAtMs = -Infinity; // the next look proves its death and recovers its jobs
  }
}
