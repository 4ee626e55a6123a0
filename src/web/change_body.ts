/**
 * What the body of a change may say, checked key by key.
 */

import type { Context } from "hono";
import * as v from "valibot";
import { parseDurationMs } from "../core/duration.ts";
import { badInput, unknownWord } from "../core/errors.ts";
import type { ListingFilter } from "../core/reports.ts";
import type { JobFilter } from "../core/store.ts";
import { readJson } from "./request_body.ts";
import { stateNamed } from "./request_query.ts";

/** How many jobs one request may name. */
const MAX_IDS = 1000;

const IDS_RULE = `an array of 1 to ${MAX_IDS} ids`;
const ids = v.pipe(
  v.array(v.string(IDS_RULE), IDS_RULE),
  v.minLength(1, IDS_RULE),
  v.maxLength(MAX_IDS, IDS_RULE),
);
const all = v.literal(true, "true");
const NAME_RULE = "the name of a queue";
const SEARCH_RULE = "a text that ids or commands contain";
const UNTIL_RULE = "until of a count";
const STATES_RULE = "an array of states";

/** The keys that bodies may have, each with its rule; the rule's message completes `"key" must be …`. */
const KEYS = {
  ids,
  all,
  keep_attempts: v.boolean("true or false"),
  queue: v.pipe(v.string(NAME_RULE), v.minLength(1, NAME_RULE)),
  search: v.pipe(v.string(SEARCH_RULE), v.minLength(1, SEARCH_RULE)),
  until: v.pipe(v.number(UNTIL_RULE), v.integer(UNTIL_RULE), v.minValue(0, UNTIL_RULE)),
  cursor: v.string("next of an earlier answer"),
  states: v.pipe(v.array(v.string(STATES_RULE), STATES_RULE), v.minLength(1, STATES_RULE)),
  older_than: v.string("a length of time, like 12h, 7d or 2w"),
  value: v.union([v.string(), v.number(), v.boolean()], "a number or a text"),
  code: v.string("the code of a link"),
  token: v.string("the token"),
};

type Key = keyof typeof KEYS;
type Body<K extends Key> = { [P in K]?: v.InferOutput<typeof KEYS[P]> };

/** The body, of which only `known` keys may be given. Throws `bad_input`, naming the key. */
async function readBody<K extends Key>(context: Context, known: readonly K[]): Promise<Body<K>> {
  const value = await readJson(context.req.raw);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw badInput("The body of the request is not a JSON object", "{} if there is nothing to say");
  }
  const given = value as Record<string, unknown>;
  for (const key of Object.keys(given)) {
    if (!(known as readonly string[]).includes(key)) {
      const message = `The request has no key "${key}"`;
      if (known.length === 0) throw badInput(message, "{}");
      throw unknownWord("bad_input", message, { typed: key, known, usage: (word) => `the key "${word}"` });
    }
    const result = v.safeParse(KEYS[key as Key], given[key], { abortEarly: true, abortPipeEarly: true });
    if (!result.success) throw badInput(`"${key}" must be ${result.issues[0].message}`);
  }
  return given as Body<K>;
}

/** A body that says nothing. */
export async function readNothing(context: Context): Promise<void> {
  await readBody(context, []);
}

/** The jobs that are to be changed: those that are named, or all that match. */
export type Choice = { readonly ids: string[] } | MatchingJobs;

/** All jobs that match. */
export interface MatchingJobs {
  readonly ids: null;
  readonly filter: ListingFilter;
  /** The `seq` of the newest job that is meant; null: that of the newest there is. */
  readonly until: number | null;
  /** What an earlier request answered that got so far; null: from the beginning. */
  readonly cursor: string | null;
}

/** Which jobs are to be changed. That all are meant must be said in so many words. */
export async function readChoice(context: Context): Promise<Choice> {
  const keys = ["ids", "states", "queue", "search", "all", "until", "cursor"] as const;
  const { ids, all, until, cursor, ...words } = await readBody(context, keys);
  const isFiltered = Object.keys(words).length > 0;
  if (ids !== undefined) {
    if (!isFiltered && all === undefined && until === undefined && cursor === undefined) return { ids };
    throw badInput("Cannot change jobs that are named and jobs that match together", `{"ids": ["job1"]}`);
  }
  if (all === undefined && !isFiltered) {
    throw badInput(
      `The key "ids" is missing`,
      `{"ids": ["job1"]}, or {"states": ["dead"]}, or {"all": true}`,
    );
  }
  if (all !== undefined && isFiltered) {
    throw badInput("Cannot change all jobs and some of them together", `{"all": true}, or states`);
  }
  const { states, ...others } = words;
  return {
    ids: null,
    filter: states === undefined ? others : { ...others, states: states.map(stateNamed) },
    until: until ?? null,
    cursor: cursor ?? null,
  };
}

/** Which jobs are to be deleted. Deleting all of them must be asked for in so many words. */
export async function readClearing(context: Context, now: number): Promise<JobFilter> {
  const { states, older_than, all } = await readBody(context, ["states", "older_than", "all"]);
  if (all === undefined && states === undefined && older_than === undefined) {
    throw badInput(
      "Cannot delete all jobs but those that are processing without being sure",
      `{"all": true}`,
    );
  }
  if (all !== undefined && (states !== undefined || older_than !== undefined)) {
    throw badInput("Cannot delete all jobs and some of them together", `{"all": true}, or states`);
  }
  return {
    ...(states === undefined ? {} : { states: states.map(stateNamed) }),
    ...(older_than === undefined ? {} : { updatedBefore: now - ageMs(older_than) }),
  };
}

function ageMs(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === null) throw badInput(`Cannot read "older_than" "${text}": it is like 12h, 7d or 2w`);
  return ms;
}

/** Which dead jobs are to be retried, null for all, and whether their attempts are kept. */
export async function readDlqRetry(
  context: Context,
): Promise<{ ids: string[] | null; keepAttempts: boolean }> {
  const { ids, all, keep_attempts = false } = await readBody(context, ["ids", "all", "keep_attempts"]);
  if (ids !== undefined && all !== undefined) {
    throw badInput("Cannot retry all jobs and some of them together", `"ids", or "all": true`);
  }
  if (ids === undefined && all === undefined) {
    throw badInput("There is no job to retry", `"ids", or "all": true`);
  }
  return { ids: ids ?? null, keepAttempts: keep_attempts };
}

/** Makes sure that the whole dead letter queue is meant. */
export async function readDlqClear(context: Context): Promise<void> {
  const { all } = await readBody(context, ["all"]);
  if (all === undefined) {
    throw badInput("Cannot delete all jobs of the dead letter queue without being sure", `{"all": true}`);
  }
}

/** The text of a value for a key of the configuration. */
export async function readValue(context: Context): Promise<string> {
  const { value } = await readBody(context, ["value"]);
  if (value === undefined) throw badInput(`The key "value" is missing`, `{"value": 5}`);
  return String(value);
}

/** What somebody shows to be let in. */
export async function readKey(context: Context): Promise<{ code: string | null; token: string | null }> {
  const { code, token } = await readBody(context, ["code", "token"]);
  if ((code === undefined) === (token === undefined)) {
    throw badInput("A login needs a code or the token", `{"token": "…"}`);
  }
  return { code: code ?? null, token: token ?? null };
}
