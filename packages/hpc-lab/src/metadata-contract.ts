import type { Subject } from "./metadata-tree";
import { changed, type Observed } from "./observe";

/** The ways through the product that the contract tells apart: the columns of the page. */
export const ways = ["archive", "Bacula 9.6.7", "Bacula 15.0.3"] as const;
export type Way = (typeof ways)[number];

/** What became of one row on one way: `kept`, `**lost**: mtime`, or `– ¹`. */
export type Cell = string;

export interface Row {
  readonly group: string;
  readonly what: string;
}

export const kept = "kept";

export function lost(what: string): Cell {
  return `**lost**: ${what}`;
}

/** Compares what was with what came back, row by row. */
export function cellsOf(
  subjects: readonly Subject[],
  before: ReadonlyMap<string, Observed>,
  after: ReadonlyMap<string, Observed>,
): Cell[] {
  return subjects.map(({ paths, aspects, what }) => {
    const differing = new Set<string>();
    for (const path of paths) {
      const was = before.get(path);
      if (was === undefined) throw new RangeError(`${what}: the tree has no ${path}`);
      if (!after.has(path)) return lost("missing");
      for (const aspect of changed(was, after.get(path), aspects)) differing.add(aspect);
    }
    return differing.size === 0 ? kept : lost([...differing].join(", "));
  });
}

const head = `# The metadata contract

What of a file survives a backup and a restore. This page is written by a test
(\`npx jest --config packages/hpc-lab/jest.lab.config.cjs contract\`), from what \`find\`, \`stat\`, \`sha256sum\`, \`getfattr\`, \`getfacl\`, \`lsattr\`, \`filefrag\` and \`cmp\`
said of a tree before the backup and after the restore, by root, on ext4. The test fails when a cell is no longer true; with \`UPDATE_DOCS=1\` it writes the page anew.

**kept**: identical, times to the nanosecond. **lost**: what follows did not come back. –: does not apply, see the note.
`;

/** The page as text: a table to each group. */
export function contractPage(
  rows: readonly Row[],
  columns: ReadonlyMap<Way, readonly Cell[]>,
  notes: readonly string[],
): string {
  const groups = [...new Set(rows.map(({ group }) => group))];
  const tables = groups.map((group) => {
    const lines = rows.flatMap((row, index) =>
      row.group === group
        ? [`| ${[row.what, ...ways.map((way) => columns.get(way)?.[index] ?? "not observed")].join(" | ")} |`]
        : [],
    );
    return `## ${group}\n\n| | ${ways.join(" | ")} |\n|---|${ways.map(() => "---|").join("")}\n${lines.join("\n")}\n`;
  });
  return [head, ...tables, `## Notes\n\n${notes.map((note) => `- ${note}`).join("\n")}\n`].join("\n");
}

/** The cells of one column of a page, by group and row. */
export function columnOf(page: string, way: Way): Record<string, Cell> {
  const column = ways.indexOf(way) + 2;
  const cells: Record<string, Cell> = {};
  let group = "";
  for (const line of page.split("\n")) {
    if (line.startsWith("## ")) group = line.slice(3);
    const parts = line.split(" | ");
    if (!line.startsWith("| ") || line.startsWith("| |") || parts.length !== ways.length + 1) continue;
    cells[`${group}: ${parts[0]?.slice(2)}`] = (parts[column - 1] ?? "").replace(/ \|$/, "");
  }
  return cells;
}
