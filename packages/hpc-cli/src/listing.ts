import { isUtf8 } from "node:buffer";
import { escapeName } from "./escape";

/** What a line of `list` shows of an entry. */
export interface Listed {
  readonly name: Buffer;
  /** A symlink's target, or the first name of a hard link; empty otherwise. */
  readonly link: Buffer;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: bigint;
  readonly rdev: bigint;
  /** Seconds since 1970. */
  readonly mtime: bigint;
  readonly isLink: boolean;
}

const TYPE_LETTERS: ReadonlyMap<number, string> = new Map([
  [0o140000, "s"],
  [0o120000, "l"],
  [0o100000, "-"],
  [0o060000, "b"],
  [0o040000, "d"],
  [0o020000, "c"],
  [0o010000, "p"],
]);

/** `drwxr-sr-t`, as ls writes it. */
export function modeText(mode: number): string {
  const letter = TYPE_LETTERS.get(mode & 0o170000) ?? "?";
  const triple = (shift: number, special: number, letters: string) => {
    const bits = mode >> shift;
    const both = (mode & special) !== 0 ? (bits & 1 ? letters.toLowerCase() : letters) : bits & 1 ? "x" : "-";
    return `${bits & 4 ? "r" : "-"}${bits & 2 ? "w" : "-"}${both}`;
  };
  return letter + triple(6, 0o4000, "S") + triple(3, 0o2000, "S") + triple(0, 0o1000, "T");
}

/** `2024-05-06 07:08:09` in UTC: the same everywhere, whatever the time zone. */
export function timeText(seconds: bigint): string {
  const date = new Date(Number(seconds) * 1000);
  return Number.isNaN(date.getTime()) ? `${seconds}` : date.toISOString().slice(0, -5).replace("T", " ");
}

/**
 * A line like those of `tar tvf`, without its end. For a terminal names are escaped; otherwise their bytes stand as they are (and a
 * name with a newline takes two lines: programs use --null or --json).
 */
export function listLine(entry: Listed, terminal: boolean): Buffer {
  const device = (entry.mode & 0o170000) === 0o020000 || (entry.mode & 0o170000) === 0o060000;
  const size = device ? deviceText(entry.rdev) : `${entry.size}`;
  const head = `${modeText(entry.mode)} ${entry.uid}/${entry.gid} ${size.padStart(12)} ${timeText(entry.mtime)} `;
  const arrow = entry.link.length === 0 ? "" : entry.isLink ? " link to " : " -> ";
  if (terminal) return Buffer.from(`${head}${escapeName(entry.name)}${arrow}${escapeName(entry.link)}`);
  return Buffer.concat([Buffer.from(head), entry.name, Buffer.from(arrow), entry.link]);
}

/** `8,1`: major and minor as glibc's `makedev` packs them. */
function deviceText(rdev: bigint): string {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n);
  return `${major},${minor}`;
}

/**
 * A name in JSON, which holds text and not bytes: `{ [key]: text }`, and where the name is not UTF-8 also `{ [key]_base64 }`, which
 * has it exactly.
 */
export function jsonName(key: string, name: Buffer): Record<string, string> {
  const text = { [key]: name.toString("utf8") };
  return isUtf8(name) ? text : { ...text, [`${key}_base64`]: name.toString("base64") };
}
