/**
 * Figures from repeated rounds, and the table that shows them.
 */

/** One measured ratio, or a value that is measured against a fixed budget. */
export interface Figure {
  readonly what: string;
  /** The median of the rounds' ratios. */
  readonly ratio: number;
  readonly lowest: number;
  readonly highest: number;
  /** The ratio that DESIGN demands. */
  readonly budget: { readonly atMost: number } | { readonly atLeast: number };
  /** The medians behind the ratio, with their unit. */
  readonly detail: string;
}

/** The middle value; the mean of the two middle ones of an even number. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Says on stderr what isn't measured here, and why. */
export function tellSkipped(what: string, why: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`Not measured: ${what}: ${why}\n`));
}

/** The figure that the rounds of `ours ÷ theirs` give. */
export function figure(
  what: string,
  rounds: readonly { readonly ours: number; readonly theirs: number }[],
  options: { budget: Figure["budget"]; unit: string; names: readonly [string, string] },
): Figure {
  const ratios = rounds.map(({ ours, theirs }) => ours / theirs);
  const show = (value: number) => value >= 100 ? value.toFixed(0) : value.toPrecision(3);
  const [ours, theirs] = [
    median(rounds.map((round) => round.ours)),
    median(rounds.map((round) => round.theirs)),
  ];
  const { names: [ourName, theirName], unit, budget } = options;
  return {
    what,
    ratio: median(ratios),
    lowest: Math.min(...ratios),
    highest: Math.max(...ratios),
    budget,
    detail: `${ourName} ${show(ours)} ${unit}, ${theirName} ${show(theirs)} ${unit}`,
  };
}

/** A figure that is no ratio: a measured value with its unit. */
export function absolute(
  what: string,
  value: number,
  { budget, unit }: { budget: Figure["budget"]; unit: string },
): Figure {
  return { what, ratio: value, lowest: value, highest: value, budget, detail: `in ${unit || "numbers"}` };
}

/** Whether a figure keeps its budget. */
export function isKept({ ratio, budget }: Figure): boolean {
  return "atMost" in budget ? ratio <= budget.atMost : ratio >= budget.atLeast;
}

/** A Markdown table of figures. */
export function reportTable(figures: readonly Figure[]): string {
  const rows = figures.map((one) => {
    const budget = "atMost" in one.budget ? `≤ ${one.budget.atMost}` : `≥ ${one.budget.atLeast}`;
    const spread = `${one.lowest.toFixed(2)}–${one.highest.toFixed(2)}`;
    return `| ${one.what} | ${one.ratio.toFixed(2)} | ${spread} | ${budget} | ${
      isKept(one) ? "kept" : "**missed**"
    } | ${one.detail} |`;
  });
  return ["| what | ratio | spread | budget | | medians |", "|---|---|---|---|---|---|", ...rows].join("\n");
}
