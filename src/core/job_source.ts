/**
 * Jobs written as JSON: one object, an array of them, or one object a line (NDJSON).
 */

import { badInput } from "./errors.ts";
import { checkJobInput, EXAMPLE, type JobInput } from "./job_input.ts";

/** A described job and its place in the text, for error messages: `line 17: `, `job 3: ` or empty. */
export interface PlacedInput {
  readonly input: JobInput;
  readonly where: string;
}

/** How many jobs of a bulk are checked between two words about it. */
const JOBS_BETWEEN_REPORTS = 1000;

/**
 * The jobs described in `text`, which is a JSON object, a JSON array, or NDJSON (blank lines don't count).
 * `onChecked` is told now and then how many of how many have been checked.
 * Throws `bad_input` on the first that can't be used, with its line, or its number in an array.
 */
export async function parseJobs(
  text: string,
  onChecked: (count: number, total: number) => void = () => {},
): Promise<PlacedInput[]> {
  const source = text.replace(/^\ufeff/, "");
  if (source.trim() === "") return [];
  const whole = tryParse(source);
  if (whole !== undefined) {
    if (!Array.isArray(whole)) return [{ input: checkJobInput(whole), where: "" }];
    return whole.map((value, index) => {
      if (index % JOBS_BETWEEN_REPORTS === 0) onChecked(index, whole.length);
      const where = `Job ${index + 1} of the array: `;
      return { input: checkJobInput(value, where), where };
    });
  }
  const lines = source.split(/\r?\n/);
  const written = lines.filter((line) => line.trim() !== "");
  const isOneDocument = source.trimStart().startsWith("[") ||
    written.every((line) => typeof tryParse(line) !== "object");
  if (isOneDocument) throw await notJson(source, "");
  const placed: PlacedInput[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.trim() === "") continue;
    if (placed.length % JOBS_BETWEEN_REPORTS === 0) onChecked(placed.length, written.length);
    const where = `Line ${index + 1}: `;
    const value = tryParse(line);
    if (value === undefined) throw await notJson(line, where);
    placed.push({ input: checkJobInput(value, where), where });
  }
  return placed;
}

/** The parsed value; undefined (which no JSON means) if `text` is not JSON. */
function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The error for a text that is not JSON, with the position of the first fault. */
async function notJson(text: string, where: string) {
  const { parse, printParseErrorCode } = await import("jsonc-parser");
  const errors: { error: number; offset: number; length: number }[] = [];
  try {
    parse(text, errors, { disallowComments: true, allowTrailingComma: false });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return badInput(`${where}This is not a job: its JSON is nested too deeply`, EXAMPLE);
  }
  const first = errors[0] ?? { error: -1, offset: text.length, length: 0 };
  const before = text.slice(0, first.offset);
  const line = before.split("\n").length;
  const column = first.offset - before.lastIndexOf("\n");
  const fault = printParseErrorCode(first.error).replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
  const place = where === "" && text.trim().includes("\n")
    ? `line ${line}, column ${column}`
    : `position ${column}`;
  return badInput(
    `${where}This is not JSON: ${fault.startsWith("<") ? "syntax error" : fault} at ${place}`,
    `queuectl enqueue --command '…', if the shell changes the quotes of JSON`,
  );
}
