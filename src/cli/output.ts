/**
 * What the program says: results on stdout, talk on stderr.
 */

import type { Json } from "../core/json_view.ts";
import { printableLine } from "./printable.ts";

/** Where a command's words go. */
export interface Output {
  /** A line of the result. Text from outside in it must be printable already. */
  result(line: string): void;
  /** The result as one JSON document. */
  json(value: Json): void;
  /** Bytes as they are, on stdout. */
  bytes(bytes: Uint8Array): void;
  /** A line for the person at the terminal, on stderr; nothing with `--quiet`. */
  talk(line: string): void;
}

/** The output of this process. */
export function processOutput(options: { isQuiet: boolean }): Output {
  return {
    result: (line) => writeAll(Deno.stdout, encode(`${line}\n`)),
    json: (value) => writeAll(Deno.stdout, encode(`${JSON.stringify(value, null, 2)}\n`)),
    bytes: (bytes) => writeAll(Deno.stdout, bytes),
    talk: (line) => {
      if (!options.isQuiet) writeAll(Deno.stderr, encode(`${line}\n`));
    },
  };
}

/** Says on stderr what went wrong and what to do; the only thing that `--quiet` doesn't silence. */
export function printError(message: string, cure: string | null): void {
  const lines = [
    `Error: ${printableLine(message)}`,
    ...(cure === null ? [] : [`Try: ${printableLine(cure)}`]),
  ];
  writeAll(Deno.stderr, encode(`${lines.join("\n")}\n`));
}

/** Whether colours may be used on stdout. */
export function hasColor(): boolean {
  return Deno.stdout.isTerminal() && !Deno.env.get("NO_COLOR");
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += stream.writeSync(bytes.subarray(written));
}
