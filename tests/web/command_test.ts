import assert from "node:assert/strict";
import { programCommand, start } from "../harness/program.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { isGone, waitFor } from "../harness/wait_for.ts";
import { EventSource } from "./event_source.ts";
import { WebServer } from "./web_server.ts";

/** Calls `web` where it has to refuse; what serves instead is ended, and fails the test. */
async function refused(home: TemporaryHome, flags: string[], env: Record<string, string> = {}) {
  const child = start(home.dir, ["web", ...flags], { env });
  await child.stdin.close();
  const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
  const { code, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
}

Deno.test("web: prints the link on stdout, and what it means on stderr", () =>
  TemporaryHome.use(async (home) => {
    const child = start(home.dir, ["web", "--port", "0"]);
    const reader = child.stdout.getReader();
    const line = new TextDecoder().decode((await reader.read()).value);
    assert.match(line, /^Dashboard: http:\/\/127\.0\.0\.1:\d+\/login#code=[\w-]{43}\n$/);
    child.kill("SIGINT");
    assert.equal((await child.status).code, 0);
    reader.releaseLock();
    assert.match(
      await new Response(child.stderr).text(),
      /^The link works once, .*Ctrl-C ends the dashboard\.\n$/,
    );
    await child.stdin.close();
    await child.stdout.cancel();
  }));

Deno.test("web: on a terminal the link can be clicked, and Ctrl-C ends it", () =>
  TemporaryHome.use(async (home) => {
    const log = `${home.dir}/typescript`;
    const words = [...programCommand(), "dashboard", "--port", "0"].map((word) => `'${word}'`);
    // Without `exec` a plain shell waits for it, and ends by the same Ctrl-C with a code of its own.
    const command = `exec ${words.join(" ")}`;
    const child = new Deno.Command("script", {
      args: ["--quiet", "--flush", "--return", "--command", command, log],
      ...{ env: { QUEUECTL_HOME: home.dir }, stdin: "piped", stdout: "null", stderr: "null" },
    }).spawn();
    const shown = await waitFor("the link", async () => {
      const text = await Deno.readTextFile(log).catch(() => "");
      return text.includes("Ctrl-C") ? text : null;
    });
    // deno-lint-ignore no-control-regex -- a link is made of escapes
    const [, target, text] = /\u001b]8;;(http:[^\u001b]+)\u001b\\(http:[^\u001b]+)\u001b]8;;\u001b\\/.exec(
      shown,
    )!;
    assert.equal(target, text);
    // Signing in and showing the cookie afterwards.
    const { origin, hash } = new URL(target!);
    const login = await fetch(`${origin}/api/login`, {
      method: "POST",
      headers: { "content-type": "application/json", origin },
      body: JSON.stringify({ code: hash.replace("#code=", "") }),
    });
    const cookie = login.headers.get("set-cookie")!.split(";")[0]!;
    const session = await fetch(`${origin}/api/session`, { headers: { cookie } });
    assert.equal(session.status, 200, await session.text());
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode("\x03"));
    assert.equal((await child.status).code, 0);
    const lines = (await Deno.readTextFile(log)).replaceAll("\r", "").replace("^C", "").split("\n");
    const said = lines.filter((line) => line !== "" && !/^Script (started|done) /.test(line));
    assert.equal(said.length, 2, said.join("\n"));
    assert.match(said[0]!, /^Dashboard: /);
    assert.match(said[1]!, /^The link works once, .*Ctrl-C ends the dashboard\.$/);
    await writer.close().catch(() => {});
  }));

Deno.test("web: a port that is taken is told, with another one to try", () =>
  WebServer.use(async (web) => {
    const { code, stderr } = await refused(web.home, ["--port", String(web.port)]);
    assert.equal(code, 1);
    assert.equal(
      stderr,
      `Error: Cannot listen on 127.0.0.1:${web.port}: another program listens there, perhaps this one already\n` +
        `Try: queuectl web --port ${web.port + 1}, or --port 0 for any that is free\n`,
    );
    // The one that was there first is unharmed.
    assert.equal((await web.ask("/healthz")).status, 200);
  }));

Deno.test("web: flags that can't be used are told before anything is served", () =>
  TemporaryHome.use(async (home) => {
    for (
      const flags of [["--port", "70000"], ["--port", "x"], ["--allow-host", "a b"], [
        "--host",
        "203.0.113.1",
      ]]
    ) {
      const { code, stderr, stdout } = await refused(home, flags);
      assert.ok([1, 2].includes(code), flags.join(" "));
      assert.match(stderr, /^Error: .+\nTry: .+\n$/);
      assert.equal(stdout, "");
    }
    const left = [...Deno.readDirSync(`${home.dir}/run`)].map(({ name }) => name);
    assert.deepEqual(left.filter((name) => name.endsWith(".sock")), []);
  }));

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.test(`web: ${signal} ends it in good order, though streams are open and clients say nothing`, () =>
    WebServer.use(async (web) => {
      const streams = await Promise.all([1, 2, 3].map(() => EventSource.open(web)));
      const silent = await Deno.connect({ hostname: "127.0.0.1", port: web.port });
      await waitFor("the streams", () => streams.every((stream) => stream.of("overview").length > 0));
      Deno.kill(web.pid, signal);
      await waitFor("its end", () => isGone(web.pid));
      assert.equal(await web.end(), 0);
      for (const stream of streams) assert.equal(await stream.ended, true);
      silent.close();
      const left = [...Deno.readDirSync(`${web.home.dir}/run`)].map(({ name }) => name);
      assert.deepEqual(left.filter((name) => /sock|open/.test(name)), []);
    }));
}

Deno.test("web: what a server that was killed has left is no hindrance to the next one", () =>
  TemporaryHome.use(async (home) => {
    const first = await WebServer.start(home);
    await first.end("SIGKILL");
    const second = await WebServer.start(home, ["--port", String(first.port)]);
    assert.equal((await second.ask("/healthz")).status, 200);
    await second.end();
    const left = [...Deno.readDirSync(`${home.dir}/run`)].map(({ name }) => name);
    assert.deepEqual(left.filter((name) => name.endsWith(".sock")), []);
  }));

Deno.test("web: two servers of one home don't disturb each other", () =>
  WebServer.use(async (first) => {
    const second = await WebServer.start(first.home);
    assert.equal((await second.ask("/healthz")).status, 200);
    await second.end();
    // A new connection, for which the first server's socket must still be there.
    assert.match(await first.plain("/healthz", { Host: `127.0.0.1:${first.port}` }), /^HTTP\/1\.1 200/);
  }));

Deno.test("web: a home is served whose path is longer than a socket's may be", () =>
  TemporaryHome.use(async (home) => {
    const dir = `${home.dir}/${"deep/".repeat(30)}home`;
    await Deno.mkdir(dir, { recursive: true, mode: 0o700 });
    const folders = () =>
      [...Deno.readDirSync("/tmp")].filter(({ name }) => name.startsWith("queuectl-web-"));
    const before = folders().length;
    const web = await WebServer.start({ dir } as TemporaryHome);
    assert.equal((await web.ask("/healthz")).status, 200);
    await web.end();
    assert.equal(folders().length, before);
  }));

Deno.test("web: the token is kept in a private file, or in one that is named", () =>
  TemporaryHome.use(async (home) => {
    const first = await WebServer.start(home);
    const path = `${home.dir}/run/web.token`;
    assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
    assert.ok(first.token.length >= 43);
    await first.end();
    const second = await WebServer.start(home);
    assert.equal(second.token, first.token);
    await second.end();
    Deno.chmodSync(path, 0o644);
    const open = await refused(home, ["--port", "0"]);
    assert.equal(open.code, 5);
    assert.match(
      open.stderr,
      /^Error: Cannot use the token in .*: other users can read or change it\nTry: chmod 600 /,
    );
    const named = `${home.dir}/my.token`;
    await Deno.writeTextFile(named, `${"n".repeat(30)}\n`, { mode: 0o600 });
    const third = await WebServer.start(home, ["--token-file", named]);
    const headers = { authorization: `Bearer ${"n".repeat(30)}` };
    assert.equal((await third.ask("/api/session", { headers })).status, 200);
    await third.end();
  }));

Deno.test("web: a token that could be guessed is refused", () =>
  TemporaryHome.use(async (home) => {
    const { code, stderr } = await refused(home, ["--port", "0"], { QUEUECTL_WEB_TOKEN: "secret" });
    assert.equal(code, 2);
    assert.match(stderr, /at least 22 printable characters/);
    assert.doesNotMatch(stderr, /secret\b(?! )/);
  }));

Deno.test("web --open: gives the browser a private page that leads to the link, and the link to no list of processes", () =>
  TemporaryHome.use(async (home) => {
    const seen = `${home.dir}/seen`;
    const browser = `${home.dir}/browser`;
    const copy =
      `#!/bin/sh\necho "$1" > "${seen}.args"\ncp "\${1#file://}" "${seen}.part" && mv "${seen}.part" "${seen}"\n`;
    await Deno.writeTextFile(browser, copy, { mode: 0o700 });
    const web = await WebServer.start(home, ["--open"], { BROWSER: browser });
    const page = await waitFor("the browser", () => Deno.readTextFile(seen).catch(() => null));
    assert.ok(page.includes(web.loginUrl));
    const given = await Deno.readTextFile(`${seen}.args`);
    assert.match(given, /^file:\/\/\/.*\.html\n$/);
    assert.doesNotMatch(given, /code=/);
    const [file] = [...Deno.readDirSync(`${home.dir}/run`)].filter(({ name }) => name.endsWith(".html"));
    assert.equal(Deno.statSync(`${home.dir}/run/${file!.name}`).mode! & 0o077, 0);
    await web.end();
    assert.deepEqual(
      [...Deno.readDirSync(`${home.dir}/run`)].filter(({ name }) => name.endsWith(".html")),
      [],
    );
  }));

Deno.test("web --host: the network is warned of, and other names of the machine are answered", () =>
  TemporaryHome.use(async (home) => {
    const child = start(home.dir, ["web", "--json", "--host", "0.0.0.0", "--port", "0"]);
    const reader = child.stdout.getReader();
    const told = JSON.parse(new TextDecoder().decode((await reader.read()).value));
    const ask = async (host: string) => {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port: told.port });
      const request = `GET /healthz HTTP/1.1\r\nHost: ${host}:${told.port}\r\nConnection: close\r\n\r\n`;
      await connection.write(new TextEncoder().encode(request));
      return (await new Response(connection.readable).text()).slice(9, 12);
    };
    assert.deepEqual([await ask("127.0.0.1"), await ask(Deno.hostname()), await ask("evil.example")], [
      ...["200", "200", "421"],
    ]);
    child.kill("SIGTERM");
    await child.status;
    assert.match(await new Response(child.stderr).text(), /nothing that they send or get is encrypted/);
    reader.releaseLock();
    await Promise.all([child.stdout.cancel(), child.stdin.close()]);
  }));
