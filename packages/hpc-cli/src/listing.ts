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
  /** Nanoseconds within that second. */
  readonly mtimeNs: number;
  /** Extended attributes, ACLs among them. */
  readonly xattrs: readonly unknown[];
  /** Another name of an inode whose first name is `link`. */
  readonly isLink: boolean;
}

const S_IFMT = 0o170000;

/** By the type bits of st_mode: the letter of ls, and the word of --json. */
const TYPES: ReadonlyMap<number, readonly [letter: string, name: string]> = new Map([
  [0o140000, ["s", "socket"]],
  [0o120000, ["l", "symlink"]],
  [0o100000, ["-", "file"]],
  [0o060000, ["b", "block-device"]],
  [0o040000, ["d", "directory"]],
  [0o020000, ["c", "character-device"]],
  [0o010000, ["p", "fifo"]],
]);

export function typeName(mode: number): string {
  return TYPES.get(mode & S_IFMT)?.[1] ?? "unknown";
}

/** `drwxr-sr-t`, as ls writes it. */
export function modeText(mode: number): string {
  const letter = TYPES.get(mode & S_IFMT)?.[0] ?? "?";
  const triple = (shift: number, special: number, letters: string) => {
    const bits = mode >> shift;
    const both =
      (mode & special) !== 0 ? (bits & 1 ? letters.toLowerCase() : letters) : bits & 1 ? "x" : "-";
    return `${bits & 4 ? "r" : "-"}${bits & 2 ? "w" : "-"}${both}`;
  };
  return letter + triple(6, 0o4000, "S") + triple(3, 0o2000, "S") + triple(0, 0o1000, "T");
}

/** `2024-05-06 07:08:09` in UTC: the same everywhere, whatever the time zone. */
export function timeText(seconds: bigint): string {
  const date = new Date(Number(seconds) * 1000);
  return Number.isNaN(date.getTime())
    ? `${seconds}`
    : date.toISOString().slice(0, -5).replace("T", " ");
}

/**
 * A line like those of `tar tvf`, without its end. For a terminal names are escaped; otherwise
 * their bytes stand as they are (and a name with a newline takes two lines: programs use --null or
 * --json).
 */
export function listLine(entry: Listed, terminal: boolean): Buffer {
  const device = typeName(entry.mode).endsWith("-device");
  const size = device ? deviceText(entry.rdev) : `${entry.size}`;
  const head = `${modeText(entry.mode)} ${entry.uid}/${entry.gid} ${size.padStart(12)} ${timeText(entry.mtime)} `;
  const arrow = entry.link.length === 0 ? "" : entry.isLink ? " link to " : " -> ";
  if (terminal)
    return Buffer.from(`${head}${escapeName(entry.name)}${arrow}${escapeName(entry.link)}`);
  return Buffer.concat([Buffer.from(head), entry.name, Buffer.from(arrow), entry.link]);
}

/** `8,1`: major and minor as glibc's `makedev` packs them. */
function deviceText(rdev: bigint): string {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n);
  return `${major},${minor}`;
}

/**
 * A name in JSON, which holds text and not bytes: `{ [key]: text }`, and where the name is not
 * UTF-8 also `{ [key]_base64 }`, which has it exactly.
 */
export function jsonName(key: string, name: Buffer): Record<string, string> {
  const text = { [key]: name.toString("utf8") };
  return isUtf8(name) ? text : { ...text, [`${key}_base64`]: name.toString("base64") };
}
