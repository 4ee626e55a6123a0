/**
 * The door of the server: takes connections from the network and passes their bytes on to the HTTP server, which
 * listens on a socket in a private folder.
 *
 * It is there because the HTTP server bounds neither how many connections are open nor how long one may say
 * nothing, or read nothing. Here each has its time: to send the head of a request, to take what it is
 * sent, and to be quiet.
 */

/** What a connection may do, in ms. */
export interface GateLimits {
  readonly maxConnections: number;
  /** From opening, or the first byte of a request, to the end of its head. */
  readonly headMs: number;
  /** What may come before the end of a head: a head, or what is left of a body that was answered unread. */
  readonly headBytes: number;
  /** From the head to the first byte of the answer. */
  readonly answerMs: number;
  /** Without a byte, once something has been answered. Streams send something more often than that. */
  readonly quietMs: number;
  /** Until the other side takes what it is sent. */
  readonly writeMs: number;
}

/** Limits that a person and a program in good order never meet. */
export const LIMITS: GateLimits = {
  maxConnections: 2048,
  headMs: 15_000,
  headBytes: 32 * 1024 * 1024,
  answerMs: 600_000,
  quietMs: 75_000,
  writeMs: 20_000,
};

const SWEEP_INTERVAL_MS = 1000;
const REQUEST_CHUNK_BYTES = 16_384;
const ANSWER_CHUNK_BYTES = 16_384;
/** The pause after the system refused to open one more connection. */
const ACCEPT_PAUSE_MS = 100;
const CLOSING_LOOK_MS = 10;
/** How long whoever goes on sending has to read the answer that ended the connection. */
const LINGER_MS = 2000;

/** Passes bytes between the network and a socket. */
export class Gate {
  readonly #listener: Deno.TcpListener;
  readonly #socketPath: string;
  readonly #limits: GateLimits;
  readonly #open = new Set<Passage>();
  readonly #sweeper: ReturnType<typeof setInterval>;
  #isClosed = false;

  /** Begins to accept. Throws what `Deno.listen` throws, as when the port is taken. */
  constructor(options: { hostname: string; port: number; socketPath: string; limits?: GateLimits }) {
    this.#listener = Deno.listen({ hostname: options.hostname, port: options.port });
    this.#socketPath = options.socketPath;
    this.#limits = options.limits ?? LIMITS;
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS);
    this.#accept();
  }

  /** The port that was given. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** Accepts nothing more: no connection, and no request on one that waits for it. What is being answered goes on. */
  stopAccepting(): void {
    this.#isClosed = true;
    this.#listener.close();
    // A browser opens connections in advance; the HTTP server would wait for the request of each.
    for (const passage of this.#open) {
      if (passage.isAwaitingRequest) passage.close();
    }
  }

  /** Ends everything, after at most `graceMs` for answers that are on their way. */
  async close(graceMs = 0): Promise<void> {
    if (!this.#isClosed) this.stopAccepting();
    clearInterval(this.#sweeper);
    const until = performance.now() + graceMs;
    while (this.#open.size > 0 && performance.now() < until) await pause(CLOSING_LOOK_MS);
    for (const passage of this.#open) passage.close();
  }

  async #accept(): Promise<void> {
    while (!this.#isClosed) {
      let client: Deno.TcpConn;
      try {
        client = await this.#listener.accept();
      } catch {
        // Out of descriptors, or the client has gone already; closing the listener ends up here, too.
        if (!this.#isClosed) await pause(ACCEPT_PAUSE_MS);
        continue;
      }
      if (this.#open.size >= this.#limits.maxConnections) client.close();
      else this.#pass(client);
    }
  }

  async #pass(client: Deno.TcpConn): Promise<void> {
    const passage = new Passage(client, this.#limits);
    this.#open.add(passage);
    try {
      await passage.carry(this.#socketPath);
    } catch {
      // One of the two sides has gone: that ends a connection like any other end.
    } finally {
      passage.close();
      this.#open.delete(passage);
    }
  }

  #sweep(): void {
    const now = performance.now();
    for (const passage of this.#open) {
      if (passage.isOverdue(now)) passage.close();
    }
  }
}

/** One connection. */
class Passage {
  readonly #client: Deno.TcpConn;
  readonly #limits: GateLimits;
  #server: Deno.UnixConn | null = null;
  #isClosed = false;
  /** What is waited for: the head of a request, the first byte of its answer, or more of that. */
  #awaited: "head" | "answer" | "more" = "head";
  #since = performance.now();
  #writingSince: number | null = null;
  /** Whether the client sends what the server doesn't take (yet). */
  #isSending = false;
  /** The last bytes of an unfinished head, and how many there have been. */
  #tail = "";
  #headBytes = 0;

  constructor(client: Deno.TcpConn, limits: GateLimits) {
    this.#client = client;
    this.#limits = limits;
  }

  /** Passes bytes both ways until both sides have ended. */
  async carry(socketPath: string): Promise<void> {
    this.#client.setNoDelay(true);
    this.#server = await Deno.connect({ transport: "unix", path: socketPath });
    if (this.#isClosed) return this.#server.close();
    const requests = this.#passRequests(this.#server);
    const answers = this.#passAnswers(this.#server);
    await Promise.race([answers, requests.then(() => answers)]);
    // Ending a connection whose sender is still sending would take the answer from it, too.
    if (this.#isSending) await Promise.race([requests, pause(LINGER_MS)]);
  }

  /** Whether no request is under way that has come whole. */
  get isAwaitingRequest(): boolean {
    return this.#awaited === "head";
  }

  isOverdue(now: number): boolean {
    const { headMs, answerMs, quietMs, writeMs } = this.#limits;
    if (this.#writingSince !== null && now - this.#writingSince > writeMs) return true;
    return now - this.#since > { head: headMs, answer: answerMs, more: quietMs }[this.#awaited];
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#client.close();
    this.#server?.close();
  }

  /** Once the server takes no more, what still comes is read and dropped. */
  async #passRequests(server: Deno.UnixConn): Promise<void> {
    const chunk = new Uint8Array(REQUEST_CHUNK_BYTES);
    let isTaken = true;
    for (let count = await this.#client.read(chunk); count !== null; count = await this.#client.read(chunk)) {
      this.#isSending = true;
      this.#onRequest(chunk.subarray(0, count));
      if (isTaken) isTaken = await writeAll(server, chunk.subarray(0, count)).then(() => true, () => false);
      if (isTaken) this.#isSending = false;
    }
    if (isTaken) await server.closeWrite();
  }

  async #passAnswers(server: Deno.UnixConn): Promise<void> {
    const chunk = new Uint8Array(ANSWER_CHUNK_BYTES);
    for (let count = await server.read(chunk); count !== null; count = await server.read(chunk)) {
      this.#await("more");
      this.#writingSince = performance.now();
      await writeAll(this.#client, chunk.subarray(0, count));
      this.#writingSince = null;
    }
    await this.#client.closeWrite();
  }

  #onRequest(bytes: Uint8Array): void {
    if (this.#awaited === "answer") return; // the body of a request
    if (this.#awaited === "more") this.#await("head");
    const text = this.#tail + String.fromCharCode(...bytes);
    this.#tail = text.slice(-3);
    this.#headBytes += bytes.length;
    if (text.includes("\r\n\r\n")) this.#await("answer");
    else if (this.#headBytes > this.#limits.headBytes) this.close();
  }

  #await(what: "head" | "answer" | "more"): void {
    this.#awaited = what;
    this.#since = performance.now();
    this.#tail = "";
    this.#headBytes = 0;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function writeAll(to: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await to.write(bytes.subarray(sent));
}
