import { barChart } from "@podheitor/hpc-chart";
import type { ContestResult, Standing } from "./contest";

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** `1.87 (1.79 to 1.95)`: median, least and most. */
export function spread(values: readonly number[]): string {
  return `${median(values).toFixed(2)} (${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)})`;
}

/** A table in Markdown: a row to each contestant, ours first. */
export function table({ title, facts, standings }: ContestResult): string {
  const rows = standings.map(
    ({ name, seconds, ratios }, at) =>
      `| ${name.replaceAll("|", "\\|")} | ${median(seconds).toFixed(3)} | ${at === 0 ? "1" : spread(ratios)} |`,
  );
  return [
    `**${title}.** ${facts}`,
    "",
    "| program | seconds (median) | times ours |",
    "|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

/** The medians as bars. */
export function plot({ title, standings }: ContestResult): string {
  const bar = ({ name, seconds, ratios }: Standing) => ({
    label: name,
    value: median(seconds),
    text: `${median(seconds).toFixed(2)} s (${median(ratios).toFixed(2)}×)`,
  });
  return barChart(title, standings.map(bar));
}
