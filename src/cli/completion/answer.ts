/**
 * `__complete`: answers a shell that wants to complete a word. It creates nothing, waits for nobody and says
 * nothing but its answer.
 */

import type { Command } from "commander";
import type { Store } from "../../core/store.ts";
import { Context, type Wiring } from "../context.ts";
import { processOutput } from "../output.ts";
import { bashReply, readBashLine } from "./bash_line.ts";
import { type Completion, completionOf } from "./candidates.ts";

/**
 * `args` are either `bash LINE WORDBREAKS`, or `words COUNT WORD…` with the words after the program's name, of
 * which the last one is completed; if fewer than `COUNT` come, an empty one got lost on its way.
 */
export async function answerShell(program: Command, args: readonly string[], wiring: Wiring): Promise<void> {
  const [format, ...rest] = args;
  const line = format === "bash" ? readBashLine(rest[0] ?? "", rest[1] ?? "") : null;
  const completion = await completionOrNothing(program, line?.words.slice(1) ?? padded(rest), wiring);
  const lines = completion.candidates.map(({ word, note }) =>
    line === null ? `${word}\t${note}` : bashReply(word, line)
  );
  processOutput({ isQuiet: true }).result([completion.byShell, ...lines].join("\n"));
}

function padded([count, ...words]: readonly string[]): string[] {
  return words.length < Number(count) ? [...words, ""] : words;
}

async function completionOrNothing(
  program: Command,
  words: readonly string[],
  wiring: Wiring,
): Promise<Completion> {
  let store: Store | null = null;
  try {
    return await completionOf(program, words, async (named) => {
      const context = new Context(named, wiring, []);
      if (!context.hasStore()) return null;
      store = await wiring.openStore(context.home, { durability: "normal", onWait: () => {} });
      return store;
    });
  } catch (error) {
    // Nobody asked for a command yet, so there is nobody to tell.
    if (Deno.env.get("QUEUECTL_DEBUG") === "1") throw error;
    return { candidates: [], byShell: "nothing" };
  } finally {
    await (store as Store | null)?.close();
  }
}
