/**
 * Folders for tests of files, and small disks of their own for tests of disks that are full or read-only.
 */

import { join } from "node:path";

/** Runs `work` with a new folder and deletes that, whatever happens. */
export async function inFolder(work: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "queuectl-test-" });
  try {
    await work(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** A mounted disk of 1 MiB. */
export class SmallDisk {
  readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
  }

  /** Takes up all space that is left. */
  fill(): void {
    const file = Deno.openSync(join(this.dir, "filler"), { create: true, append: true });
    try {
      for (const size of [65_536, 4096, 512, 1]) {
        try {
          while (true) if (file.writeSync(new Uint8Array(size)) < size) break;
        } catch {
          // Full for pieces of this size.
        }
      }
    } finally {
      file.close();
    }
  }

  /** Gives the space back. */
  free(): void {
    Deno.removeSync(join(this.dir, "filler"));
  }

  /** Makes the disk read-only, even for root. */
  protect(): void {
    mustRun("mount", "-o", "remount,ro", this.dir);
  }
}

/** Whether this user may mount disks: false in most containers and for everyone but root. */
export function mayMount(): boolean {
  try {
    const { success } = new Deno.Command("unshare", {
      args: ["-m", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/mnt"],
      stdout: "null",
      stderr: "null",
    }).outputSync();
    return success;
  } catch {
    return false;
  }
}

/** Runs `work` with a small disk; unmounts it, whatever happens. */
export function onSmallDisk(work: (disk: SmallDisk) => Promise<void>): Promise<void> {
  return inFolder(async (dir) => {
    mustRun("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir);
    try {
      await work(new SmallDisk(dir));
    } finally {
      // Lazily: a test that failed may have left a file open.
      mustRun("umount", "-l", dir);
    }
  });
}

function mustRun(command: string, ...args: string[]): void {
  const { success, stderr } = new Deno.Command(command, { args }).outputSync();
  if (!success) throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}
