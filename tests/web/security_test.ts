import assert from "node:assert/strict";
import { WebServer } from "./web_server.ts";

/** Every kind of route: the API, its stream, a file, the page, and those for machines. */
const PATHS = ["/api/jobs", "/api/events", "/api/login", "/", "/login.js", "/jobs/x", "/healthz", "/metrics"];

function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
}

/** The headers with which the dashboard's own page asks. */
function fromPage(web: WebServer, cookie: string): Record<string, string> {
  return { cookie, origin: web.url, "sec-fetch-site": "same-origin" };
}

/** Opens the link as a browser does; returns the cookie. */
async function logIn(web: WebServer): Promise<string> {
  const code = new URL(web.loginUrl).hash.replace("#code=", "");
  const { status, headers } = await web.ask("/api/login", { body: { code }, headers: { origin: web.url } });
  assert.equal(status, 204);
  return headers.get("set-cookie")!.split(";")[0]!;
}

Deno.test("web: a name that is not its own is not answered on any route, so DNS rebinding leads nowhere", () =>
  WebServer.use(async (web) => {
    const { port, token } = web;
    const foreign = [
      `evil.example:${port}`,
      "127.0.0.1",
      `127.0.0.1:${port + 1}`,
      `127.0.0.1:${port}.evil.example`,
    ];
    for (const path of PATHS) {
      for (const host of foreign) {
        const answer = await web.plain(path, { Host: host, Authorization: `Bearer ${token}` });
        assert.equal(statusOf(answer), 421, `${path} for ${host}`);
        assert.doesNotMatch(answer, /token|<html/i);
      }
    }
    // What it hints at is what the help says, too.
    const hint = /--allow-host ([^ ,]+)/.exec(await web.plain("/healthz", { Host: "evil.example" }))?.[1];
    const help = await web.home.run("web", "--help");
    assert.match(help, new RegExp(`--allow-host <${hint}> `, "i"));
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `LOCALHOST:${port}`, `[::1]:${port}`]) {
      assert.equal(statusOf(await web.plain("/healthz", { Host: host })), 200, host);
    }
  }));

Deno.test("web: a request without a host or with two is not answered", () =>
  WebServer.use(async (web) => {
    const own = `Host: 127.0.0.1:${web.port}\r\n`;
    for (const hosts of ["", `${own}Host: evil.example\r\n`, `Host: evil.example\r\n${own}`]) {
      const answer = await web.raw(`GET /healthz HTTP/1.1\r\n${hosts}Connection: close\r\n\r\n`);
      assert.doesNotMatch(answer, /^HTTP\/1\.1 200/, hosts);
    }
    // The address in the first line counts for nothing.
    const absolute = `GET http://127.0.0.1:${web.port}/healthz HTTP/1.1\r\nHost: evil.example\r\n`;
    assert.doesNotMatch(await web.raw(`${absolute}Connection: close\r\n\r\n`), /^HTTP\/1\.1 200/);
    // Nor is one there that isn't our own.
    const foreign = `GET http://evil.example/healthz HTTP/1.1\r\n${own}`;
    assert.match(await web.raw(`${foreign}Connection: close\r\n\r\n`), /^HTTP\/1\.1 421/);
  }));

Deno.test("web: more names are answered only if they were allowed", () =>
  WebServer.use(
    async (web) => {
      for (
        const [host, status] of [["dash.example", 200], ["proxy.example:8443", 200], [
          "proxy.example",
          421,
        ]] as const
      ) {
        assert.equal(statusOf(await web.plain("/healthz", { Host: host })), status, host);
      }
      assert.equal(statusOf(await web.plain("/healthz", { Host: `dash.example:${web.port}` })), 200);
    },
    ["--allow-host", "dash.example", "--allow-host", "proxy.example:8443"],
  ));

Deno.test("web: nothing of the API is answered without the token, the code or a session", () =>
  WebServer.use(async (web) => {
    await web.home.enqueue({ id: "secret", command: "true" });
    const document = await web.get("/api/openapi.json");
    const none = {};
    const wrong = { authorization: `Bearer ${web.token.slice(0, -1)}x` };
    const cookie = { cookie: `queuectl-${web.port}=9999999999.${"A".repeat(22)}.${"A".repeat(43)}` };
    for (const [path, methods] of Object.entries<Record<string, { security?: unknown[] }>>(document.paths)) {
      for (const [method, { security }] of Object.entries(methods)) {
        if (method === "parameters" || security?.length === 0) continue;
        for (const headers of [none, wrong, cookie, { ...wrong, ...cookie }]) {
          const body = method === "get" ? {} : { body: {} };
          const asked = path.replace("{id}", "secret").replace("{key}", "max_retries");
          const origin = { origin: web.url, ...headers };
          const answer = await web.ask(asked, { method: method.toUpperCase(), headers: origin, ...body });
          assert.equal(answer.status, 401, `${method} ${path}`);
          assert.doesNotMatch(answer.text, /secret/);
        }
      }
    }
    assert.equal((await web.ask("/api/jobs")).json.total, 1);
  }));

Deno.test("web: the page itself is only for whoever is logged in, others are led to the login", () =>
  WebServer.use(async (web) => {
    const away = await web.ask("/jobs/x?a=1", { headers: {} });
    assert.equal(away.status, 303);
    assert.equal(away.headers.get("location"), `/login?next=${encodeURIComponent("/jobs/x?a=1")}`);
    assert.equal((await web.ask("/login", { headers: {} })).status, 200);
    const cookie = await logIn(web);
    assert.equal((await web.ask("/jobs/x?a=1", { headers: { cookie } })).status, 200);
  }));

Deno.test("web: the link works once, and gives a cookie that no script and no other site gets", () =>
  WebServer.use(async (web) => {
    const url = new URL(web.loginUrl);
    // What is behind the # goes to no server, and into no Referer.
    assert.equal(url.search, "");
    const code = url.hash.replace("#code=", "");
    assert.ok(code.length >= 22 && code !== web.token);
    const body = { code };
    const first = await web.ask("/api/login", { body, headers: { origin: web.url } });
    const cookie = first.headers.get("set-cookie")!;
    for (const word of ["HttpOnly", "SameSite=Strict", "Path=/"]) assert.match(cookie, new RegExp(word));
    assert.doesNotMatch(cookie, new RegExp(web.token));
    const second = await web.ask("/api/login", { body, headers: { origin: web.url } });
    assert.deepEqual([second.status, second.headers.get("set-cookie")], [401, null]);
    const headers = { cookie: cookie.split(";")[0]! };
    assert.equal((await web.ask("/api/jobs", { headers })).status, 200);
  }));

Deno.test("web: the token logs in, a session survives a new server, and ends when it is ended", () =>
  WebServer.use(async (web) => {
    const bad = await web.ask("/api/login", {
      body: { token: "x".repeat(43) },
      headers: { origin: web.url },
    });
    assert.equal(bad.status, 401);
    const good = await web.ask("/api/login", { body: { token: web.token }, headers: { origin: web.url } });
    const cookie = good.headers.get("set-cookie")!.split(";")[0]!;
    await web.end();
    const again = await WebServer.start(web.home, ["--port", String(web.port)]);
    try {
      assert.equal((await again.ask("/api/jobs", { headers: { cookie } })).status, 200);
      const out = await again.ask("/api/logout", { body: {}, headers: fromPage(again, cookie) });
      assert.equal(out.status, 204);
      assert.match(out.headers.get("set-cookie")!, /Max-Age=0/);
      assert.equal((await again.ask("/api/jobs", { headers: { cookie } })).status, 401);
    } finally {
      await again.end();
    }
  }));

Deno.test("web: a session that was signed with another token is none", () =>
  WebServer.use(async (web) => {
    const cookie = await logIn(web);
    await web.end();
    await Deno.writeTextFile(`${web.home.dir}/run/web.token`, "z".repeat(43));
    const again = await WebServer.start(web.home, ["--port", String(web.port)]);
    try {
      assert.equal((await again.ask("/api/jobs", { headers: { cookie } })).status, 401);
    } finally {
      await again.end();
    }
  }));

Deno.test("web: a change that another page makes a browser send is refused", () =>
  WebServer.use(async (web) => {
    const cookie = await logIn(web);
    const body = { command: "touch owned" };
    const own = fromPage(web, cookie);
    const foreign: Record<string, string>[] = [
      { cookie, origin: "http://evil.example", "sec-fetch-site": "cross-site" },
      { cookie, origin: `http://127.0.0.1:${web.port + 1}`, "sec-fetch-site": "same-site" },
      { cookie, origin: `http://127.0.0.1:${web.port + 1}` },
      { cookie, origin: "null" },
      { cookie, origin: web.url, "sec-fetch-site": "cross-site" },
      { cookie, "sec-fetch-site": "cross-site" },
      { cookie, "sec-fetch-site": "none" },
      { cookie },
      { authorization: `Bearer ${web.token}`, origin: "http://evil.example" },
    ];
    for (const headers of foreign) {
      const { status, json } = await web.ask("/api/jobs", { body, headers });
      assert.deepEqual([status, json.error.code], [403, "forbidden"], JSON.stringify(headers));
    }
    assert.equal((await web.get("/api/jobs")).total, 0);
    assert.equal((await web.ask("/api/jobs", { body, headers: own })).status, 201);
    assert.equal((await web.ask("/api/jobs", { body })).status, 201, "no browser, but the token");
  }));

Deno.test("web: another page can't read the API through a browser, nor log it in", () =>
  WebServer.use(async (web) => {
    const cookie = await logIn(web);
    for (const site of ["cross-site", "same-site"]) {
      const headers = { cookie, "sec-fetch-site": site };
      assert.equal((await web.ask("/api/jobs", { headers })).status, 403);
      assert.equal((await web.ask("/api/events", { headers })).status, 403);
    }
    const { status } = await web.ask("/api/login", {
      ...{ body: { token: web.token }, headers: { origin: "http://evil.example" } },
    });
    assert.equal(status, 403);
  }));

Deno.test("web: a link elsewhere may lead a person to the page, but nothing may be loaded or framed from elsewhere", () =>
  WebServer.use(async (web) => {
    const visit = {
      "sec-fetch-site": "cross-site",
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "document",
    };
    assert.equal((await web.ask("/jobs", { headers: visit })).status, 303);
    assert.equal((await web.ask("/login", { headers: visit })).status, 200);
    const cookie = await logIn(web);
    const elsewhere: [string, Record<string, string>][] = [
      ["/api/jobs", { ...visit, cookie }],
      ["/metrics", { ...visit, cookie }],
      ["/", { ...visit, cookie, "sec-fetch-dest": "iframe" }],
      ["/login.js", {
        cookie,
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "no-cors",
        "sec-fetch-dest": "script",
      }],
    ];
    for (const [path, headers] of elsewhere) {
      assert.equal((await web.ask(path, { headers })).status, 403, path);
    }
  }));

Deno.test("web: what a form can send is no change", () =>
  WebServer.use(async (web) => {
    const own = { ...fromPage(web, await logIn(web)) };
    for (
      const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
    ) {
      const response = await fetch(`${web.url}/api/jobs`, {
        method: "POST",
        headers: { ...own, "content-type": type },
        body: `{"command": "touch owned"}`,
      });
      assert.deepEqual([response.status, (await response.json()).error.code], [415, "not_json"], type);
    }
    assert.equal((await web.get("/api/jobs")).total, 0);
  }));

Deno.test("web: no GET changes anything", () =>
  WebServer.use(async (web) => {
    await web.home.enqueue({ id: "a", command: "true" });
    const before = await web.home.json("get", "a");
    const document = await web.get("/api/openapi.json");
    for (const path of Object.keys(document.paths).filter((path) => path !== "/api/events")) {
      for (const method of ["GET", "HEAD"]) {
        const response = await fetch(web.url + path.replace("{id}", "a").replace("{key}", "max_retries"), {
          ...{ method, headers: { authorization: `Bearer ${web.token}` } },
        });
        await response.body?.cancel();
      }
    }
    assert.deepEqual(await web.home.json("get", "a"), before);
  }));

Deno.test("web: browsers are told to allow nothing that the page doesn't need", () =>
  WebServer.use(async (web) => {
    for (const path of PATHS.filter((path) => path !== "/api/events")) {
      const { headers } = await web.ask(path, { headers: { origin: web.url } });
      const policy = headers.get("content-security-policy")!;
      assert.match(policy, /^default-src 'none'; /, path);
      for (
        const rule of ["frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'", "script-src 'self'"]
      ) {
        assert.ok(policy.includes(rule), `${path}: ${rule}`);
      }
      assert.doesNotMatch(policy, /unsafe|\*|https?:|data:/);
      assert.equal(headers.get("x-content-type-options"), "nosniff");
      assert.equal(headers.get("referrer-policy"), "no-referrer");
      assert.equal(headers.get("x-frame-options"), "DENY");
      assert.equal(headers.get("cross-origin-resource-policy"), "same-origin");
      assert.equal(headers.get("access-control-allow-origin"), null);
      if (path.startsWith("/api") || path === "/metrics") {
        assert.match(headers.get("cache-control")!, /^no-store/, path);
      }
    }
    const asked = await web.ask("/api/jobs", {
      method: "OPTIONS",
      headers: { origin: "http://evil.example", "access-control-request-method": "POST" },
    });
    assert.equal(asked.headers.get("access-control-allow-origin"), null);
    assert.equal(asked.headers.get("access-control-allow-methods"), null);
  }));

Deno.test("web --read-only: no change is possible, everything can be read", () =>
  WebServer.use(async (web) => {
    await web.home.enqueue({ id: "a", command: "true", run_at: "2099-01-01" });
    const document = await web.get("/api/openapi.json");
    let refused = 0;
    for (const [path, methods] of Object.entries<Record<string, unknown>>(document.paths)) {
      if (["/api/login", "/api/logout"].includes(path)) continue;
      for (const method of Object.keys(methods).filter((name) => ["post", "put", "delete"].includes(name))) {
        const asked = path.replace("{id}", "a").replace("{key}", "max_retries");
        const answer = await web.ask(asked, { method: method.toUpperCase(), body: {} });
        assert.deepEqual([answer.status, answer.json.error.code], [403, "read_only"], `${method} ${path}`);
        refused++;
      }
    }
    assert.ok(refused >= 10);
    const cookie = await logIn(web);
    assert.equal((await web.ask("/api/jobs/a", { headers: { cookie } })).json.state, "pending");
    assert.equal((await web.get("/api/session")).read_only, true);
  }, ["--read-only"]));

Deno.test("web: the token is in no list of processes, no output and no answer", () =>
  WebServer.use(async (web) => {
    const token = "t".repeat(40);
    await web.end();
    const again = await WebServer.start(web.home, [], { QUEUECTL_WEB_TOKEN: token });
    try {
      const { stdout } = await new Deno.Command("ps", { args: ["axww", "-o", "args"], stdin: "null" })
        .output();
      assert.doesNotMatch(new TextDecoder().decode(stdout), new RegExp(`${token}|${web.token}`));
      assert.doesNotMatch(again.loginUrl, new RegExp(token));
      for (const path of ["/api/session", "/api/overview", "/", "/login", "/login.js", "/api/nothing"]) {
        const { text, headers } = await again.ask(path);
        assert.doesNotMatch(text + JSON.stringify([...headers]), new RegExp(token), path);
      }
      // The home's own token is not the one that counts now.
      const old = await again.ask("/api/jobs", { headers: { authorization: `Bearer ${web.token}` } });
      assert.equal(old.status, 401);
    } finally {
      await again.end();
    }
  }));
