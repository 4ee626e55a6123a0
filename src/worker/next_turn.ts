/**
 * Letting all that is known now be handled first.
 */

/** Settles once what has been told to this process so far was handled; a timer of 0 ms would take more than 1 ms. */
export async function nextTurn(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  await new Promise((resolve) => {
    port1.onmessage = resolve;
    port2.postMessage(null);
  });
  port1.close();
  port2.close();
}
