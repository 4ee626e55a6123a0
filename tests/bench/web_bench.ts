/**
 * What the dashboard costs at a million jobs, beside a thousand: each route as a whole request over HTTP.
 */

import { start } from "../harness/program.ts";
import { type Figure, figure, median } from "./report.ts";
import { fillStore } from "./sized_store.ts";

const SIZES = { small: 1000, large: 1_000_000 };
const ROUNDS = 7;
/** Requests a round, of which the median counts. */
const REQUESTS = 20;

const ROUTES: Record<string, string> = {
  "first page": "/",
  "/api/status": "/api/status",
  "/api/overview": "/api/overview",
  "/api/series of a day": "/api/series?span=1d",
  "/api/jobs, newest": "/api/jobs",
  "/api/jobs, one state": "/api/jobs?state=completed&sort=created",
  "/api/jobs, by their end": "/api/jobs?sort=-finished",
  "/api/jobs, in the middle": "/api/jobs?cursor=n.500",
  "/metrics": "/metrics",
};

/** A dashboard over a store of a given size. */
interface Server {
  readonly url: string;
  readonly token: string;
  readonly child: Deno.ChildProcess;
}

async function serve(home: string): Promise<Server> {
  const child = start(home, ["web", "--json", "--port", "0"]);
  child.stderr.pipeTo(new WritableStream()).catch(() => {});
  let text = "";
  const reader = child.stdout.getReader();
  while (!text.includes("\n}")) text += new TextDecoder().decode((await reader.read()).value);
  const token = Deno.readTextFileSync(`${home}/run/web.token`).trim();
  const server = { url: JSON.parse(text).url.replace(/\/$/, ""), token, child };
  while (!(await (await ask(server, "/api/series")).json()).is_complete);
  return server;
}

function ask({ url, token }: Server, path: string): Promise<Response> {
  return fetch(url + path, { headers: { authorization: `Bearer ${token}` } });
}

async function timeOf(server: Server, path: string): Promise<number> {
  const times: number[] = [];
  for (let number = 0; number < REQUESTS; number++) {
    const startedAt = performance.now();
    const response = await ask(server, path);
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`${path} answered ${response.status}`);
    times.push(performance.now() - startedAt);
  }
  return median(times);
}

/** Times a search through all jobs, which goes on in as many requests as it takes. */
async function searchTimes(server: Server): Promise<number[]> {
  const times: number[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const startedAt = performance.now();
    const page: { next: string | null } =
      await (await ask(server, `/api/jobs?search=nothing-like-it&cursor=${cursor}`)).json();
    times.push(performance.now() - startedAt);
    cursor = page.next;
  }
  return times;
}

/** The figures of the dashboard, in a temporary folder. */
export async function webFigures(folder: string): Promise<Figure[]> {
  const servers: Record<string, Server> = {};
  try {
    for (const [name, count] of Object.entries(SIZES)) {
      const home = `${folder}/web-${name}`;
      await Deno.mkdir(home, { recursive: true });
      await fillStore(`${home}/queue.db`, count);
      servers[name] = await serve(home);
    }
    const figures: Figure[] = [];
    for (const [what, path] of Object.entries(ROUTES)) {
      const rounds: { ours: number; theirs: number }[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const theirs = await timeOf(servers.small!, path);
        rounds.push({ ours: await timeOf(servers.large!, path), theirs });
      }
      figures.push(figure(`web: ${what}, 1,000,000 jobs ÷ 1,000`, rounds, {
        ...{ budget: { atMost: 1.5 }, unit: "ms", names: ["at 1,000,000", "at 1,000"] },
      }));
    }
    const search = await searchTimes(servers.large!);
    const [total, longest] = [search.reduce((sum, ms) => sum + ms, 0), Math.max(...search)].map(Math.round);
    const told =
      `A search through 1,000,000 jobs took ${total} ms, in ${search.length} requests of at most ${longest} ms`;
    Deno.stderr.writeSync(new TextEncoder().encode(`${told}\n`));
    return figures;
  } finally {
    for (const { child } of Object.values(servers)) {
      child.kill("SIGTERM");
      await child.status;
    }
  }
}
