/**
 * A flag that can be waited for.
 */

/** Remembers that it was raised until somebody has waited for it, so that no wake-up falls between two waits. */
export class SignalFlag {
  #raised = false;
  #waiting: (() => void) | null = null;

  /** Ends the wait, or the next one at once. */
  raise(): void {
    this.#raised = true;
    this.#waiting?.();
  }

  /** Waits until the flag is raised, at most `timeoutMs`, and lowers it; returns whether it was raised. */
  async wait(timeoutMs: number): Promise<boolean> {
    if (!this.#raised && timeoutMs > 0) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
        timer = setTimeout(resolve, timeoutMs);
      });
      clearTimeout(timer);
      this.#waiting = null;
    }
    const wasRaised = this.#raised;
    this.#raised = false;
    return wasRaised;
  }
}
