/**
 * What a request asks for in its query, checked word by word.
 */

import { badInput, unknownWord } from "../core/errors.ts";
import { JOB_STATES, type JobState } from "../core/job.ts";

/** The parameters of a query. */
export class Query {
  readonly #params: URLSearchParams;

  /** Throws `bad_input` for a parameter that is none of `known`, and for one that is given twice. */
  constructor(params: URLSearchParams, known: readonly string[]) {
    this.#params = params;
    for (const name of params.keys()) {
      if (!known.includes(name)) {
        const usage = (word: string) => `${word}=…`;
        throw unknownWord("bad_input", `There is no parameter "${name}"`, { typed: name, known, usage });
      }
      if (params.getAll(name).length > 1) throw badInput(`The parameter "${name}" is given twice`);
    }
  }

  /** A text; null if it is absent or empty. */
  text(name: string): string | null {
    return this.#params.get(name) || null;
  }

  /** A whole number from `min` to `max`; `absent` if there is none. */
  number<T>(name: string, { min, max, absent }: { min: number; max: number; absent: T }): number | T {
    const text = this.text(name);
    if (text === null) return absent;
    const value = Number(text);
    if (/^\d{1,16}$/.test(text) && value >= min && value <= max) return value;
    throw badInput(`"${name}" must be a whole number from ${min} to ${max}, not ${text}`);
  }

  /** One of several words, the first if absent. */
  choice<T extends string>(name: string, words: readonly [T, ...T[]]): T {
    const text = this.text(name);
    if (text === null) return words[0];
    const found = words.find((word) => word === text);
    if (found !== undefined) return found;
    const usage = (word: string) => `${name}=${word}`;
    throw unknownWord("bad_input", `"${name}" can't be "${text}"`, { typed: text, known: words, usage });
  }

  /** States separated by commas, each once; null if absent. */
  states(name: string): JobState[] | null {
    const text = this.text(name);
    return text === null ? null : [...new Set(text.split(",").map((word) => stateNamed(word)))];
  }
}

/** The state of this name. Throws `bad_input` for a word that is none. */
export function stateNamed(word: string): JobState {
  const name = word.trim().toLowerCase();
  const state = JOB_STATES.find((known) => known === name);
  if (state !== undefined) return state;
  throw unknownWord("bad_input", `There is no state "${word}"`, { typed: name, known: JOB_STATES });
}
