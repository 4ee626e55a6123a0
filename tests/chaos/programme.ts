/**
 * The faults of the programme, in two tiers: `small` for every change, `full` for a thorough proof.
 */

import type { Evidence } from "./evidence.ts";
import { badDisk, DISK_SIZES } from "./faults/bad_disk.ts";
import { clockSteps, FULL_CLOCK, setBackInBackoff, SMALL_CLOCK } from "./faults/clock.ts";
import { DAMAGE_SIZES, damagedFile } from "./faults/damaged_file.ts";
import { killStorm } from "./faults/kill_storm.ts";
import { lifeAndDeath } from "./faults/life_and_death.ts";
import {
  commitRush,
  FULL_HOLD,
  FULL_RUSH,
  heldLock,
  SMALL_HOLD,
  SMALL_RUSH,
} from "./faults/lock_contention.ts";
import { MIGRATION_SIZES, migrations } from "./faults/migrations.ts";
import { changedBoot, FULL_REUSE, reusedPids, SMALL_REUSE } from "./faults/pid_reuse.ts";
import { POWER_SIZES, powerLoss } from "./faults/power_loss.ts";
import { FULL_RUDENESS, rudeJobs, SMALL_RUDENESS, workerKiller } from "./faults/rude_jobs.ts";
import {
  frozenWorkers,
  FULL_SILENCE,
  shortFreezes,
  sleepingMachine,
  SMALL_SILENCE,
} from "./faults/silence.ts";
import { SWEEP_SIZES, writeSweep } from "./faults/write_sweep.ts";
import type { Ground, Tally } from "./ground.ts";

/** How thorough a run of the programme is. */
export type Tier = "small" | "full";

/** A fault that can be tried on a ground of its own. */
export interface Fault {
  readonly name: string;
  readonly bringAbout: (ground: Ground, tier: Tier) => Promise<{ evidence: Evidence; tally: Tally }>;
}

function fault<Size>(
  name: string,
  bringAbout: (ground: Ground, size: Size) => Promise<{ evidence: Evidence; tally: Tally }>,
  sizes: Readonly<Record<Tier, Size>>,
): Fault {
  return { name, bringAbout: (ground, tier) => bringAbout(ground, sizes[tier]) };
}

const SILENCES = { small: SMALL_SILENCE, full: FULL_SILENCE };
const RUDENESSES = { small: SMALL_RUDENESS, full: FULL_RUDENESS };
const REUSES = { small: SMALL_REUSE, full: FULL_REUSE };
const NO_SIZES = { small: null, full: null };

/** All faults, in the order in which they are tried. */
export const FAULTS: readonly Fault[] = [
  fault("a bit of everything", lifeAndDeath, { small: { rounds: 1 }, full: { rounds: 10 } }),
  fault("workers and clients are killed", killStorm, {
    small: { jobs: 600, kills: 12 },
    full: { jobs: 10_000, kills: 200 },
  }),
  fault("killed at every write", writeSweep, SWEEP_SIZES),
  fault("the power fails", powerLoss, POWER_SIZES),
  fault("workers freeze for three leases", frozenWorkers, SILENCES),
  fault("workers freeze for less than a lease", shortFreezes, SILENCES),
  fault("the machine sleeps", sleepingMachine, SILENCES),
  fault("another process keeps the store locked", heldLock, { small: SMALL_HOLD, full: FULL_HOLD }),
  fault("many clients commit at once", commitRush, { small: SMALL_RUSH, full: FULL_RUSH }),
  fault("the disk is full, read-only or failing", badDisk, DISK_SIZES),
  fault("the file is damaged", damagedFile, DAMAGE_SIZES),
  fault("the clock is set", clockSteps, { small: SMALL_CLOCK, full: FULL_CLOCK }),
  fault("the clock is set back during a delay", setBackInBackoff, NO_SIZES),
  fault("pids are used again", reusedPids, NO_SIZES),
  fault("the machine restarts", changedBoot, REUSES),
  fault("jobs are rude", rudeJobs, RUDENESSES),
  fault("a job kills its workers", workerKiller, RUDENESSES),
  fault("many migrate at once, some are killed", migrations, MIGRATION_SIZES),
];
