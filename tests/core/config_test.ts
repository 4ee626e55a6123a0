import assert from "node:assert/strict";
import {
  CONFIG_KEYS,
  type ConfigKey,
  inUsersUnit,
  parseSetting,
  rangeOf,
  readConfig,
  resolveKey,
  SETTINGS,
} from "../../src/core/config.ts";
import type { QueueError } from "../../src/core/errors.ts";

interface Range {
  readonly min: string;
  readonly max: string;
  readonly below: string;
  readonly above: string;
  /** Whether numbers with a fraction are allowed. */
  readonly fraction: boolean;
}

/** Written out once more, so that a changed range shows. */
const RANGES: Record<Exclude<ConfigKey, "scheduling_mode">, Range> = {
  max_retries: { min: "1", max: "1000", below: "0", above: "1001", fraction: false },
  backoff_base: { min: "0", max: "1000", below: "-0.001", above: "1000.001", fraction: true },
  max_backoff_seconds: { min: "0", max: "31536000", below: "-1", above: "31536000.5", fraction: true },
  job_timeout_seconds: { min: "0", max: "31536000", below: "-1", above: "31536001", fraction: true },
  poll_interval_ms: { min: "50", max: "60000", below: "49", above: "60001", fraction: false },
  lock_lease_seconds: { min: "1", max: "86400", below: "0.999", above: "86401", fraction: true },
  kill_grace_seconds: { min: "0", max: "3600", below: "-1", above: "3601", fraction: true },
  max_output_bytes: {
    ...{ min: "0", max: "1125899906842624", below: "-1", above: "1125899906842625", fraction: false },
  },
  retention_days: { min: "0", max: "36500", below: "-1", above: "36501", fraction: true },
};

function refusal(key: string) {
  return (error: QueueError) => {
    assert.equal(error.code, "bad_input");
    assert.match(error.message, new RegExp(`^Cannot set ${key} to `));
    return true;
  };
}

for (const [key, range] of Object.entries(RANGES) as [keyof typeof RANGES, Range][]) {
  Deno.test(`parseSetting: ${key} goes from ${range.min} to ${range.max}, these included`, () => {
    assert.equal(parseSetting(resolveKey(key), range.min), Number(range.min));
    assert.equal(parseSetting(resolveKey(key), range.max), Number(range.max));
    assert.throws(() => parseSetting(resolveKey(key), range.below), refusal(key));
    assert.throws(() => parseSetting(resolveKey(key), range.above), refusal(key));
    assert.ok(rangeOf(key).endsWith(`number from ${range.min} to ${range.max}`), rangeOf(key));
  });

  Deno.test(`parseSetting: ${key} ${range.fraction ? "may" : "can't"} have a fraction`, () => {
    const text = `${Number(range.min) + 1}.5`;
    if (range.fraction) assert.equal(parseSetting(resolveKey(key), text), Number(text));
    else assert.throws(() => parseSetting(resolveKey(key), text), refusal(key));
    assert.equal(rangeOf(key).startsWith("a whole"), !range.fraction);
  });

  Deno.test(`parseSetting: ${key} is no word, no list and no other kind of number`, () => {
    for (const text of ["", " ", "abc", "1,5", "0x10", "Infinity", "NaN", "5s", "1_000", "1e999", "٣"]) {
      assert.throws(() => parseSetting(resolveKey(key), text), refusal(key), text);
    }
  });
}

Deno.test("SETTINGS: the ranges above are those of all keys but the scheduling mode", () => {
  assert.deepEqual(CONFIG_KEYS.filter((key) => key !== "scheduling_mode"), Object.keys(RANGES));
});

Deno.test("parseSetting: scheduling_mode is priority or fifo, in any case", () => {
  assert.equal(parseSetting(resolveKey("scheduling_mode"), "fifo"), "fifo");
  assert.equal(parseSetting(resolveKey("scheduling_mode"), " Priority "), "priority");
  for (const text of ["lifo", "", "priority,fifo", "toString"]) {
    assert.throws(() => parseSetting(resolveKey("scheduling_mode"), text), refusal("scheduling_mode"), text);
  }
  assert.equal(rangeOf("scheduling_mode"), "priority or fifo");
});

Deno.test("parseSetting: space around a number, signs and exponents are fine", () => {
  assert.equal(parseSetting(resolveKey("backoff_base"), " +2.50 "), 2.5);
  assert.equal(parseSetting(resolveKey("max_retries"), "1e2"), 100);
  assert.equal(parseSetting(resolveKey("backoff_base"), ".5"), 0.5);
});

Deno.test("resolveKey: snake_case, kebab-case and capitals are the same key", () => {
  for (const key of CONFIG_KEYS) {
    for (const name of [key, key.replaceAll("_", "-"), key.toUpperCase(), ` ${key} `]) {
      assert.deepEqual(resolveKey(name), { key, name: key, unit: 1 }, name);
    }
  }
});

Deno.test("resolveKey: the names of older programs are understood, with their units", () => {
  const resolved: [string, string, ConfigKey, number][] = [
    ["job_timeout", "60", "job_timeout_seconds", 60],
    ["job-timeout", "60", "job_timeout_seconds", 60],
    ["default_timeout_secs", "0.5", "job_timeout_seconds", 0.5],
    ["worker_poll_interval", "2", "poll_interval_ms", 2000],
    ["worker-poll-interval", "0.25", "poll_interval_ms", 250],
  ];
  for (const [name, given, key, value] of resolved) {
    const named = resolveKey(name);
    assert.equal(named.key, key);
    assert.equal(parseSetting(named, given), value);
    assert.equal(inUsersUnit(named, value), Number(given));
  }
});

Deno.test("parseSetting: a refusal tells the name and the range as the user knows them", () => {
  for (const text of ["0", "61", "soon"]) {
    assert.throws(() => parseSetting(resolveKey("worker-poll-interval"), text), (error: QueueError) => {
      assert.match(
        error.message,
        /^Cannot set worker_poll_interval to ".*": it is a number from 0.05 to 60$/,
      );
      return true;
    });
  }
});

Deno.test("resolveKey: an unknown key is not_found and can be suggested for", () => {
  for (const name of ["max_retrys", "", "constructor", "__proto__", "max retries"]) {
    assert.throws(() => resolveKey(name), (error: QueueError) => {
      assert.equal(error.code, "not_found");
      assert.ok(error.message.includes(`"${name}"`));
      assert.deepEqual(error.mistyped?.known, CONFIG_KEYS);
      return true;
    }, name);
  }
});

Deno.test("readConfig: the defaults if nothing is set", () => {
  assert.deepEqual(readConfig(new Map()), {
    ...{ max_retries: 3, backoff_base: 2, max_backoff_seconds: 300, job_timeout_seconds: 3600 },
    ...{ poll_interval_ms: 500, lock_lease_seconds: 300, scheduling_mode: "priority" },
    ...{ kill_grace_seconds: 5, max_output_bytes: 67_108_864, retention_days: 0 },
  });
});

Deno.test("readConfig: what is set counts, the rest keeps its default", () => {
  const config = readConfig(new Map([["max_retries", "7"], ["scheduling_mode", "fifo"]]));
  assert.deepEqual([config.max_retries, config.scheduling_mode, config.backoff_base], [7, "fifo", 2]);
});

Deno.test("SETTINGS: each default is a value that its own key accepts", () => {
  for (const key of CONFIG_KEYS) {
    assert.equal(parseSetting(resolveKey(key), String(SETTINGS[key].default)), SETTINGS[key].default, key);
  }
});
