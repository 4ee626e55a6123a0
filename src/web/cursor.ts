/**
 * Where a page of jobs begins, or a change of many goes on, as a word that clients give back as they got it.
 */

import { badInput } from "../core/errors.ts";
import type { ListingPlace } from "../core/reports.ts";

/** A place in a listing. */
export interface Cursor {
  /** Whether what lies before the place is meant. */
  readonly isBackwards: boolean;
  readonly place: ListingPlace;
}

/** The word for a place. */
export function writeCursor({ isBackwards, place }: Cursor): string {
  return `${isBackwards ? "p" : "n"}.${place.seq}${place.time === 0 ? "" : `.${place.time}`}`;
}

/** The place that a word means; null for none. Throws `bad_input` for a word that was never answered. */
export function readCursor(text: string | null): Cursor | null {
  if (text === null) return null;
  const match = /^([np])\.(\d{1,15})(?:\.(\d{1,15}))?$/.exec(text);
  if (match === null) {
    throw badInput(`There is no page "${text}"`, "a cursor that was answered, or none for the first page");
  }
  const [, way, seq, time = "0"] = match;
  return { isBackwards: way === "p", place: { seq: Number(seq), time: Number(time) } };
}
