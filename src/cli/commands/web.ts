/**
 * `web`: the dashboard and its API, until it is told to stop.
 */

import manifest from "../../../deno.json" with { type: "json" };
import { badInput } from "../../core/errors.ts";
import { printableLine } from "../../core/printable.ts";
import { onHangup } from "../../home/nohup.ts";
import type { Context, DashboardServer } from "../context.ts";

/** What the flags say. */
export interface WebFlags {
  readonly host?: string;
  readonly port?: string;
  readonly open?: boolean;
  readonly readOnly?: boolean;
  readonly tokenFile?: string;
  readonly allowHost?: string[];
}

const DEFAULT_HOST = "127.0.0.1";
const DEFAULT_PORT = 5000;
const MAX_PORT = 65_535;
const FAULT_PAUSE_MS = 60_000;
const MAX_TOLD_FAULTS = 100;

/** Serves the dashboard. Returns 0 once it was told to stop. */
export async function web(context: Context, _operands: readonly string[], flags: WebFlags): Promise<number> {
  const told = untilToldToStop();
  // Workers, which are processes of their own, call the C library; whoever talks to this server is kept from it.
  Deno.permissions.revokeSync({ name: "ffi" });
  const { startWeb } = await context.wiring.web();
  const store = await context.store();
  const server = await startWeb({
    ...{ store, queue: await context.queue(), home: context.home, now: Date.now },
    workers: () => context.workers(),
    ...{ version: manifest.version, cwd: Deno.cwd() },
    hostname: flags.host || DEFAULT_HOST,
    port: flags.port === undefined ? DEFAULT_PORT : parsePort(flags.port),
    allowedHosts: (flags.allowHost ?? []).map(parseHost),
    tokenFile: flags.tokenFile ?? null,
    isReadOnly: flags.readOnly === true,
    onFault: faultTeller(context),
  });
  try {
    announce(context, server, flags);
    if (flags.open) await (await import("./open_browser.ts")).openBrowser(context, server.loginUrl);
    await told;
  } finally {
    await server.close();
  }
  return 0;
}

/** Tells what goes wrong, but the same thing no more than once a minute: what can't be read is tried again. */
function faultTeller(context: Context): (error: unknown) => void {
  const toldAt = new Map<string, number>();
  return (error) => {
    const message = error instanceof Error ? error.message : String(error);
    if (performance.now() - (toldAt.get(message) ?? -Infinity) < FAULT_PAUSE_MS) return;
    if (toldAt.size > MAX_TOLD_FAULTS) toldAt.clear();
    toldAt.set(message, performance.now());
    context.output.talk(`queuectl web: ${printableLine(message)}`);
  };
}

function announce(context: Context, server: DashboardServer, flags: WebFlags): void {
  const { output } = context;
  if (context.flags.json) {
    output.json({
      ...{ url: server.url, login_url: server.loginUrl, port: server.port },
      ...{ read_only: flags.readOnly === true, pid: Deno.pid },
    });
  } else {
    output.result(`Dashboard: ${link(server.loginUrl)}`);
  }
  output.talk(
    `The link works once, within an hour; from then on it is ${server.url}. Ctrl-C ends the dashboard.`,
  );
  if (!server.isLocal) {
    output.talk("Others can reach it over the network, where nothing that they send or get is encrypted.");
  }
}

/** An address that a terminal makes clickable; plain text elsewhere. */
function link(url: string): string {
  return Deno.stdout.isTerminal() ? `\x1b]8;;${url}\x1b\\${url}\x1b]8;;\x1b\\` : url;
}

/** Resolves at the first signal to stop; a second one ends the process, as signals do. */
function untilToldToStop(): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
      resolve();
    };
    const listeners: [Deno.Signal, () => void][] = [
      ["SIGINT", stop],
      ["SIGTERM", stop],
      ["SIGHUP", () => onHangup(stop)],
    ];
    for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  });
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= MAX_PORT) return port;
  throw badInput(
    `Cannot use --port ${text}: it is a whole number from 0 to ${MAX_PORT}`,
    "queuectl web --port 0",
  );
}

function parseHost(text: string): string {
  if (/^[a-z0-9.[\]:_-]+$/i.test(text)) return text;
  throw badInput(`Cannot use --allow-host ${text}: it is like dash.example.com or dash.example.com:8080`);
}
