export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly text: string;
}

const [width, row, labels, right, top] = [820, 44, 300, 160, 56];

/** A horizontal bar chart as SVG; zero is at the left. */
export function barChart(title: string, bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ value }) => value));
  const height = top + row * bars.length + 12;
  const lines = bars.flatMap(({ label, value, text }, index) => {
    const y = top + row * index;
    const length = Math.round(((width - labels - right) * value) / most);
    return [
      `<text x="${labels - 12}" y="${y + 21}" text-anchor="end">${escaped(label)}</text>`,
      `<rect x="${labels}" y="${y + 2}" width="${length}" height="28" rx="2" fill="#3b6ea5"/>`,
      `<text x="${labels + length + 10}" y="${y + 21}">${escaped(text)}</text>`,
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="15" fill="#222">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="20" y="30" font-size="17" font-weight="bold">${escaped(title)}</text>`,
    ...lines,
    "</svg>",
    "",
  ].join("\n");
}

function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
}
