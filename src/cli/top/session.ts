/**
 * One use of `top`, from the first screen to the last key.
 */

import { QueueError } from "../../core/errors.ts";
import type { Queue } from "../../core/queue.ts";
import { watchChanges } from "../../home/changes.ts";
import { SignalFlag } from "../../home/signal_flag.ts";
import type { Context } from "../context.ts";
import { hasColor } from "../output.ts";
import { frameOf, listRows } from "./frame.ts";
import { Fullscreen } from "./fullscreen.ts";
import { type Glance, Glancer, type ListName, LISTS } from "./glance.ts";
import { keysIn } from "./keys.ts";
import { OutputPane } from "./output_pane.ts";

/** Changes come by the hundred a second, and nobody reads so fast. */
const MIN_GLANCE_INTERVAL_MS = 250;
/** What changes without a word to the store, such as a worker's death, is seen after so long. */
const SAFETY_GLANCE_MS = 2000;
/** After a glance that took long, such as a search in very many jobs, so many times as long is waited. */
const PAUSE_SHARE = 10;
/** The times on the screen, and the output of a job, go on even if nothing happens. */
const TICK_MS = 500;
const MESSAGE_MS = 4000;
/** The end of the process by a signal, in the shell's numbers. */
const SIGNALS: Readonly<Record<string, number>> = { SIGTERM: 143, SIGHUP: 129, SIGINT: 130 };
const KEYS = "↑↓ mark  Enter output  c cancel  r retry  / search  Tab list  ? help  q quit";
const PANE_KEYS = "↑↓ scroll  c cancel  r retry  Esc back  q quit";
const HELP = [
  "↑ ↓ PgUp PgDn Home End   mark a job",
  "Enter, l                 its output, which goes on as it comes; Esc goes back",
  "c                        cancel it, after a question",
  "r                        retry it",
  "Tab                      the next list: running and next, failures, finished last",
  "/                        only jobs with a text in their id or command; Esc ends that",
  "Ctrl-L                   draw the screen anew",
  "q, Ctrl-C                quit",
];

type Mode =
  | { readonly name: "list" | "help" }
  | { readonly name: "search"; readonly typed: string }
  | { readonly name: "confirm"; readonly jobId: string }
  | { readonly name: "output"; readonly pane: OutputPane };

/** Shows the live view until it is left; returns the exit status. The screen is given back whatever happens. */
export async function showTop(context: Context): Promise<number> {
  const session = new Session(context, await context.queue());
  return await session.run(new Glancer(await context.store(), context.home));
}

class Session {
  readonly #context: Context;
  readonly #queue: Queue;
  readonly #screen = new Fullscreen();
  readonly #hasColor = hasColor();
  #glance: Glance | null = null;
  #mode: Mode = { name: "list" };
  #list: ListName = "now";
  #search = "";
  #markedId: string | null = null;
  #marked = 0;
  #message: { text: string; until: number } | null = null;
  #exitStatus: number | null = null;
  /** Whether the store may have changed since the last glance. */
  #isStale = true;
  /** Whether the person wants to see something else than before, and so at once. */
  #isAsked = false;
  #hasToRedraw = false;
  readonly #news = new SignalFlag();
  #end = () => {};
  readonly #pressed: string[] = [];

  constructor(context: Context, queue: Queue) {
    this.#context = context;
    this.#queue = queue;
  }

  async run(glancer: Glancer): Promise<number> {
    const cleanUp: (() => void)[] = [];
    const listen = (signal: Deno.Signal, react: () => void) => {
      Deno.addSignalListener(signal, react);
      cleanUp.push(() => Deno.removeSignalListener(signal, react));
    };
    try {
      cleanUp.push(() => this.#screen.leave());
      this.#screen.enter();
      for (const [signal, status] of Object.entries(SIGNALS)) {
        listen(signal as Deno.Signal, () => this.#quit(status));
      }
      listen("SIGWINCH", () => this.#redraw());
      cleanUp.push(watchChanges(this.#context.home, () => {
        if (this.#isStale) return; // they may come by the hundred
        this.#isStale = true;
        this.#news.raise();
      }));
      this.#readKeys();
      // A wish that has to wait for a lock must not keep anyone from quitting.
      const ended = new Promise<void>((resolve) => this.#end = resolve);
      await Promise.race([ended, this.#loop(glancer)]);
    } finally {
      for (const step of cleanUp.reverse()) step();
    }
    return this.#exitStatus ?? 0;
  }

  /** Keys are dealt with at once; glances have pauses between them that keep their cost low. */
  async #loop(glancer: Glancer): Promise<void> {
    let glancedAt = -Infinity;
    let tookMs = 0;
    const leftMs = () => {
      const pauseMs = this.#isStale ? MIN_GLANCE_INTERVAL_MS : SAFETY_GLANCE_MS;
      return glancedAt + Math.max(pauseMs, tookMs * PAUSE_SHARE) - performance.now();
    };
    while (this.#exitStatus === null) {
      while (this.#pressed.length > 0 && this.#exitStatus === null) await this.#react(this.#pressed.shift()!);
      if (this.#isAsked || leftMs() <= 0) {
        const startedAt = performance.now();
        [this.#isStale, this.#isAsked] = [false, false];
        await this.#look(glancer);
        glancedAt = performance.now();
        tookMs = glancedAt - startedAt;
      } else if (this.#mode.name === "output") {
        await this.#lookAtOutput(this.#mode.pane);
      }
      this.#draw();
      await this.#news.wait(Math.min(leftMs(), TICK_MS));
    }
  }

  async #look(glancer: Glancer): Promise<void> {
    this.#glance = await glancer.take(this.#list, this.#search);
    const { jobs } = this.#glance;
    const place = jobs.findIndex((job) => job.id === this.#markedId);
    this.#mark(place === -1 ? this.#marked : place);
    if (this.#mode.name === "output") await this.#lookAtOutput(this.#mode.pane);
  }

  async #lookAtOutput(pane: OutputPane): Promise<void> {
    try {
      await pane.look();
    } catch (error) {
      if (!(error instanceof QueueError) || error.code !== "not_found") throw error;
      this.#mode = { name: "list" };
      this.#say(error.message);
    }
  }

  async #readKeys(): Promise<void> {
    const decoder = new TextDecoder();
    const bytes = new Uint8Array(1024);
    try {
      while (this.#exitStatus === null) {
        const count = await Deno.stdin.read(bytes);
        if (count === null) break;
        const keys = keysIn(decoder.decode(bytes.subarray(0, count), { stream: true }));
        if (keys.includes("ctrl-c")) break;
        this.#pressed.push(...keys);
        this.#news.raise();
      }
    } catch {
      // The terminal is gone.
    }
    this.#quit(0);
  }

  #quit(status: number): void {
    this.#exitStatus ??= status;
    this.#news.raise();
    this.#end();
  }

  /** Draws everything anew at the next turn of the loop, in which an error finds its way. */
  #redraw(): void {
    this.#hasToRedraw = true;
    this.#news.raise();
  }

  #draw(): void {
    if (this.#glance === null || this.#exitStatus !== null) return;
    if (this.#hasToRedraw) this.#screen.forget();
    this.#hasToRedraw = false;
    const size = this.#screen.size();
    if (this.#mode.name === "output") return this.#screen.draw(this.#mode.pane.frame(size, this.#footer()));
    const view = {
      ...{ list: this.#list, search: this.#search, marked: this.#marked, footer: this.#footer() },
      ...{ title: this.#context.home.dbPath, hasColor: this.#hasColor },
    };
    const frame = frameOf({ ...this.#glance, at: Date.now() }, view, size);
    if (this.#mode.name === "help") {
      const help = HELP.slice(0, Math.max(0, size.rows - 2)).map((line) => line.slice(0, size.columns));
      frame.splice(
        1,
        Math.max(0, frame.length - 2),
        ...help,
        ...Array(Math.max(0, frame.length - 2 - help.length)).fill(""),
      );
    }
    this.#screen.draw(frame);
  }

  #footer(): string {
    const mode = this.#mode;
    if (mode.name === "confirm") return `Cancel ${mode.jobId}? y/n`;
    if (mode.name === "search") return `Search: ${mode.typed}_`;
    if (this.#message !== null && performance.now() < this.#message.until) return this.#message.text;
    if (mode.name === "help") return "Any key goes back";
    return mode.name === "output" ? PANE_KEYS : KEYS;
  }

  async #react(key: string): Promise<void> {
    if (key === "ctrl-z") return this.#suspend();
    if (key === "ctrl-l") return this.#redraw();
    switch (this.#mode.name) {
      case "help":
        this.#mode = { name: "list" };
        return;
      case "confirm":
        return await this.#answer(this.#mode.jobId, key);
      case "search":
        return this.#type(this.#mode.typed, key);
      case "output":
        return await this.#reactInOutput(this.#mode.pane, key);
      case "list":
        return await this.#reactInList(key);
    }
  }

  async #reactInList(key: string): Promise<void> {
    const jobs = this.#glance?.jobs ?? [];
    const page = this.#glance === null ? 1 : listRows(this.#glance, this.#screen.size());
    const moves: Record<string, number> = {
      ...{ up: -1, k: -1, down: 1, j: 1, "page-up": -page, "page-down": page },
      ...{ home: -jobs.length, g: -jobs.length, end: jobs.length, G: jobs.length },
    };
    const id = jobs[this.#marked]?.id;
    if (key in moves) return this.#mark(this.#marked + moves[key]!);
    if (key === "q") return this.#quit(0);
    if (key === "?" || key === "h") this.#mode = { name: "help" };
    if (key === "/") this.#mode = { name: "search", typed: this.#search };
    if (key === "escape" && this.#search !== "") this.#find("");
    if (key === "tab" || key === "back-tab") this.#turnList(key === "tab" ? 1 : -1);
    if (id === undefined) return;
    if (key === "c") this.#mode = { name: "confirm", jobId: id };
    if (key === "r") await this.#retry(id);
    if (key === "enter" || key === "l" || key === "right") await this.#open(id);
  }

  async #reactInOutput(pane: OutputPane, key: string): Promise<void> {
    const page = Math.max(1, this.#screen.size().rows - 3);
    const moves: Record<string, number> = {
      ...{ up: -1, k: -1, down: 1, j: 1, "page-up": -page, "page-down": page, " ": page },
      ...{ home: -Infinity, g: -Infinity, end: Infinity, G: Infinity },
    };
    if (key in moves) pane.scroll(moves[key]!);
    if (key === "q") this.#quit(0);
    if (key === "escape" || key === "left" || key === "backspace") this.#mode = { name: "list" };
    if (key === "c") this.#mode = { name: "confirm", jobId: pane.jobId };
    if (key === "r") await this.#retry(pane.jobId);
  }

  async #open(id: string): Promise<void> {
    const pane = new OutputPane(this.#context, this.#queue, id);
    this.#mode = { name: "output", pane };
    await this.#lookAtOutput(pane);
  }

  async #answer(id: string, key: string): Promise<void> {
    this.#mode = { name: "list" };
    if (key !== "y" && key !== "Y") return this.#say("Nothing was cancelled");
    await this.#try(async () => {
      const [job] = await this.#queue.cancel([id]);
      return job!.state === "processing" ? `Cancelling ${id}: its command is being ended` : `Cancelled ${id}`;
    });
  }

  async #retry(id: string): Promise<void> {
    await this.#try(async () => {
      await this.#queue.retry([id], { keepAttempts: false });
      return `${id} is pending again`;
    });
  }

  /** Does what was asked, and says what came of it; what a user can mend is no reason to end. */
  async #try(work: () => Promise<string>): Promise<void> {
    try {
      this.#say(await work());
      this.#isAsked = true;
    } catch (error) {
      if (!(error instanceof QueueError)) throw error;
      this.#say(error.message);
    }
  }

  #type(typed: string, key: string): void {
    if (key === "enter") {
      this.#mode = { name: "list" };
      return this.#find(typed);
    }
    if (key === "escape") this.#mode = { name: "list" };
    else if (key === "backspace") this.#mode = { name: "search", typed: [...typed].slice(0, -1).join("") };
    else if (key === "ctrl-u") this.#mode = { name: "search", typed: "" };
    else if ([...key].length === 1) this.#mode = { name: "search", typed: typed + key };
  }

  #find(search: string): void {
    this.#search = search;
    this.#marked = 0;
    this.#markedId = null;
    this.#isAsked = true;
  }

  #turnList(by: number): void {
    const place = LISTS.indexOf(this.#list) + by + LISTS.length;
    this.#list = LISTS[place % LISTS.length]!;
    this.#find(this.#search);
  }

  #mark(place: number): void {
    const jobs = this.#glance?.jobs ?? [];
    this.#marked = Math.max(0, Math.min(place, jobs.length - 1));
    this.#markedId = jobs[this.#marked]?.id ?? null;
  }

  #say(text: string): void {
    this.#message = { text, until: performance.now() + MESSAGE_MS };
  }

  /** Ctrl-Z: the shell gets its screen back until this process is continued. */
  #suspend(): void {
    this.#screen.leave();
    Deno.kill(Deno.pid, "SIGSTOP");
    this.#screen.enter();
    this.#isAsked = true;
  }
}
