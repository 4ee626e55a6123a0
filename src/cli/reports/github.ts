/**
 * Groups and annotations for the log of a GitHub Actions step.
 *
 * The runner takes lines such as `::error::text` as commands, from whatever prints them. What jobs have printed
 * is therefore put between `stop-commands` and a token that nobody can have known before.
 */

import { printableLine, printableOutput } from "../../core/printable.ts";
import type { ShownOutput } from "./drain_report.ts";

/** Whether this process runs in a step of GitHub Actions. */
export function isGitHub(): boolean {
  return Deno.env.get("GITHUB_ACTIONS") === "true";
}

/** A group of lines, closed in the log until somebody opens it: its title, and in it what a job printed. */
export function groupOf(title: string, { stdout, stderr }: ShownOutput, token: string): string[] {
  const head = `::group::${data(title)}`;
  if (stdout === "" && stderr === "") return [head, "::endgroup::"];
  return [
    head,
    `::stop-commands::${token}`,
    ...linesOf(stdout),
    ...stderr === "" ? [] : ["--- stderr ---", ...linesOf(stderr)],
    `::${token}::`,
    "::endgroup::",
  ];
}

/** An annotation, which the page of the run shows. */
export function errorAnnotation(title: string, message: string): string {
  return `::error title=${property(title)}::${data(message)}`;
}

function linesOf(output: string): string[] {
  // The log's page still gives a meaning to `##[`, even where no command is obeyed.
  const shown = printableOutput(output).replaceAll("##[", "## [");
  return shown === "" ? [] : shown.replace(/\r?\n$/, "").split(/\r?\n/);
}

/** What stands behind a command; the runner decodes these. */
function data(text: string): string {
  return printableLine(text).replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function property(text: string): string {
  return data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
