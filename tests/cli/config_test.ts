import assert from "node:assert/strict";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { GATED } from "./every_state.ts";
import { assertRefused } from "./refusal.ts";

const DEFAULTS = {
  max_retries: 3,
  backoff_base: 2,
  max_backoff_seconds: 300,
  job_timeout_seconds: 3600,
  poll_interval_ms: 500,
  lock_lease_seconds: 300,
  scheduling_mode: "priority",
  kill_grace_seconds: 5,
  max_output_bytes: 64 * 1024 * 1024,
  retention_days: 0,
};

Deno.test("config get: prints the bare value, the default at first", () =>
  TemporaryHome.use(async (home) => {
    for (const [key, value] of Object.entries(DEFAULTS)) {
      assert.equal(await home.run("config", "get", key), `${value}\n`);
    }
  }));

Deno.test("config set: changes a value, which stays", () =>
  TemporaryHome.use(async (home) => {
    assert.equal(await home.run("config", "set", "max_retries", "5"), "Set max_retries to 5\n");
    assert.equal(await home.run("config", "get", "max_retries"), "5\n");
    await home.run("config", "set", "backoff_base", "1.5");
    assert.equal(await home.run("config", "get", "backoff_base"), "1.5\n");
    await home.run("config", "set", "scheduling_mode", "fifo");
    assert.equal(await home.run("config", "get", "scheduling_mode"), "fifo\n");
    assert.equal(await home.run("config", "get", "max_retries"), "5\n");
  }));

Deno.test("config: keys in kebab-case are the same", () =>
  TemporaryHome.use(async (home) => {
    await home.run("config", "set", "max-retries", "6");
    assert.equal(await home.run("config", "get", "max-retries"), "6\n");
    assert.equal(await home.run("config", "get", "max_retries"), "6\n");
    await home.run("config", "reset", "max-retries");
    assert.equal(await home.run("config", "get", "max_retries"), "3\n");
  }));

Deno.test("config: job_timeout and default_timeout_secs are other names of job_timeout_seconds", () =>
  TemporaryHome.use(async (home) => {
    for (
      const [alias, value] of [["job_timeout", "60"], ["default_timeout_secs", "70"], ["job-timeout", "80"]]
    ) {
      await home.run("config", "set", alias!, value!);
      assert.equal(await home.run("config", "get", "job_timeout_seconds"), `${value}\n`);
      assert.equal(await home.run("config", "get", alias!), `${value}\n`);
    }
  }));

Deno.test("config set worker_poll_interval: sets poll_interval_ms, in seconds", () =>
  TemporaryHome.use(async (home) => {
    await home.run("config", "set", "worker_poll_interval", "2");
    assert.equal(await home.run("config", "get", "poll_interval_ms"), "2000\n");
    await home.run("config", "set", "worker-poll-interval", "0.25");
    assert.equal(await home.run("config", "get", "poll_interval_ms"), "250\n");
  }));

Deno.test("config get worker_poll_interval: prints the seconds that were set", () =>
  TemporaryHome.use(async (home) => {
    await home.run("config", "set", "worker_poll_interval", "2");
    assert.equal(await home.run("config", "get", "worker_poll_interval"), "2\n");
  }));

Deno.test("config set worker_poll_interval: a value out of range is refused in the unit that was typed", () =>
  TemporaryHome.use(async (home) => {
    assertRefused(await home.call(["config", "set", "worker_poll_interval", "0"]), 2, /0\.05 to 60/);
  }));

Deno.test("config list: has every key with value, default and meaning, and config show is the same", () =>
  TemporaryHome.use(async (home) => {
    await home.run("config", "set", "max_retries", "9");
    const listed = await home.run("config", "list");
    assert.equal(await home.run("config", "show"), listed);
    const [head, ...rows] = listed.trimEnd().split("\n");
    assert.match(head!, /^KEY +VALUE +DEFAULT +MEANING$/);
    assert.deepEqual(rows.map((row) => row.split(/ +/)[0]), Object.keys(DEFAULTS));
    assert.match(rows[0]!, /^max_retries +9 +3 +\w+/);
  }));

Deno.test("config list --json: has the values as numbers and words, and whether they were set", () =>
  TemporaryHome.use(async (home) => {
    await home.run("config", "set", "retention_days", "7");
    const entries: { key: string; value: unknown; default: unknown; is_set: boolean; meaning: string }[] =
      await home.json("config", "list");
    assert.deepEqual(Object.fromEntries(entries.map((entry) => [entry.key, entry.default])), DEFAULTS);
    const set = entries.filter((entry) => entry.is_set);
    assert.deepEqual(set.map((entry) => [entry.key, entry.value]), [["retention_days", 7]]);
    for (const entry of entries) assert.notEqual(entry.meaning, "");
  }));

Deno.test("config reset: goes back to the default", () =>
  TemporaryHome.use(async (home) => {
    await home.run("config", "set", "kill_grace_seconds", "1");
    assert.match(await home.run("config", "reset", "kill_grace_seconds"), /kill_grace_seconds to 5/);
    assert.equal(await home.run("config", "get", "kill_grace_seconds"), "5\n");
    await home.run("config", "reset", "kill_grace_seconds");
  }));

Deno.test("config set, get, reset --json: print the entry", () =>
  TemporaryHome.use(async (home) => {
    const facts = (entry: Record<string, unknown>) => [entry.key, entry.value, entry.default, entry.is_set];
    const set = await home.json("config", "set", "job_timeout", "60");
    assert.deepEqual(facts(set), ["job_timeout_seconds", 60, 3600, true]);
    assert.deepEqual(await home.json("config", "get", "job_timeout_seconds"), set);
    const reset = await home.json("config", "reset", "job_timeout");
    assert.deepEqual(facts(reset), ["job_timeout_seconds", 3600, 3600, false]);
  }));

Deno.test("config: an unknown key exits with 3 and names the nearest one", () =>
  TemporaryHome.use(async (home) => {
    for (const args of [["set", "max_retrys", "3"], ["get", "max-retry"], ["reset", "maxretries"]]) {
      const result = await home.call(["config", ...args]);
      assertRefused(result, 3, new RegExp(`no configuration key "${args[1]}"`));
      assert.match(result.stderr, /^Try: .*\bmax_retries\b/m);
    }
    const result = await home.call(["config", "get", "__proto__"]);
    assertRefused(result, 3, /no configuration key "__proto__"/);
  }));

Deno.test("config set: a value out of range is refused with the range, and nothing changes", () =>
  TemporaryHome.use(async (home) => {
    const bad: [string, string, RegExp][] = [
      ["max_retries", "0", /whole number from 1 to 1000/],
      ["max_retries", "1001", /from 1 to 1000/],
      ["max_retries", "2.5", /whole number/],
      ["max_retries", "many", /"many"/],
      ["max_retries", "", /max_retries to ""/],
      ["max_retries", "0x10", /whole number/],
      ["max_retries", "Infinity", /whole number/],
      ["poll_interval_ms", "1", /from 50 to 60000/],
      ["lock_lease_seconds", "0", /from 1 to 86400/],
      ["scheduling_mode", "random", /priority or fifo/],
      ["max_output_bytes", "1e99", /whole number from 0/],
    ];
    const before = await home.run("config", "list");
    for (const [key, value, says] of bad) {
      assertRefused(await home.call(["config", "set", key, value]), 2, says);
    }
    assert.equal(await home.run("config", "list"), before);
  }));

Deno.test("config set: a negative value is refused with the range, not taken for a flag", () =>
  TemporaryHome.use(async (home) => {
    assertRefused(await home.call(["config", "set", "backoff_base", "-1"]), 2, /number from 0 to 1000/);
  }));

Deno.test("config set: the ends of a range are accepted", () =>
  TemporaryHome.use(async (home) => {
    for (const [key, value] of [["max_retries", "1"], ["max_retries", "1000"], ["backoff_base", "0"]]) {
      await home.run("config", "set", key!, value!);
      assert.equal(await home.run("config", "get", key!), `${value}\n`);
    }
  }));

Deno.test("config: missing or too many arguments are refused", () =>
  TemporaryHome.use(async (home) => {
    for (const args of [["set"], ["set", "max_retries"], ["get"], ["reset"]]) {
      assertRefused(await home.call(["config", ...args]), 2, /missing.*(key|value)/i);
    }
    assertRefused(await home.call(["config", "set", "max_retries", "3", "4"]), 2, /too many arguments/i);
  }));

Deno.test("config set: a running worker obeys without a restart", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ id: "gate", command: GATED });
    await home.startWorkers(1);
    await home.untilJob("gate", "processing");
    await home.run("config", "set", "scheduling_mode", "fifo");
    await home.enqueue(
      { id: "first", command: "echo first >>order", priority: 0 },
      { id: "second", command: "echo second >>order", priority: 10 },
    );
    await Deno.writeTextFile(`${home.dir}/release`, "");
    await home.untilJob("second", "completed");
    assert.equal(await Deno.readTextFile(`${home.dir}/order`), "first\nsecond\n");
  }));
