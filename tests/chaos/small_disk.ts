/**
 * A small disk of its own under a trial's home.
 */

import { waitFor } from "../harness/wait_for.ts";

/** Bytes of the disk: enough for a few hundred jobs with their output. */
const SIZE_BYTES = 12 * 1024 * 1024;

/** Why no disk can be mounted here; null if one can. */
export function whyNoMount(): string | null {
  try {
    const { success } = new Deno.Command("unshare", {
      args: ["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
      stdout: "null",
      stderr: "null",
    }).outputSync();
    return success ? null : "this user may not mount disks";
  } catch {
    return "there is no unshare";
  }
}

/** The disk, while it is mounted. */
export class SmallDisk {
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  /**
   * Moves the home `dir` to a small disk while `work` runs and back afterwards; unmounts it, whatever
   * happens. The ledger is elsewhere all the time: a full disk would tear its lines, which the jobs' own
   * writing is to blame for and not the queue.
   */
  static async use(dir: string, work: (disk: SmallDisk) => Promise<void>): Promise<void> {
    const aside = await Deno.makeTempDir({ prefix: "queuectl-test-" });
    let isMounted = false;
    try {
      await shell('touch "$1/ledger" && cp -a "$1/." "$2"', dir, aside);
      await shell('mount -t tmpfs -o "size=$2,mode=700" tmpfs "$1"', dir, String(SIZE_BYTES));
      isMounted = true;
      await shell('cp -a "$2/." "$1" && ln -sf "$2/ledger" "$1/ledger"', dir, aside);
      await work(new SmallDisk(dir));
      await shell('cp -a --remove-destination "$2/ledger" "$1/ledger"', dir, aside);
      await shell('rm -rf "$2" && mkdir -m 700 "$2" && cp -a "$1/." "$2"', dir, aside);
      await shell('umount "$1"', dir);
      isMounted = false;
      await shell('find "$1" -mindepth 1 -delete && cp -a "$2/." "$1"', dir, aside);
    } finally {
      // Lazily: a trial that failed may have left a file open.
      if (isMounted) await shell('umount -l "$1"', dir);
      await Deno.remove(aside, { recursive: true });
    }
  }

  /** Takes all the space that is left. */
  fill(): Promise<void> {
    return shell(
      'cat /dev/zero >"$1/filler" 2>/dev/null; cat /dev/zero >>"$1/filler" 2>/dev/null; true',
      this.#dir,
    );
  }

  /** Gives the space back. */
  free(): Promise<void> {
    return Deno.remove(`${this.#dir}/filler`);
  }

  /**
   * Makes the disk read-only, even for root, or writable again. Waits for those to end who have a file open
   * for writing: a worker is on its way out for a moment after it has said good-bye.
   */
  async remount(mode: "ro" | "rw"): Promise<void> {
    let why: unknown = null;
    const isDone = () =>
      shell('mount -o "remount,$2" "$1"', this.#dir, mode).then(() => true, (error) => {
        why = error;
        return false;
      });
    await waitFor(`the disk to be ${mode}`, isDone).catch((error) => {
      throw new Error(`${error.message}: ${why}`);
    });
  }
}

/** Runs a line of shell; throws what it says if it fails. */
async function shell(script: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("/bin/sh", { args: ["-c", script, "sh", ...args] })
    .output();
  if (!success) throw new Error(`${script}: ${new TextDecoder().decode(stderr)}`);
}
