const WIDTH = 40;

/** Lines of a histogram: label, a bar in proportion to the value, text. */
export function textBars(
  rows: readonly (readonly [label: string, value: number, text: string])[],
): string[] {
  const most = Math.max(1, ...rows.map(([, value]) => value));
  const labels = Math.max(0, ...rows.map(([label]) => label.length));
  return rows.map(([label, value, text]) => {
    const length = value === 0 ? 0 : Math.max(1, Math.round((value / most) * WIDTH));
    return `${label.padEnd(labels)}  ${"█".repeat(length).padEnd(WIDTH)}  ${text}`.trimEnd();
  });
}
