/**
 * What a user may say about a new job, checked key by key.
 *
 * The same rules hold for JSON on the command line, lines of a file, flags, and requests to the dashboard.
 */

import * as v from "valibot";
import { type Config, type ConfigKey, rangeOf, SETTINGS } from "./config.ts";
import { badInput, unknownWord } from "./errors.ts";
import { DEFAULT_QUEUE, type NewJob } from "./job.ts";
import { UNPRINTABLE } from "./printable.ts";

/** The longest id and queue name, in characters. */
export const MAX_NAME_LENGTH = 200;
/** The longest command, in UTF-16 units. */
export const MAX_COMMAND_LENGTH = 16 * 1024 * 1024;
/** The words that stand for priorities. */
export const PRIORITY_WORDS: Readonly<Record<string, number>> = { low: 0, medium: 5, high: 10 };

/** A job as a user described it: `command` and whatever else was given. Times are in the user's units. */
export interface JobInput {
  readonly id?: string;
  readonly command: string;
  readonly priority?: number | string;
  readonly max_retries?: number;
  /** Seconds. */
  readonly timeout?: number;
  /** The same as `timeout`. */
  readonly timeout_seconds?: number;
  /** ISO 8601; local time unless it names a zone. */
  readonly run_at?: string;
  readonly queue?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly backoff_base?: number;
}

const NAME_RULE = `1 to ${MAX_NAME_LENGTH} characters without control characters`;

function text(rule: string, accepts: (value: string) => boolean) {
  return v.pipe(v.string(rule), v.check((value) => value.isWellFormed() && accepts(value), rule));
}

function setting(key: ConfigKey) {
  const rule = SETTINGS[key];
  const { min, max, whole } = rule.kind === "number" ? rule : { min: 0, max: 0, whole: true };
  const words = rangeOf(key);
  const accepts = (value: number) => value >= min && value <= max && (!whole || Number.isInteger(value));
  return v.pipe(v.number(words), v.check(accepts, words));
}

function isName(value: string): boolean {
  return value.trim() !== "" && [...value].length <= MAX_NAME_LENGTH && value.search(UNPRINTABLE) === -1;
}

function isPriority(value: unknown): boolean {
  if (typeof value === "string") return Object.hasOwn(PRIORITY_WORDS, value.toLowerCase());
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 10;
}

const PRIORITY_RULE = "a whole number from 0 to 10, or low, medium or high";
function isEnv(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(([name, text]) =>
    /^(?!QUEUECTL_)[A-Za-z_][A-Za-z0-9_]*$/.test(name) &&
    typeof text === "string" && text.isWellFormed() && !text.includes("\0")
  );
}

const ENV_RULE = "an object of strings without NUL characters, with names of letters, digits and _ " +
  "that don't start with a digit or QUEUECTL_";

/** The keys a user may give, each with what makes its rule; the rule's message completes `"key" must be …`. */
const KEYS = {
  id: () => text(NAME_RULE, isName),
  command: () =>
    v.pipe(
      text("a string that is not empty", (value) => value.trim() !== ""),
      v.check((value) => !value.includes("\0"), "without NUL characters: no shell can run them"),
      v.maxLength(MAX_COMMAND_LENGTH, `at most ${MAX_COMMAND_LENGTH} characters long`),
    ),
  priority: () => v.custom<number | string>(isPriority, PRIORITY_RULE),
  max_retries: () => setting("max_retries"),
  timeout: () => setting("job_timeout_seconds"),
  timeout_seconds: () => setting("job_timeout_seconds"),
  run_at: () =>
    text(
      "a date in ISO 8601, such as 2030-01-31T09:00:00Z",
      (value) => parseDate(value) !== null,
    ),
  queue: () => text(NAME_RULE, isName),
  cwd: () =>
    text(
      "the path of a directory, without NUL characters",
      (value) => value !== "" && !value.includes("\0"),
    ),
  env: () => v.custom<Readonly<Record<string, string>>>(isEnv, ENV_RULE),
  backoff_base: () => setting("backoff_base"),
};

/** The keys of a job's JSON, as users write them. */
export const JOB_KEYS = Object.keys(KEYS) as (keyof typeof KEYS)[];

/** The rules by their keys, made when they are needed: most jobs have few keys. */
const rules = new Map<string, ReturnType<typeof KEYS[keyof typeof KEYS]>>();

function ruleOf(key: keyof typeof KEYS) {
  let rule = rules.get(key);
  if (rule === undefined) rules.set(key, rule = KEYS[key]());
  return rule;
}

/**
 * `value` as a job's description. `where` names its place for the error, as in `line 17: `, or is empty.
 * Throws `bad_input` on the first thing that is wrong, naming the key.
 */
export function checkJobInput(value: unknown, where = ""): JobInput {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw badInput(`${where}A job is a JSON object, not ${show(value)}`, EXAMPLE);
  }
  for (const key of Object.keys(value)) {
    if (!Object.hasOwn(KEYS, key)) {
      throw unknownWord("bad_input", `${where}A job has no key "${key}"`, {
        typed: key,
        known: JOB_KEYS,
        usage: (word) => `the key "${word}"`,
      });
    }
  }
  const input = value as Record<string, unknown>;
  if (input.command === undefined) throw badInput(`${where}The key "command" is missing`, EXAMPLE);
  for (const key of JOB_KEYS) {
    if (input[key] === undefined) continue;
    const result = v.safeParse(ruleOf(key), input[key], { abortEarly: true, abortPipeEarly: true });
    if (!result.success) {
      const rule = result.issues[0].message;
      throw badInput(`${where}"${key}" must be ${rule}, not ${show(input[key])}`);
    }
  }
  if (input.timeout !== undefined && input.timeout_seconds !== undefined) {
    throw badInput(`${where}"timeout" and "timeout_seconds" mean the same: give one of them`);
  }
  return value as JobInput;
}

/** A job that can be enqueued, for cures. */
export const EXAMPLE = `queuectl enqueue '{"id": "job1", "command": "echo hello"}'`;

/** What fills in for keys that weren't given. */
export interface JobDefaults {
  readonly config: Config;
  /** An absolute directory; a relative `cwd` is resolved by the caller. */
  readonly cwd: string;
  readonly now: number;
  readonly newId: () => string;
}

/** The job to store for a checked description. */
export function newJobFrom(input: JobInput, defaults: JobDefaults): NewJob {
  const { config, now } = defaults;
  const priority = input.priority ?? 0;
  return {
    id: input.id ?? defaults.newId(),
    command: input.command,
    queue: input.queue ?? DEFAULT_QUEUE,
    priority: typeof priority === "number" ? priority : PRIORITY_WORDS[priority.toLowerCase()]!,
    maxRetries: input.max_retries ?? config.max_retries,
    // Rounded up: 0 would mean no limit.
    timeoutMs: Math.ceil((input.timeout ?? input.timeout_seconds ?? config.job_timeout_seconds) * 1000),
    backoffBase: input.backoff_base ?? config.backoff_base,
    cwd: input.cwd ?? defaults.cwd,
    env: input.env ?? {},
    runAt: input.run_at === undefined ? now : parseDate(input.run_at)!,
  };
}

/**
 * The time that an ISO 8601 text means, in ms since the epoch; null if it is none or no day of the calendar.
 * `2030-01-31`, `2030-01-31T09:00`, with seconds, fractions and a zone; without a zone it is local time.
 */
export function parseDate(text: string): number | null {
  const match =
    /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$/i
      .exec(text.trim());
  if (match === null) return null;
  const [, year, month, day, hour = "00", minute = "00", second = "00", fraction = "", zone = ""] = match;
  const daysInMonth = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
  if (Number(day) > daysInMonth) return null;
  const offset = zone.toUpperCase().replace(/^([+-]\d{2}):?(\d{2})$/, "$1:$2");
  const time = Date.parse(
    `${year}-${month}-${day}T${hour}:${minute}:${second}${fraction.slice(0, 4)}${offset}`,
  );
  return Number.isNaN(time) ? null : time;
}

function show(value: unknown): string {
  let json: string;
  try {
    json = JSON.stringify(value) ?? String(value);
  } catch {
    return "a value that is nested too deeply";
  }
  return json.length <= 60 ? json : `${json.slice(0, 57)}…`;
}
