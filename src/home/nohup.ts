/**
 * Hangups that a user wants to be ignored.
 *
 * `nohup` has SIGHUP ignored, but whoever listens for a signal undoes that, and under `deno run` the runtime does
 * so before our first line. What tells it even later is what GNU nohup gives in place of a terminal as standard
 * input: a `/dev/null` that can't be read.
 */

/** The device number of `/dev/null` on Linux: major 1, minor 3. */
const NULL_DEVICE = 0x103;

/** To be called when SIGHUP has come: does `work`, unless `nohup` was used on a terminal to start this process. */
export async function onHangup(work: () => void): Promise<void> {
  if (!await isUnderNohup()) work();
}

async function isUnderNohup(): Promise<boolean> {
  const { fstatSync, readSync } = await import("node:fs"); // it takes a while to load, and is rarely needed
  try {
    if (fstatSync(0).rdev !== NULL_DEVICE) return false;
    readSync(0, new Uint8Array(1));
    return false;
  } catch (error) {
    return (error as { code?: string }).code === "EBADF";
  }
}
