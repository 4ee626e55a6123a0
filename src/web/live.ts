/**
 * Following the store for all clients at once: one watcher, one reading of the log, however many streams are open.
 */

import type { LogEntry } from "../core/event.ts";
import type { Store } from "../core/store.ts";
import { watchChanges } from "../home/changes.ts";
import type { Home } from "../home/home.ts";
import { EventStream, message, PING } from "./event_stream.ts";
import type { OutputWatch } from "./output_watch.ts";
import type { Overview } from "./overview.ts";
import type { Tallies } from "./tallies.ts";
import { entryJson, type JsonObject } from "./views.ts";

/** How many streams may be open. */
export const MAX_STREAMS = 1024;
/** How many entries a client is told at once; of more it is told their number. */
const MAX_TOLD = 200;
/** How many entries are read at once. */
const READ_SIZE = 500;
/** The shortest time between two messages about changes. */
const PAUSE_MS = 100;
/** How often to look without being told, in case that files can't be watched. */
const LOOK_INTERVAL_MS = 1000;
/** So many looks after an overview another one is due, though nothing was told: a worker may have died. */
const LOOKS_PER_OVERVIEW = 5;
const PING_INTERVAL_MS = 15_000;

/** What is followed, and for what. */
export interface LiveSources {
  readonly store: Store;
  readonly home: Home;
  readonly overview: Overview;
  readonly tallies: Tallies;
  readonly outputs: OutputWatch;
  /** Begin behind this entry of the log. */
  readonly afterId: number;
  /** What the first message of a stream says besides. */
  readonly hello: JsonObject;
  /** Told when the store can't be read, which is tried again. */
  readonly onTrouble: (why: unknown) => void;
}

/** The streams, and what they are fed with. */
export class Live {
  readonly #sources: LiveSources;
  readonly #streams = new Set<EventStream>();
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  readonly #unwatch: () => void;
  #lastId: number;
  #isReading = false;
  #isDue = false;
  #isClosed = false;
  #looks = 0;
  #opening = 0;
  #isOverviewDue = true;
  #lastOverview = "";

  /** Begins to follow. */
  constructor(sources: LiveSources) {
    this.#sources = sources;
    this.#lastId = sources.afterId;
    this.#unwatch = watchChanges(sources.home, () => this.#read());
    this.#timers.push(
      setInterval(() => this.#look(), LOOK_INTERVAL_MS),
      setInterval(() => this.#tell(PING), PING_INTERVAL_MS),
    );
  }

  /** How many streams are open, or being opened. */
  get streams(): number {
    return this.#streams.size + this.#opening;
  }

  /**
   * A new stream; it begins behind the entry `afterId`, or now if that is null or too long ago. `onEnd` is called
   * when it has ended.
   */
  async open(afterId: number | null, onEnd: () => void = () => {}): Promise<EventStream> {
    this.#opening++;
    try {
      return await this.#open(afterId, onEnd);
    } finally {
      this.#opening--;
    }
  }

  async #open(afterId: number | null, onEnd: () => void): Promise<EventStream> {
    const overview = message("overview", await this.#sources.overview.current());
    const missed = afterId === null || afterId > this.#lastId
      ? null
      : await this.#sources.store.events(afterId, MAX_TOLD + 1);
    const stream = new EventStream(() => {
      this.#streams.delete(stream);
      onEnd();
    });
    // From here on nothing may be awaited: what is read from now on is told to this stream, too.
    const upTo = this.#lastId;
    const resumed = missed !== null && missed.length <= MAX_TOLD;
    stream.send(message("hello", { last_event_id: upTo, resumed, ...this.#sources.hello }));
    const told = resumed ? missed.filter((entry) => entry.id <= upTo) : [];
    if (told.length > 0) stream.send(logMessage(told));
    stream.send(overview);
    this.#streams.add(stream);
    return stream;
  }

  /** Ends all streams and stops following. */
  close(): void {
    this.#isClosed = true;
    this.#unwatch();
    for (const timer of this.#timers) clearInterval(timer);
    this.#tell(message("bye", {}));
    for (const stream of this.#streams) stream.end();
  }

  #tell(bytes: ReturnType<typeof message>): void {
    for (const stream of this.#streams) stream.send(bytes);
  }

  /** Reads what is new and tells it, then waits a little: what happens meanwhile is told together. */
  async #read(): Promise<void> {
    this.#isDue = true;
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (this.#isDue && !this.#isClosed) {
        this.#isDue = false;
        await this.#readNew();
        await pause(PAUSE_MS);
      }
    } catch (error) {
      if (!this.#isClosed) this.#sources.onTrouble(error);
    } finally {
      this.#isReading = false;
    }
  }

  async #readNew(): Promise<void> {
    const { store, tallies, outputs } = this.#sources;
    let count = 0;
    let told: LogEntry[] = [];
    try {
      while (!this.#isClosed) {
        const entries = await store.events(this.#lastId, READ_SIZE);
        if (entries.length === 0) break;
        await tallies.follow(entries);
        outputs.follow(entries);
        count += entries.length;
        told = count > MAX_TOLD ? [] : [...told, ...entries];
        this.#lastId = entries.at(-1)!.id;
        // From here to the telling nothing may be awaited, or a stream that opens meanwhile is told twice.
        if (entries.length < READ_SIZE) break;
        await pause(0);
      }
    } finally {
      if (count > 0) {
        this.#isOverviewDue = true;
        this.#tell(count > MAX_TOLD ? message("many", { count }, this.#lastId) : logMessage(told));
      }
    }
  }

  /** Every second: the counts are noted, the log is read in case nobody told, and the overview is sent. */
  async #look(): Promise<void> {
    this.#looks++;
    try {
      await this.#sources.overview.sample();
      await this.#read();
      if (this.#isClosed || this.#streams.size === 0) return;
      if (this.#isOverviewDue || this.#looks % LOOKS_PER_OVERVIEW === 0) await this.#tellOverview();
    } catch (error) {
      if (!this.#isClosed) this.#sources.onTrouble(error);
    }
  }

  async #tellOverview(): Promise<void> {
    this.#isOverviewDue = false;
    const overview = await this.#sources.overview.current();
    const { now: _, change, ...rest } = overview;
    const { seconds: __, ...changes } = change as JsonObject;
    const text = JSON.stringify([rest, changes]);
    if (text === this.#lastOverview) return;
    this.#lastOverview = text;
    const bytes = message("overview", overview);
    for (const stream of this.#streams) {
      if (stream.sendIfIdle(bytes)) continue;
      // It is still to be told, by the next overview even if nothing has changed by then.
      this.#isOverviewDue = true;
      this.#lastOverview = "";
    }
  }
}

function logMessage(entries: readonly LogEntry[]) {
  return message("log", { entries: entries.map(entryJson) }, entries.at(-1)!.id);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
