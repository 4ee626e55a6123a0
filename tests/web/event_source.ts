/**
 * Reading a stream of server-sent events.
 */

import { waitFor } from "../harness/wait_for.ts";
import type { WebServer } from "./web_server.ts";

/** A message of the stream. */
export interface StreamMessage {
  readonly event: string;
  readonly id: string | null;
  // deno-lint-ignore no-explicit-any -- tests look into whatever shape is sent
  readonly data: any;
}

/** An open stream that collects what comes. */
export class EventSource {
  readonly messages: StreamMessage[] = [];
  readonly comments: string[] = [];
  readonly status: number;
  readonly contentType: string | null;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  /** Resolves to whether the server ended it in good order. */
  readonly ended: Promise<boolean>;

  private constructor(response: Response) {
    this.status = response.status;
    this.contentType = response.headers.get("content-type");
    this.#reader = response.body!.getReader();
    this.ended = this.#read().then(() => true, () => false);
  }

  /** Opens the stream of a server. */
  static async open(web: WebServer, query = "", headers: Record<string, string> = {}): Promise<EventSource> {
    const response = await fetch(`${web.url}/api/events${query}`, {
      headers: { authorization: `Bearer ${web.token}`, ...headers },
    });
    return new EventSource(response);
  }

  /** All messages of a kind. */
  of(event: string): StreamMessage[] {
    return this.messages.filter((message) => message.event === event);
  }

  /** Waits for a message of a kind that pleases. */
  // deno-lint-ignore no-explicit-any -- as in `StreamMessage`
  until(event: string, pleases: (data: any) => boolean = () => true): Promise<StreamMessage> {
    return waitFor(`a message "${event}"`, () => this.of(event).find(({ data }) => pleases(data)) ?? null);
  }

  /** All entries of the log that have come. */
  // deno-lint-ignore no-explicit-any -- as in `StreamMessage`
  entries(): any[] {
    return this.of("log").flatMap(({ data }) => data.entries);
  }

  /** Ends it from this side. */
  async close(): Promise<void> {
    await this.#reader.cancel();
    await this.ended;
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for (let read = await this.#reader.read(); !read.done; read = await this.#reader.read()) {
      const blocks = (rest + decoder.decode(read.value, { stream: true })).split("\n\n");
      rest = blocks.pop()!;
      for (const block of blocks) this.#take(block);
    }
  }

  #take(block: string): void {
    if (block.startsWith(":")) return void this.comments.push(block);
    const fields = new Map(block.split("\n").map((line) => line.split(/: (.*)/s, 2) as [string, string]));
    const data = fields.get("data");
    if (data === undefined) return;
    this.messages.push({
      event: fields.get("event") ?? "message",
      id: fields.get("id") ?? null,
      data: JSON.parse(data),
    });
  }
}
