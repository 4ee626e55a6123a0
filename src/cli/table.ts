/**
 * Tables for people.
 */

import Table from "cli-table3";
import { hasColor } from "./output.ts";
import { printableLine } from "../core/printable.ts";

const NO_BORDERS = Object.fromEntries(
  ["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right", "left"]
    .concat(["left-mid", "mid", "mid-mid", "right", "right-mid"]).map((part) => [part, ""]),
);
// The library's own colours get lost where the program is minified.
const BOLD = "\x1b[1m";
const NOT_BOLD = "\x1b[22m";
const GAP = 2;
const MIN_FLEXIBLE_WIDTH = 16;

/**
 * A table as text. `flexible` is the column (from 0) that is shortened when the terminal is too narrow; where
 * stdout is no terminal nothing is shortened. Cells may hold anything: they are made printable.
 */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  flexible: number,
): string {
  const cells = rows.map((row) => row.map(printableLine));
  const width = flexibleWidth([head, ...cells], flexible);
  const table = new Table({
    head: hasColor() ? head.map((title) => `${BOLD}${title}${NOT_BOLD}`) : [...head],
    chars: { ...NO_BORDERS, middle: " ".repeat(GAP) },
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
  });
  for (const row of cells) {
    table.push(row.map((cell, column) => column === flexible ? shorten(cell, width) : cell));
  }
  return table.toString().split("\n").map((line) => line.trimEnd()).join("\n");
}

function flexibleWidth(rows: readonly (readonly string[])[], flexible: number): number {
  if (!Deno.stdout.isTerminal()) return Infinity;
  const widest = (column: number) => rows.reduce((most, row) => Math.max(most, row[column]!.length), 0);
  const widths = rows[0]!.map((_, column) => widest(column));
  const others = widths.reduce((sum, width, column) => column === flexible ? sum : sum + width + GAP, 0);
  return Math.max(MIN_FLEXIBLE_WIDTH, Deno.consoleSize().columns - others);
}

function shorten(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}
