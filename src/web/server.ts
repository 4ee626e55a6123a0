/**
 * The dashboard's server, from opening its port to its end.
 */

import { join } from "node:path";
import { QueueError } from "../core/errors.ts";
import type { Home } from "../home/home.ts";
import { removeIfThere } from "../home/output_files.ts";
import { Access, loadToken } from "./access.ts";
import { webApp } from "./app.ts";
import { Gate, LIMITS } from "./gate.ts";
import { hostsOf, isLoopback, urlHost } from "./hosts.ts";
import { Live } from "./live.ts";
import { OutputWatch } from "./output_watch.ts";
import { Overview } from "./overview.ts";
import type { SiteOptions } from "./site.ts";
import { Tallies } from "./tallies.ts";

/** What a server needs. */
export interface WebOptions extends SiteOptions {
  readonly hostname: string;
  /** 0: any free one. */
  readonly port: number;
  /** More names under which the server may be asked, such as a proxy's. */
  readonly allowedHosts: readonly string[];
  /** The file with the token; null: the home's own. */
  readonly tokenFile: string | null;
}

/** A server that has begun to answer. */
export interface WebServer {
  readonly url: string;
  /** The address that lets in whoever opens it first. */
  readonly loginUrl: string;
  readonly port: number;
  /** Whether only this machine can reach it. */
  readonly isLocal: boolean;
  /** Ends it: streams are told, requests that are being answered get a moment. */
  close(): Promise<void>;
}

/** How old what is known of the workers may be. */
const FRESH_MS = 250;
/** How long requests that are being answered may still take when the server ends. */
const CLOSING_MS = 2000;
/** How long their last bytes may take to get through the gate. */
const FLUSHING_MS = 500;
/** What the rest of the program opens. */
const SPARE_DESCRIPTORS = 64;
/** The kernel takes no longer path for a socket. */
const MAX_SOCKET_PATH_BYTES = 104;

/**
 * Starts the server. Throws `failed` if it can't listen there, and what `loadToken` throws.
 */
export async function startWeb(options: WebOptions): Promise<WebServer> {
  const { store, home, now } = options;
  const access = new Access(loadToken(home, options.tokenFile), now);
  const socket = await privateSocket(home);
  const gate = openGate(options, socket.path);
  const ending = new AbortController();
  try {
    const workers = fresh(options.workers);
    const overview = new Overview({ store, workers, now });
    const outputs = new OutputWatch({ home, storeUid: store.uid });
    const claims = new Map((await store.processing()).map((job) => [job.seq, job.claim.since]));
    const afterId = await store.reports.lastEntryId();
    const tallies = new Tallies(store.reports, { startedAt: now(), claims });
    const live = new Live({
      ...{ store, home, overview, tallies, outputs, afterId },
      hello: { read_only: options.isReadOnly, version: options.version },
      onTrouble: options.onFault,
    });
    const hosts = hostsOf({ hostname: options.hostname, port: gate.port, allowed: options.allowedHosts });
    const app = webApp({ ...options, workers, access, hosts, live, overview, tallies, outputs });
    const server = Deno.serve({ path: socket.path, onListen: () => {} }, (request) => app.fetch(request));
    Deno.chmodSync(socket.path, 0o600);
    tallies.readPast(ending.signal).catch((error) => options.onFault(error));
    const url = `http://${urlHost(options.hostname)}:${gate.port}/`;
    return {
      url,
      loginUrl: `${url}login#code=${access.newCode()}`,
      port: gate.port,
      isLocal: isLoopback(options.hostname),
      close: async () => {
        gate.stopAccepting();
        ending.abort();
        outputs.close();
        live.close();
        const ended = server.shutdown();
        await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, CLOSING_MS))]);
        await gate.close(FLUSHING_MS);
        socket.remove();
      },
    };
  } catch (error) {
    await gate.close();
    socket.remove();
    throw error;
  }
}

/** The same answer for all who ask within a moment: a look at the workers' processes starts one itself. */
function fresh<T>(make: () => Promise<T>): () => Promise<T> {
  let last: { readonly atMs: number; readonly made: Promise<T> } | null = null;
  return () => {
    if (last === null || performance.now() - last.atMs > FRESH_MS) {
      last = { atMs: performance.now(), made: make() };
      last.made.catch(() => last = null);
    }
    return last.made;
  };
}

function openGate({ hostname, port }: WebOptions, socketPath: string): Gate {
  const place = `${urlHost(hostname)}:${port}`;
  try {
    return new Gate({ hostname, port, socketPath, limits: { ...LIMITS, maxConnections: affordable() } });
  } catch (error) {
    const other = `queuectl web --port ${port < 65_535 ? port + 1 : 5000}, or --port 0 for any that is free`;
    const told: [new () => Error, string, string][] = [
      [Deno.errors.AddrInUse, "another program listens there, perhaps this one already", other],
      [Deno.errors.PermissionDenied, "only root may", other],
      [Deno.errors.AddrNotAvailable, "this machine has no such address", "queuectl web --host 127.0.0.1"],
    ];
    const [, why, hint] = told.find(([kind]) => error instanceof kind) ??
      [null, (error as Error).message.replace(/ \(os error.*/, ""), "queuectl web --host 127.0.0.1"];
    throw new QueueError("failed", `Cannot listen on ${place}: ${why}`, { hint, cause: error });
  }
}

/** How many connections the system lets this process have: each takes three descriptors. */
function affordable(): number {
  const { stdout } = new Deno.Command("/bin/sh", { args: ["-c", "ulimit -n"], stderr: "null" }).outputSync();
  const descriptors = Number(new TextDecoder().decode(stdout)) || Infinity; // or "unlimited"
  return Math.max(1, Math.min(LIMITS.maxConnections, Math.floor((descriptors - SPARE_DESCRIPTORS) / 3)));
}

/** Where the gate hands connections on: a socket that nobody else can reach. */
async function privateSocket(home: Home): Promise<{ path: string; remove: () => void }> {
  for (const { name } of Deno.readDirSync(home.runDir)) {
    if (!/^web-\d+\.sock$/.test(name)) continue;
    const left = join(home.runDir, name);
    if (!await isListenedAt(left)) removeIfThere(left);
  }
  const path = join(home.runDir, `web-${Deno.pid}.sock`);
  if (new TextEncoder().encode(path).length <= MAX_SOCKET_PATH_BYTES) {
    removeIfThere(path);
    return { path, remove: () => removeIfThere(path) };
  }
  const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "queuectl-web-" });
  return { path: join(folder, "web.sock"), remove: () => Deno.removeSync(folder, { recursive: true }) };
}

/** Whether a server listens at a socket; one that was killed has left its own. */
async function isListenedAt(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch {
    return false;
  }
}
