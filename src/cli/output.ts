/**
 * What the program says: results on stdout, talk on stderr.
 */

import { QueueError } from "../core/errors.ts";
import type { Json } from "../core/json_view.ts";
import { printableLine, UNPRINTABLE } from "../core/printable.ts";

/** Where a command's words go. */
export interface Output {
  /** A line of the result. Text from outside in it must be printable already. */
  result(line: string): void;
  /** The result as one JSON document. */
  json(value: Json): void;
  /** Bytes as they are, on stdout. */
  bytes(bytes: Uint8Array): void;
  /** Bytes as they are, on stderr: what a job wrote to its own. */
  errorBytes(bytes: Uint8Array): void;
  /** A line for the person at the terminal, on stderr; nothing with `--quiet`. */
  talk(line: string): void;
}

/** The output of this process. */
export function processOutput(options: { isQuiet: boolean }): Output {
  return {
    result: (line) => writeAll(Deno.stdout, encode(`${line}\n`)),
    json: (value) => writeAll(Deno.stdout, encode(`${jsonText(value)}\n`)),
    bytes: (bytes) => writeAll(Deno.stdout, bytes),
    errorBytes: (bytes) => writeAll(Deno.stderr, bytes),
    talk: (line) => {
      if (!options.isQuiet) writeIfRead(line);
    },
  };
}

/** A value as indented JSON, in which no character can do a terminal harm: JSON has an escape for each. */
export function jsonText(value: Json): string {
  return JSON.stringify(value, null, 2).replace(
    UNPRINTABLE,
    (character) =>
      character === "\n" ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Says on stderr what went wrong and what to do; the only thing that `--quiet` doesn't silence. */
export function printError(message: string, cure: string | null): void {
  const lines = [
    `Error: ${printableLine(message)}`,
    ...(cure === null ? [] : [`Try: ${printableLine(cure)}`]),
  ];
  writeIfRead(lines.join("\n"));
}

/** Whether colours may be used on stdout. */
export function hasColor(): boolean {
  return Deno.stdout.isTerminal() && !Deno.env.get("NO_COLOR");
}

/** Talk that nobody can hear must not keep a command from its work. */
function writeIfRead(text: string): void {
  try {
    Deno.stderr.writeSync(encode(`${text}\n`));
  } catch {
    // stderr is closed, or its disk is full.
  }
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  try {
    for (let written = 0; written < bytes.length;) written += stream.writeSync(bytes.subarray(written));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) throw error;
    const why = error instanceof Error ? error.message.replace(/ \(os error.*/, "") : String(error);
    throw new QueueError("failed", `Cannot write the output: ${why}`, {
      hint: "another place for the output",
    });
  }
}
