import { barChart, table } from "@podheitor/hpc-report";
import type { ContestResult, Standing } from "./contest";

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** `1.87 (1.79 to 1.95)`: median, least and most. */
export function spread(values: readonly number[]): string {
  return `${median(values).toFixed(2)} (${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)})`;
}

/**
 * A table in Markdown: a row to each contestant, ours first. `against`: a contestant whose time is
 * divided by everybody's, too.
 */
export function contestTable({ title, facts, standings }: ContestResult, against?: string): string {
  const other = standings.find(({ name }) => name === against);
  const rows = standings.map(({ name, seconds, ratios }, at) => {
    const cells = [name, median(seconds).toFixed(3), at === 0 ? "1" : spread(ratios)];
    if (other !== undefined)
      cells.push(spread(seconds.map((one, round) => (other.seconds[round] ?? one) / one)));
    return cells;
  });
  const heads = ["program", "seconds (median)", "times ours"];
  if (other !== undefined) heads.push(`as fast as ${other.name}, times`);
  return `**${title}.** ${facts}\n\n${table(heads, rows)}`;
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
