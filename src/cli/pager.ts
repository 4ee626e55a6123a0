/**
 * Long listings on a terminal, a screen at a time.
 */

import type { Context } from "./context.ts";

/** What shows listings unless the user has chosen: it ends at once if everything fits, and keeps colours. */
const DEFAULT_PAGER = "command -v less >/dev/null || exit 127; exec less -FRX";

/**
 * Prints a result of many lines; through the user's pager if stdout is a terminal on which it doesn't fit.
 * `text` must be printable. A pager that can't be started or fails costs nothing: the text is printed as it is.
 */
export async function printListing(context: Context, text: string): Promise<void> {
  const pager = context.flags.quiet || !isLong(text) ? null : chosenPager();
  if (pager === null || !await shownBy(pager, text)) context.output.result(text);
}

/** The command that shows long listings; null if the user wants none. `QUEUECTL_PAGER` wins over `PAGER`. */
function chosenPager(): string | null {
  const chosen = Deno.env.get("QUEUECTL_PAGER") ?? Deno.env.get("PAGER") ?? DEFAULT_PAGER;
  return ["", "cat"].includes(chosen.trim()) || Deno.env.get("TERM") === "dumb" ? null : chosen;
}

function isLong(text: string): boolean {
  if (!Deno.stdout.isTerminal()) return false;
  const { columns, rows } = Deno.consoleSize();
  // Rows, not lines: a line that is wider than the terminal takes several. The shell's prompt needs one, too.
  const needed = text.split("\n").reduce(
    (sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)),
    0,
  );
  return needed >= rows;
}

/** Pipes `text` into a pager and waits until it has ended; false if it failed. */
async function shownBy(pager: string, text: string): Promise<boolean> {
  // Ctrl-C is the pager's as long as it is there; it stops a search, say.
  const ignore = () => {};
  Deno.addSignalListener("SIGINT", ignore);
  try {
    const command = new Deno.Command("/bin/sh", { args: ["-c", pager], stdin: "piped" });
    const child = command.spawn();
    const writer = child.stdin.getWriter();
    // A pager that is left before its end doesn't read the rest.
    await writer.write(new TextEncoder().encode(`${text}\n`)).catch(() => {});
    await writer.close().catch(() => {});
    const { code, signal } = await child.status;
    return code === 0 || signal !== null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false; // there is no /bin/sh
    throw error;
  } finally {
    Deno.removeSignalListener("SIGINT", ignore);
  }
}
