/**
 * Waiting for conditions, in place of sleeping and hoping.
 */

/** Far longer than anything takes on a machine that is busy with other things: only a fault outlasts it. */
const PATIENCE_MS = 60_000;

/**
 * Asks until the answer is neither null nor false, and returns it. Throws, naming `what`, after `timeoutMs`.
 */
export async function waitFor<T>(
  what: string,
  ask: () => T | null | false | Promise<T | null | false>,
  timeoutMs = PATIENCE_MS,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  while (true) {
    const answer = await ask();
    if (answer !== null && answer !== false) return answer;
    if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** True if no process has this pid; a zombie is none. */
export function isGone(pid: number): boolean {
  const { stdout } = new Deno.Command("/bin/sh", {
    args: ["-c", `line=$(cat /proc/"$1"/stat 2>/dev/null) && echo "\${line##*) }"`, "sh", String(pid)],
  }).outputSync();
  const state = new TextDecoder().decode(stdout).charAt(0);
  return state === "" || state === "Z" || state === "X";
}
