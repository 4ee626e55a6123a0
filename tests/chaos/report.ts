/**
 * What a run of the programme reports: a row a fault, and what disproves an invariant.
 */

import type { Violation } from "./checker.ts";
import type { Evidence } from "./evidence.ts";
import type { Tally } from "./ground.ts";

/** One fault that was tried. */
export interface Trial {
  readonly name: string;
  readonly tally: Tally;
  readonly evidence: Evidence;
  readonly violations: readonly Violation[];
}

/** A Markdown table, with the sums in the last row, and how long commits took where that was measured. */
export function reportTable(trials: readonly Trial[]): string {
  const rows = trials.map(rowOf);
  const sums = rows.reduce(
    (sum, row) => sum.map((value, column) => value + row.numbers[column]!),
    NO_NUMBERS,
  );
  const allRecoveries = trials.flatMap((trial) => trial.tally.recoveriesMs);
  const lines = [...rows, { name: "**all**", numbers: sums, recovery: quantiles(allRecoveries) }];
  const commits = trials.flatMap((trial) => trial.tally.commitsMs ?? []);
  return [
    `| fault | ${COLUMNS.join(" | ")} | recovery p50 / p99 / max |`,
    `|---|${COLUMNS.map(() => "---|").join("")}---|`,
    ...lines.map(({ name, numbers, recovery }) => `| ${name} | ${numbers.join(" | ")} | ${recovery} |`),
    ...commits.length === 0 ? [] : [
      `\nFrom asking for a commit to having it, p50 / p99 / max: ${
        quantiles(commits)
      } (${commits.length} commits)`,
    ],
  ].join("\n");
}

const COLUMNS = [
  "jobs",
  "faults",
  "acknowledged",
  "lost",
  "overlaps",
  "second runs",
  "false rescues",
  "left behind",
];
const NO_NUMBERS = COLUMNS.map(() => 0);

function rowOf({ name, tally, evidence, violations }: Trial) {
  const broken = (rule: string) => violations.filter((violation) => violation.rule.includes(rule)).length;
  const attempts = [...evidence.attempts.values()].flat();
  const numbers = [
    tally.jobs,
    tally.faults,
    evidence.acknowledgements.filter((one) => one.result === "ok").length,
    broken("acknowledged is stored"),
    broken("never overlap"),
    attempts.filter((attempt) => attempt.outcome === "lost").length,
    broken("has a cause"),
    broken("left behind"),
  ];
  return { name, numbers, recovery: quantiles(tally.recoveriesMs) };
}

function quantiles(times: readonly number[]): string {
  if (times.length === 0) return "";
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!;
  return [0.5, 0.99, 1].map((share) => Math.round(at(share))).join(" / ") + " ms";
}
