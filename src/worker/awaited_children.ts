/**
 * The children that somebody in this process waits for. A worker is the parent of orphans as well, and waits for
 * those on the way; whoever else lost its child to that would never hear of its end.
 */

const awaited = new Set<number>();

/** Notes a child until the one who waits for it has heard of its end. */
export function noteAwaited(pid: number, ended: Promise<unknown>): void {
  awaited.add(pid);
  const forget = () => awaited.delete(pid);
  ended.then(forget, forget);
}

/** Whether somebody waits for a child. */
export function isAwaited(pid: number): boolean {
  return awaited.has(pid);
}
