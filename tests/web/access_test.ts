import assert from "node:assert/strict";
import { Access, SESSION_SECONDS } from "../../src/web/access.ts";
import { hostsOf, isLoopback } from "../../src/web/hosts.ts";

const TOKEN = "a".repeat(43);

Deno.test("Access: a session ends after its time, and can't be made longer", async () => {
  let now = 1_800_000_000_000;
  const access = new Access(TOKEN, () => now);
  const session = await access.newSession();
  assert.equal(await access.isSession(session), true);
  const [expires, nonce, signature] = session.split(".");
  assert.equal(await access.isSession(`${Number(expires) + 1}.${nonce}.${signature}`), false);
  assert.equal(
    await access.isSession(
      `${expires}.${nonce}.${signature!.slice(0, -1)}${signature!.endsWith("A") ? "E" : "A"}`,
    ),
    false,
  );
  assert.equal(await access.isSession(`${expires}.${nonce}.`), false);
  now += SESSION_SECONDS * 1000;
  assert.equal(await access.isSession(session), false);
});

Deno.test("Access: each code works once and within an hour, and one doesn't spend another", async () => {
  let now = 1_800_000_000_000;
  const access = new Access(TOKEN, () => now);
  const [first, second] = [access.newCode(), access.newCode()];
  assert.equal(access.spendCode(`${first}x`), false);
  assert.equal(access.spendCode(first), true);
  assert.equal(access.spendCode(first), false);
  assert.equal(access.spendCode(second), true);
  assert.notEqual(await access.newSession(), await access.newSession());
  const late = access.newCode();
  now += 3_600_000;
  assert.equal(access.spendCode(late), false);
});

Deno.test("hostsOf: names stand with the port, without it only where browsers leave it out", () => {
  const local = hostsOf({ hostname: "127.0.0.1", port: 5000, allowed: [] });
  assert.deepEqual([...local].toSorted(), ["127.0.0.1:5000", "[::1]:5000", "localhost:5000"]);
  assert.ok(hostsOf({ hostname: "localhost", port: 80, allowed: [] }).has("localhost"));
  const allowed = hostsOf({ hostname: "::1", port: 1, allowed: ["Dash.example", "proxy.example:8443"] });
  for (const host of ["dash.example", "dash.example:1", "proxy.example:8443", "[::1]:1"]) {
    assert.ok(allowed.has(host));
  }
  assert.ok(!allowed.has("proxy.example") && !allowed.has("proxy.example:1"));
});

Deno.test("isLoopback: is true for this machine alone", () => {
  for (const name of ["127.0.0.1", "127.1.2.3", "::1", "localhost"]) {
    assert.equal(isLoopback(name), true, name);
  }
  for (const name of ["0.0.0.0", "::", "10.0.0.1", "127.evil.example"]) {
    assert.equal(isLoopback(name), false, name);
  }
});
