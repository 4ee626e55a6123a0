/**
 * `top` and `status --watch`: what happens, as it happens.
 */

import { badInput } from "../../core/errors.ts";
import { statusJson, workerState } from "../../core/json_view.ts";
import { watchChanges } from "../../home/changes.ts";
import { SignalFlag } from "../../home/signal_flag.ts";
import type { Context } from "../context.ts";
import { jsonText } from "../output.ts";
import { printStatus } from "../status_lines.ts";
import { hasScreen } from "../top/fullscreen.ts";

/** How often the status is printed at most where there is no terminal. */
const PRINT_INTERVAL_MS = 1000;

/** `top`: a live view on the whole screen. Throws `bad_input` without a terminal. */
export async function top(context: Context): Promise<number> {
  if (context.flags.json) {
    throw badInput("Cannot show the live view as JSON", "queuectl status --watch --json");
  }
  if (!hasScreen()) {
    throw badInput(
      "Cannot show the live view: this is no terminal",
      "queuectl status --watch, or queuectl status",
    );
  }
  return await (await import("../top/session.ts")).showTop(context);
}

/**
 * `status --watch`: the live view on a terminal; elsewhere, or with `--json`, the status each time it has
 * changed, until somebody ends it or stops reading.
 */
export async function watchStatus(context: Context): Promise<number> {
  if (hasScreen() && !context.flags.json) return await top(context);
  const news = new SignalFlag();
  const unwatch = watchChanges(context.home, () => news.raise());
  try {
    for (let printed: string | null = null;;) {
      printed = await printIfChanged(context, printed);
      await new Promise((resolve) => setTimeout(resolve, PRINT_INTERVAL_MS));
      // The store may change without notice where it can't be watched.
      await news.wait(PRINT_INTERVAL_MS);
    }
  } finally {
    unwatch();
  }
}

/** Prints the status unless it is the one that was `printed` last, but for the times; returns it. */
async function printIfChanged(context: Context, printed: string | null): Promise<string> {
  const [workers, counts] = [await context.workers(), await (await context.queue()).counts()];
  const seen = workers.map((view) => [
    ...[view.worker.id, workerState(view)],
    view.jobs.map((job) => [job.id, job.progress]),
  ]);
  const now = JSON.stringify([seen, counts]);
  if (now === printed) return now;
  if (context.flags.json) {
    context.output.result(jsonText(statusJson(workers, counts)).replaceAll(/\n\s*/g, ""));
  } else {
    if (printed !== null) context.output.result("");
    printStatus(context, workers, counts);
  }
  return now;
}
