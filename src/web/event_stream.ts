/**
 * A stream of server-sent events to one client, that never holds more than a bounded number of bytes for it.
 */

/** A client that has fallen so far behind is let go; it comes back and asks for what it missed. */
const MAX_WAITING_BYTES = 256 * 1024;
/** What may wait before messages that a later one makes worthless are left out. */
const LEAVE_OUT_BYTES = 32 * 1024;

/** A message, ready to be sent to any number of streams. */
export type Message = ReturnType<TextEncoder["encode"]>;

/** The bytes of a message; `id` is what the client shows to resume behind it. */
export function message(event: string, data: unknown, id?: number): Message {
  const idLine = id === undefined ? "" : `id: ${id}\n`;
  return new TextEncoder().encode(`event: ${event}\n${idLine}data: ${JSON.stringify(data)}\n\n`);
}

/** Something to send when there is nothing to say, so that both sides know that the other one is there. */
export const PING: Message = new TextEncoder().encode(": ping\n\n");

/** One client's stream. */
export class EventStream {
  readonly body: ReadableStream<Message>;
  readonly #onEnd: () => void;
  #controller: ReadableStreamDefaultController<Message> | null = null;

  /** `onEnd` is called once, when the client or the server ends the stream. */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
    const strategy = { highWaterMark: MAX_WAITING_BYTES, size: (bytes?: Message) => bytes!.length };
    this.body = new ReadableStream<Message>({
      start: (controller) => {
        this.#controller = controller;
        controller.enqueue(new TextEncoder().encode("retry: 1000\n\n"));
      },
      cancel: () => this.#forget(),
    }, strategy);
  }

  /** Sends a message; a client that has too much to read already is let go. */
  send(bytes: Message): void {
    const room = this.#controller?.desiredSize ?? null;
    if (room === null) return;
    // A single long message may come to a client that has read everything.
    if (bytes.length > room && room < MAX_WAITING_BYTES) this.end();
    else this.#controller!.enqueue(bytes);
  }

  /** Sends a message unless the client has something to read already. */
  sendIfIdle(bytes: Message): boolean {
    const room = this.#controller?.desiredSize ?? null;
    if (room === null || room < MAX_WAITING_BYTES - LEAVE_OUT_BYTES) return false;
    this.send(bytes);
    return true;
  }

  /** Ends the stream. */
  end(): void {
    const controller = this.#controller;
    this.#forget();
    try {
      controller?.close();
    } catch {
      // The client ended it at the same moment.
    }
  }

  #forget(): void {
    if (this.#controller === null) return;
    this.#controller = null;
    this.#onEnd();
  }
}
