import { isUtf8 } from "node:buffer";
import { EntryKind, isDevice, kindOfMode } from "@podheitor/hpc-wire";
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

/** The letter of ls, and the word of --json. */
const TYPES: Readonly<Record<EntryKind, readonly [letter: string, name: string]>> = {
  [EntryKind.REGULAR]: ["-", "file"],
  [EntryKind.DIRECTORY]: ["d", "directory"],
  [EntryKind.SYMLINK]: ["l", "symlink"],
  [EntryKind.FIFO]: ["p", "fifo"],
  [EntryKind.CHARDEV]: ["c", "character-device"],
  [EntryKind.BLOCKDEV]: ["b", "block-device"],
  [EntryKind.SOCKET]: ["s", "socket"],
};

function typeOf(mode: number): readonly [letter: string, name: string] {
  const kind = kindOfMode(mode);
  return kind === undefined ? ["?", "unknown"] : TYPES[kind];
}

export function typeName(mode: number): string {
  return typeOf(mode)[1];
}

/** `drwxr-sr-t`, as ls writes it. */
export function modeText(mode: number): string {
  const letter = typeOf(mode)[0];
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
  const size = isDevice(entry.mode) ? deviceText(entry.rdev) : `${entry.size}`;
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
