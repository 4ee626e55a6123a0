/**
 * Ctrl-C and its kin, for commands that have something to put in order before they end.
 */

import { statusOfSignal } from "../core/exit_status.ts";
import { onHangup } from "../home/nohup.ts";

/** The signals by which people and service managers end a command. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const satisfies readonly Deno.Signal[];

/** Waits for signals that ask this command to end. To be closed. */
export class Interrupts {
  #status: number | null = null;
  #count = 0;
  readonly #listeners: readonly [Deno.Signal, () => void][];

  /** `onSignal` is told how often it was asked, from 1. SIGQUIT, which is for haste, counts twice. */
  constructor(onSignal: (count: number) => void) {
    this.#listeners = SIGNALS.map((signal) => {
      const hear = () => {
        this.#status ??= statusOfSignal(signal);
        this.#count += signal === "SIGQUIT" ? 2 : 1;
        onSignal(this.#count);
      };
      return [signal, signal === "SIGHUP" ? () => onHangup(hear) : hear];
    });
    for (const [signal, listener] of this.#listeners) Deno.addSignalListener(signal, listener);
  }

  /** The exit status that tells the first signal that came (130 for Ctrl-C); null if none did. */
  get status(): number | null {
    return this.#status;
  }

  /** Lets signals end the process again. */
  close(): void {
    for (const [signal, listener] of this.#listeners) Deno.removeSignalListener(signal, listener);
  }
}
