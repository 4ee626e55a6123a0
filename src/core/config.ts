/**
 * The configuration: every key with its default, its range and its meaning.
 *
 * Values are kept as text in the key's own unit; `parseSetting` turns what a user typed into the value and
 * `readConfig` the stored ones into a whole configuration. Keys are accepted in `snake_case` and `kebab-case`, and under the
 * names that older programs gave them.
 */

import { badInput, unknownWord } from "./errors.ts";

/** What the keys hold. The comments are in `SETTINGS`, so that users read the same words. */
export interface Config {
  readonly max_retries: number;
  readonly backoff_base: number;
  readonly max_backoff_seconds: number;
  readonly job_timeout_seconds: number;
  readonly poll_interval_ms: number;
  readonly lock_lease_seconds: number;
  readonly scheduling_mode: SchedulingMode;
  readonly kill_grace_seconds: number;
  readonly max_output_bytes: number;
  readonly retention_days: number;
}

/** `priority`: higher first, then in order of arrival; `fifo`: strictly in order of arrival. */
export type SchedulingMode = "priority" | "fifo";

/** The name of a key. */
export type ConfigKey = keyof Config;

interface NumberSetting {
  readonly kind: "number";
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly whole: boolean;
  readonly meaning: string;
}

interface ChoiceSetting {
  readonly kind: "choice";
  readonly default: string;
  readonly choices: readonly string[];
  readonly meaning: string;
}

/** A key's rules. `whole` numbers have no fraction; `min` and `max` are allowed themselves. */
export type Setting = NumberSetting | ChoiceSetting;

function whole(value: number, range: [number, number], meaning: string): NumberSetting {
  return { kind: "number", default: value, min: range[0], max: range[1], whole: true, meaning };
}

function fraction(value: number, range: [number, number], meaning: string): NumberSetting {
  return { kind: "number", default: value, min: range[0], max: range[1], whole: false, meaning };
}

const YEAR_SECONDS = 31_536_000;

/** Every key, in the order of the listing. */
export const SETTINGS: Readonly<Record<ConfigKey, Setting>> = {
  max_retries: whole(3, [1, 1000], "attempts that a new job gets; 1 means no retry"),
  backoff_base: fraction(
    2,
    [0, 1000],
    "the delay after the nth failed attempt of a new job is base ^ n seconds",
  ),
  max_backoff_seconds: fraction(300, [0, YEAR_SECONDS], "the longest such delay"),
  job_timeout_seconds: fraction(
    3600,
    [0, YEAR_SECONDS],
    "a new job's attempt that takes longer fails; 0: no limit",
  ),
  poll_interval_ms: whole(
    500,
    [50, 60_000],
    "how soon an idle worker looks unasked; less often later, every 5 s at last",
  ),
  lock_lease_seconds: fraction(300, [1, 86_400], "a worker without a sign of life for this long is ended"),
  scheduling_mode: {
    kind: "choice",
    default: "priority",
    choices: ["priority", "fifo"],
    meaning: "priority: higher first; fifo: strictly in order of arrival",
  },
  kill_grace_seconds: fraction(5, [0, 3600], "time between SIGTERM and SIGKILL when a command is ended"),
  max_output_bytes: whole(67_108_864, [0, 2 ** 50], "what is kept of each output stream of an attempt"),
  retention_days: fraction(0, [0, 36_500], "final jobs older than this are deleted; 0: kept for ever"),
};

/** The keys, in the order of the listing. */
export const CONFIG_KEYS = Object.keys(SETTINGS) as ConfigKey[];

/** Other names of keys; a value under the other name is `unit` times as large under the key. */
const ALIASES: Readonly<Record<string, { readonly key: ConfigKey; readonly unit: number }>> = {
  job_timeout: { key: "job_timeout_seconds", unit: 1 },
  default_timeout_secs: { key: "job_timeout_seconds", unit: 1 },
  worker_poll_interval: { key: "poll_interval_ms", unit: 1000 },
};

/** A key as a user named it: perhaps an older name with another unit. */
export interface NamedKey {
  readonly key: ConfigKey;
  /** The name to tell the user: the one that was typed, in `snake_case`. */
  readonly name: string;
  /** One of the user's units is so many of the key's. */
  readonly unit: number;
}

/** The key that `name` means, for doing `verb`. Throws `not_found` for an unknown one. */
export function resolveKey(name: string, verb: "get" | "set" | "reset" = "get"): NamedKey {
  const snake = name.trim().toLowerCase().replaceAll("-", "_");
  if (Object.hasOwn(SETTINGS, snake)) return { key: snake as ConfigKey, name: snake, unit: 1 };
  if (Object.hasOwn(ALIASES, snake)) return { ...ALIASES[snake]!, name: snake };
  const usage = (word: string) => `queuectl config ${verb} ${word}${verb === "set" ? " VALUE" : ""}`;
  throw unknownWord("not_found", `There is no configuration key "${name}"`, {
    typed: snake,
    known: CONFIG_KEYS,
    usage,
  });
}

/** The value of a key in the user's unit. */
export function inUsersUnit({ unit }: NamedKey, value: number | string): number | string {
  return typeof value === "number" ? value / unit : value;
}

/** The value that `text` means for a key. Throws `bad_input`, naming the range in the user's unit. */
export function parseSetting(named: NamedKey, text: string): number | string {
  const { key, name, unit } = named;
  const setting = SETTINGS[key];
  if (setting.kind === "choice") {
    const choice = text.trim().toLowerCase();
    if (setting.choices.includes(choice)) return choice;
  } else {
    const value = unit === 1 ? Number(text) : Math.round(Number(text) * unit);
    const fits = isNumber(text) && value >= setting.min && value <= setting.max;
    if (fits && (!setting.whole || Number.isInteger(value))) return value;
  }
  throw badInput(
    `Cannot set ${name} to "${text}": it is ${rangeOf(key, unit)}`,
    `queuectl config set ${name} ${inUsersUnit(named, setting.default)}`,
  );
}

/** The range of `key` for people, in units of `unit`: `a whole number from 1 to 1000`. */
export function rangeOf(key: ConfigKey, unit = 1): string {
  const setting = SETTINGS[key];
  if (setting.kind === "choice") return setting.choices.join(" or ");
  const kind = setting.whole && unit === 1 ? "whole number" : "number";
  return `a ${kind} from ${setting.min / unit} to ${setting.max / unit}`;
}

/** The configuration that the stored texts and the defaults give together. */
export function readConfig(stored: ReadonlyMap<string, string>): Config {
  const config: Record<string, unknown> = {};
  for (const key of CONFIG_KEYS) {
    const text = stored.get(key);
    config[key] = text === undefined
      ? SETTINGS[key].default
      : parseSetting({ key, name: key, unit: 1 }, text);
  }
  return config as unknown as Config;
}

function isNumber(text: string): boolean {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim());
}
