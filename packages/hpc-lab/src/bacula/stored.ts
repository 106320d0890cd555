import { type Attributes, atimeNs, mtimeNs } from "@podheitor/hpc-cli";
import type { Entry, Xattr } from "@podheitor/hpc-ptcomm";
import { EntryKind, kindOfMode } from "@podheitor/hpc-wire";
import type { Aspect } from "../trees/metadata-tree";
import type { Observed } from "../trees/observe";
import type { CatalogRow } from "./catalog";

/**
 * What a backup holds of an entry, before anything is restored, in the words of {@link Observed};
 * aspects that cannot be looked at there are absent.
 */
export type Stored = Partial<Observed>;

/** find's letters. */
const LETTERS: ReadonlyMap<EntryKind | undefined, string> = new Map([
  [EntryKind.FIFO, "p"],
  [EntryKind.CHARDEV, "c"],
  [EntryKind.DIRECTORY, "d"],
  [EntryKind.BLOCKDEV, "b"],
  [EntryKind.REGULAR, "f"],
  [EntryKind.SYMLINK, "l"],
]);

/** find's letter of what a st_mode says. */
export function letterOf(mode: number): string {
  return LETTERS.get(kindOfMode(mode)) ?? "?";
}

/**
 * Of a source file: its SHA-256 as {@link Observed} has it, and the MD5 texts (base 64) that stand
 * for the same content in a catalog.
 */
export interface Digests {
  readonly sha256: string;
  readonly md5: readonly string[];
}

/** What both kinds of backup hold as numbers. */
interface Numbers {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  readonly size: bigint;
  readonly mtime: bigint;
  readonly mtimeNs: bigint;
  readonly atime: bigint;
  readonly atimeNs: bigint;
  readonly rdev: bigint;
}

/** A name and the group of hard links that it is in; groups of one name are no groups. */
interface Named {
  readonly path: string;
  readonly group: string;
  readonly stored: Stored;
  readonly nlink: number;
}

/**
 * From the rows of a job in Bacula's catalog, by path below `root`. `sources`: of the source's
 * files. What the catalog does not show (targets of symlinks, attributes, ACLs, flags, holes) is
 * absent.
 */
export function storedInCatalog(
  rows: readonly CatalogRow[],
  root: string,
  sources: ReadonlyMap<string, Digests>,
): Map<string, Stored> {
  const named = rows.map(({ name, fileIndex, attributes, digest }): Named => {
    const path = below(root, name.toString("latin1").replace(/\/$/, ""));
    const numbers = numbersOf(numbersInCatalog(attributes));
    const source = sources.get(path);
    // The catalog's digest is base 64 without padding; a file without bytes, and a later name, have
    // none.
    const same = source?.md5.some((text) => text.replace(/=+$/, "") === digest) === true;
    const later = attributes.linkFileIndex !== 0;
    const content =
      numbers.type !== "f" || later || attributes.size === 0n
        ? {}
        : { content: same ? source?.sha256 : "differs" };
    return {
      path,
      group: `${later ? attributes.linkFileIndex : fileIndex}`,
      stored: { ...numbers, ...content },
      nlink: attributes.nlink,
    };
  });
  return withLinks(named);
}

/**
 * From the entries of an archive, by path below `root`. What only a restore shows (contents, ACLs
 * apart from their attributes, flags, holes) is absent.
 */
export function storedInArchive(
  entries: readonly (Entry & { readonly xattrs: readonly Xattr[] })[],
  root: string,
): Map<string, Stored> {
  const named = entries.map((entry, index): Named => {
    const numbers = numbersOf({
      ...entry,
      mtimeNs: BigInt(entry.mtimeNs),
      atimeNs: BigInt(entry.atimeNs),
    });
    const xattrs = entry.xattrs
      .filter(({ name }) => !name.toString("latin1").startsWith("podheitor."))
      .map(({ name, value }) => `${name.toString("latin1")}=0x${value.toString("hex")}`)
      .sort()
      .join("\n");
    const target =
      numbers.type === "l" && entry.linkGroup === 0n
        ? { target: entry.link.toString("latin1") }
        : {};
    const later = entry.linkGroup !== 0n && entry.link.length > 0 && numbers.type !== "l";
    return {
      path: below(root, entry.name.toString("latin1")),
      group: entry.linkGroup === 0n ? `alone ${index}` : `${entry.linkGroup}`,
      stored: { ...numbers, ...target, ...(later ? {} : { xattrs }) },
      nlink: entry.nlink,
    };
  });
  return withLinks(named);
}

function numbersInCatalog(attributes: Attributes): Numbers {
  return { ...attributes, mtimeNs: mtimeNs(attributes) ?? 0n, atimeNs: atimeNs(attributes) ?? 0n };
}

/** As find's -printf writes them. */
function numbersOf(numbers: Numbers): Stored & { readonly type: string } {
  const { mode, uid, gid, size, rdev } = numbers;
  const type = letterOf(mode);
  const time = (seconds: bigint, ns: bigint) => `${seconds}.${String(ns).padStart(9, "0")}0`;
  const device = type === "b" || type === "c";
  return {
    type,
    size: type === "f" ? `${size}` : "",
    mode: (mode & 0o7777).toString(8),
    owner: `${uid}:${gid}`,
    mtime: time(numbers.mtime, numbers.mtimeNs),
    atime: time(numbers.atime, numbers.atimeNs),
    device: device ? deviceOf(rdev) : "",
  };
}

/** `8:1`: major and minor in hex, as `stat -c %t:%T` has them. */
function deviceOf(rdev: bigint): string {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n);
  return `${major.toString(16)}:${minor.toString(16)}`;
}

function withLinks(named: readonly Named[]): Map<string, Stored> {
  const groups = new Map<string, string[]>();
  for (const { path, group } of named) groups.set(group, [...(groups.get(group) ?? []), path]);
  return new Map(
    named.map(({ path, group, stored, nlink }) => {
      const links =
        stored.type === "d" ? "" : [`${nlink}`, ...(groups.get(group) ?? []).sort()].join("\0");
      return [path, { ...stored, links }];
    }),
  );
}

/** The aspects that the backup shows, and shows to be other than the source's. */
export function notStored(
  source: Observed,
  stored: Stored | undefined,
  aspects: readonly Aspect[],
): Aspect[] {
  if (stored === undefined) return [...aspects];
  return aspects.filter(
    (aspect) => stored[aspect] !== undefined && stored[aspect] !== source[aspect],
  );
}

function below(root: string, path: string): string {
  return path.slice(root.length + 1);
}
