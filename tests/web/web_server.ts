/**
 * A dashboard for one test: the real program, asked over real HTTP. Every answer is checked against the OpenAPI
 * document that the program itself serves.
 */

import assert from "node:assert/strict";
import { Ajv2020 } from "ajv/dist/2020.js";
import { start } from "../harness/program.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";

/** An answer. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body, if it is JSON. */
  // deno-lint-ignore no-explicit-any -- tests look into whatever shape the API answers
  readonly json: any;
}

/** How to ask. Without `headers`, the token is shown. */
export interface Asking {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** What `queuectl web --json` prints. */
interface Announced {
  readonly url: string;
  readonly login_url: string;
  readonly port: number;
  readonly pid: number;
}

/** A server in a home of its own. */
export class WebServer {
  readonly home: TemporaryHome;
  readonly url: string;
  readonly loginUrl: string;
  readonly port: number;
  readonly pid: number;
  readonly token: string;
  readonly #child: Deno.ChildProcess;
  #check: AnswerCheck = () => {};

  private constructor(home: TemporaryHome, child: Deno.ChildProcess, told: Announced, token: string) {
    this.home = home;
    this.url = told.url.replace(/\/$/, "");
    this.loginUrl = told.login_url;
    this.port = told.port;
    this.pid = told.pid;
    this.token = token;
    this.#child = child;
  }

  /** Calls `work` with a server that was started with `flags`, and leaves nothing behind. */
  static use(
    work: (web: WebServer) => Promise<void>,
    flags: readonly string[] = [],
    env: Record<string, string> = {},
  ): Promise<void> {
    return TemporaryHome.use(async (home) => {
      const web = await WebServer.start(home, flags, env);
      try {
        await work(web);
      } finally {
        await web.end();
      }
    });
  }

  /** Starts a server in a home. */
  static async start(
    home: TemporaryHome,
    flags: readonly string[] = [],
    env: Record<string, string> = {},
  ): Promise<WebServer> {
    const port = flags.includes("--port") ? [] : ["--port", "0"];
    const child = start(home.dir, ["web", "--json", ...port, ...flags], { env });
    await child.stdin.close();
    child.stderr.pipeTo(new WritableStream()).catch(() => {});
    const told: Announced = JSON.parse(await firstDocument(child.stdout));
    const file = flags.includes("--token-file")
      ? flags[flags.indexOf("--token-file") + 1]!
      : `${home.dir}/run/web.token`;
    const token = env.QUEUECTL_WEB_TOKEN ?? (await Deno.readTextFile(file)).trim();
    const web = new WebServer(home, child, told, token);
    web.#check = checkOf(await web.get("/api/openapi.json"));
    return web;
  }

  /** Asks the API, or for a page; checks the answer against the OpenAPI document. */
  async ask(path: string, { method, body, headers }: Asking = {}): Promise<Answer> {
    const verb = method ?? (body === undefined ? "GET" : "POST");
    const response = await fetch(this.url + path, {
      method: verb,
      redirect: "manual",
      headers: {
        ...headers ?? { authorization: `Bearer ${this.token}` },
        ...body === undefined ? {} : { "content-type": "application/json" },
      },
      ...body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) },
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json");
    const answer = {
      ...{ status: response.status, headers: response.headers, text },
      json: isJson ? JSON.parse(text) : null,
    };
    if (isJson) this.#check(verb, path, answer);
    return answer;
  }

  /** Asks, and fails the test unless it succeeds; returns the JSON. */
  // deno-lint-ignore no-explicit-any -- as in `Answer`
  async get(path: string, asking: Asking = {}): Promise<any> {
    const answer = await this.ask(path, asking);
    assert.ok(answer.status < 300, `${path} answered ${answer.status}: ${answer.text}`);
    return answer.json;
  }

  /** Sends bytes as they are and returns all that comes back until the server ends the connection. */
  async raw(text: string): Promise<string> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: this.port });
    try {
      await connection.write(new TextEncoder().encode(text));
      return await new Response(connection.readable).text();
    } catch {
      return "";
    }
  }

  /** A GET in so many words, with whatever headers. */
  async plain(path: string, headers: Record<string, string>): Promise<string> {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    return await this.raw(`GET ${path} HTTP/1.1\r\n${lines.join("")}Connection: close\r\n\r\n`);
  }

  /** Ends it with a signal, unless it has ended; returns its exit code. */
  async end(signal: Deno.Signal = "SIGTERM"): Promise<number> {
    try {
      Deno.kill(this.pid, signal);
    } catch {
      // It has ended already.
    }
    return (await this.#child.status).code;
  }
}

type AnswerCheck = (method: string, path: string, answer: Answer) => void;

/** Fails the test for an answer that the document doesn't describe. */
// deno-lint-ignore no-explicit-any -- an OpenAPI document
function checkOf(document: any): AnswerCheck {
  const ajv = new Ajv2020({
    strict: false,
    formats: { "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/ },
  });
  ajv.addSchema(document, "openapi");
  const templates = Object.keys(document.paths).toSorted((a, b) => a.split("{").length - b.split("{").length);
  return (method, path, { status, json, text }) => {
    const [plain] = path.split("?");
    const template = templates.find((one) =>
      document.paths[one][method.toLowerCase()] !== undefined &&
      new RegExp(`^${one.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(plain!)
    );
    const known = document.paths[template ?? ""]?.[method.toLowerCase()]?.responses ?? {};
    const at = `/paths/${template?.replaceAll("/", "~1")}/${method.toLowerCase()}/responses/${status}`;
    const pointer = known[status] === undefined
      ? "/components/schemas/Error"
      : `${at}/content/application~1json/schema`;
    assert.ok(known[status] !== undefined || status >= 400, `${method} ${path}: ${status} is not described`);
    const isValid = ajv.compile({ $ref: `openapi#${pointer.split("/").map(encodeURIComponent).join("/")}` });
    assert.ok(isValid(json), `${method} ${path}: ${ajv.errorsText(isValid.errors)} in ${text.slice(0, 500)}`);
  };
}

/** What a program prints up to the end of its first JSON document; what comes later is read and dropped. */
async function firstDocument(stream: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stream.getReader();
  let text = "";
  while (!text.includes("\n}")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`The dashboard has ended: ${text}`);
    text += new TextDecoder().decode(value);
  }
  reader.releaseLock();
  stream.pipeTo(new WritableStream()).catch(() => {});
  return text;
}
