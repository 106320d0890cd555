import { notStored, type Stored } from "../bacula/stored";
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

/**
 * What is seen of a way, row by row: of the backup before anything is restored, and of what came
 * back.
 */
export interface Columns {
  readonly backup: readonly Cell[];
  readonly restore: readonly Cell[];
}
export const steps = ["backup", "restore"] as const;
export type Step = (typeof steps)[number];

/**
 * Compares what was with what the backup holds and with what came back, row by row. What a backup
 * does not show counts as held when it came back; where it did not, nothing tells which of the two
 * lost it, and the cell says so.
 */
export function cellsOf(
  subjects: readonly Subject[],
  before: ReadonlyMap<string, Observed>,
  stored: ReadonlyMap<string, Stored>,
  after: ReadonlyMap<string, Observed>,
): Columns {
  const backup: Cell[] = [];
  const restore: Cell[] = [];
  for (const { paths, aspects, what } of subjects) {
    const absent = new Set<string>();
    const differing = new Set<string>();
    for (const path of paths) {
      const was = before.get(path);
      if (was === undefined) throw new RangeError(`${what}: the tree has no ${path}`);
      const held = stored.get(path);
      if (held === undefined) absent.add("missing");
      else for (const aspect of notStored(was, held, aspects)) absent.add(aspect);
      if (!after.has(path)) differing.add("missing");
      else
        for (const aspect of changed(was, after.get(path), aspects)) {
          differing.add(aspect);
          if (held !== undefined && held[aspect] === undefined)
            absent.add(`${aspect}, here or at restore`);
        }
    }
    backup.push(cell(absent));
    restore.push(cell(differing));
  }
  return { backup, restore };
}

function cell(missing: ReadonlySet<string>): Cell {
  return missing.size === 0
    ? kept
    : lost(missing.has("missing") ? "missing" : [...missing].join(", "));
}

const head = `# The metadata contract

What of a file survives a backup and a restore. This page is written by a test
(\`npx jest --config packages/hpc-lab/jest.lab.config.cjs contract\`), from what \`find\`, \`stat\`, \`sha256sum\`, \`getfattr\`, \`getfacl\`, \`lsattr\`, \`filefrag\` and \`cmp\`
said of a tree before the backup and after the restore, by root, on ext4, and from what the backup itself shows before a restore: Bacula's catalog (names, attributes,
digests, hard links), an archive's records. The test fails when a cell is no longer true; with \`UPDATE_DOCS=1\` it writes the page anew.

*backup*: what the backup holds; what cannot be looked at there counts as held when it came back. *restore*: what came back.
**kept**: identical, times to the nanosecond. **lost**: what follows is not. –: does not apply, see the note.
`;

/** The page as text: a table to each group. */
export function contractPage(
  rows: readonly Row[],
  columns: ReadonlyMap<Way, Columns>,
  notes: readonly string[],
): string {
  const groups = [...new Set(rows.map(({ group }) => group))];
  const heads = ways.flatMap((way) => steps.map((step) => columnName(way, step)));
  const tables = groups.map((group) => {
    const lines = rows.flatMap((row, index) => {
      if (row.group !== group) return [];
      const cells = ways.flatMap((way) =>
        steps.map((step) => columns.get(way)?.[step][index] ?? "not observed"),
      );
      return [`| ${[row.what, ...cells].join(" | ")} |`];
    });
    return `## ${group}\n\n| | ${heads.join(" | ")} |\n|---|${heads.map(() => "---|").join("")}\n${lines.join("\n")}\n`;
  });
  return [head, ...tables, `## Notes\n\n${notes.map((note) => `- ${note}`).join("\n")}\n`].join(
    "\n",
  );
}

function columnName(way: Way, step: Step): string {
  return `${way}, ${step}`;
}

/** The cells of one way of a page, by group, row and step. */
export function columnOf(page: string, way: Way): Record<string, Cell> {
  const cells: Record<string, Cell> = {};
  let group = "";
  for (const line of page.split("\n")) {
    if (line.startsWith("## ")) group = line.slice(3);
    const [what, ...rest] = line.replace(/^\| | \|$/g, "").split(" | ");
    if (
      !line.startsWith("| ") ||
      line.startsWith("| |") ||
      rest.length !== ways.length * steps.length
    )
      continue;
    for (const [at, step] of steps.entries())
      cells[`${group}: ${what}, ${step}`] = rest[ways.indexOf(way) * steps.length + at] ?? "";
  }
  return cells;
}
