import { closeSync, readSync } from "node:fs";
import type { Entry } from "@podheitor/hpc-ptcomm";
import { CACHEDIR_TAG, Excludes, excludeProblem, isCachedirTag } from "@podheitor/hpc-walker";
import { fullName, isInside, parentOf } from "../common/paths";
import { EREMOTE, isGone, type Note, NoteOperation } from "../format/note";
import type { Reason } from "../job/job-events";
import { NOTES_MAX } from "../limits";
import type { Looked } from "../restore/held-tree";
import { mtimeOf } from "./entry";
import type { Root, Roots } from "./roots";
import type { Times } from "./times";

const SLASH = 0x2f;

type Facts = readonly (readonly [key: string, value: Buffer])[];

/**
 * A name that only the tree has: why ("excluded": the archive says that it was left out on
 * purpose), and whether it goes without saying, because the name above it has the same reason.
 */
export interface ExtraReason {
  readonly why: Reason | "excluded";
  readonly implied: boolean;
}

/**
 * Tells why an archive and a tree differ, from what the archive says of its making and what the
 * tree looks like.
 */
export class Reasons {
  readonly #createdNs: bigint | undefined;
  readonly #excludes: Excludes;
  readonly #markers: readonly Buffer[];
  readonly #oneFilesystem: boolean;
  /** By name as Latin-1: what the backup could not save. */
  readonly #notes = new Map<string, Note>();
  /** Directories of which no complete listing was had. */
  readonly #unlisted = new Set<string>();
  /**
   * The last directory that was asked about, with its answer: names come directory by directory.
   */
  #lastDirectory = "";
  #lastPruned: Buffer | undefined;

  constructor(
    facts: Facts,
    private readonly roots: Roots,
    private readonly times: Times,
    /** The archive's own file, which may lie in the tree that it is of. */
    private readonly archive: { readonly dev: bigint; readonly ino: bigint } | undefined,
  ) {
    const values = (key: string) =>
      facts.filter(([name]) => name === key).map(([, value]) => value);
    const created = values("created")[0]?.toString("latin1") ?? "";
    this.#createdNs = /^\d{1,12}$/.test(created) ? BigInt(created) * 1_000_000_000n : undefined;
    // The facts of an archive have no checksum.
    const patterns = values("exclude").filter((pattern) => excludeProblem(pattern) === undefined);
    this.#excludes = new Excludes(patterns, values("path"));
    this.#markers = values("exclude-marker");
    this.#oneFilesystem = values("one-filesystem")[0]?.toString() === "yes";
  }

  note(note: Note): void {
    if (this.#notes.size >= NOTES_MAX) return;
    const name = Buffer.from(note.name);
    const key = name.toString("latin1");
    this.#notes.set(key, { ...note, name });
    if (
      note.operation === NoteOperation.OPEN_DIRECTORY ||
      note.operation === NoteOperation.LIST_DIRECTORY
    ) {
      this.#unlisted.add(key);
    }
  }

  /**
   * Of a difference in an entry that both sides have. `isOrigin`: the tree is what was backed up,
   * and not a copy.
   */
  ofEntry(entry: Entry, stat: Looked, isOrigin: boolean): Reason {
    // A time that the archive has too says nothing: it may lie in the future.
    const sameTime = this.times.same(mtimeOf(entry), stat);
    if (this.#changed(stat, isOrigin) && (isOrigin || !sameTime)) return "changed";
    return this.#notes.has(entry.name.toString("latin1")) ? "failed" : "unknown";
  }

  /** Of extended attributes: setting one changes no mtime, so of a copy nothing can be told. */
  ofAttributes(name: Buffer, stat: Looked, isOrigin: boolean): Reason {
    if (isOrigin && this.#changed(stat, true)) return "changed";
    return this.#notes.has(name.toString("latin1")) ? "failed" : "unknown";
  }

  /** Of a name that the tree has not: `parent` is what is nearest above it. */
  ofMissing(parent: Looked | undefined, isOrigin: boolean): Reason {
    return parent !== undefined && this.#changed(parent, isOrigin) ? "vanished" : "unknown";
  }

  /** Of a name that only the tree has, below `root`, as archives call it. */
  ofExtra(root: Root, name: Buffer): ExtraReason {
    const stat = this.roots.stat(name);
    if (stat === undefined) return { why: "vanished", implied: false };
    if (stat.ino === this.archive?.ino && stat.dev === this.archive.dev)
      return { why: "excluded", implied: false };
    const excluded = this.#excludedAt(root, name, stat.isDirectory());
    if (excluded !== undefined) return { why: "excluded", implied: excluded.length < name.length };
    const pruned = this.#prunedAbove(root, name);
    if (pruned !== undefined) return { why: "excluded", implied: !parentOf(name).equals(pruned) };
    const note = this.#notes.get(name.toString("latin1"));
    if (note?.errno === EREMOTE) return { why: "excluded", implied: false };
    if (note !== undefined)
      return { why: isGone(note.errno) ? "vanished" : "failed", implied: false };
    for (
      let above = parentOf(name);
      isInside(above, root.archived) || above.equals(root.archived);
      above = parentOf(above)
    ) {
      if (this.#unlisted.has(above.toString("latin1")))
        return { why: "failed", implied: !above.equals(parentOf(name)) };
      if (above.length === 1) break;
    }
    // A copy's own times say nothing about when a name came into being; its ctime does, after the
    // backup in any case.
    return { why: this.#changed(stat, true) ? "changed" : "unknown", implied: false };
  }

  /** Restoring sets mtime back and makes ctime new: of a copy only mtime tells. */
  #changed(stat: Looked, isOrigin: boolean): boolean {
    if (this.#createdNs === undefined) return false;
    return (isOrigin ? stat.ctimeNs : stat.mtimeNs) >= this.#createdNs;
  }

  /** The path at which a pattern excludes `name` or what it lies in. */
  #excludedAt(root: Root, name: Buffer, isDirectory: boolean): Buffer | undefined {
    for (let at = Math.max(1, root.archived.length); at < name.length; ) {
      const slash = name.indexOf(SLASH, at + 1);
      const end = slash < 0 ? name.length : slash;
      const path = name.subarray(0, end);
      const own = path.subarray(path.lastIndexOf(SLASH) + 1);
      if (this.#excludes.in(parentOf(path))(own, slash >= 0 || isDirectory) === "excluded")
        return path;
      at = end;
    }
    return undefined;
  }

  /** The directory above `name` whose content was left out. */
  #prunedAbove(root: Root, name: Buffer): Buffer | undefined {
    if (this.#markers.length === 0 && !this.#oneFilesystem) return undefined;
    const parent = parentOf(name);
    const key = parent.toString("latin1");
    if (key !== this.#lastDirectory) {
      this.#lastDirectory = key;
      this.#lastPruned = this.#pruned(root, parent);
    }
    return this.#lastPruned;
  }

  /** The topmost of them: what is below it was never looked at. */
  #pruned(root: Root, parent: Buffer): Buffer | undefined {
    const device = this.#oneFilesystem ? this.roots.stat(root.archived)?.dev : undefined;
    let found: Buffer | undefined;
    for (let path = parent; ; path = parentOf(path)) {
      if (this.#isPruned(path, device)) found = path;
      if (path.length <= root.archived.length) return found;
    }
  }

  #isPruned(directory: Buffer, rootDevice: bigint | undefined): boolean {
    if (rootDevice !== undefined && this.roots.stat(directory)?.dev !== rootDevice) return true;
    return this.#markers.some((marker) => this.#isMarker(fullName(directory, marker), marker));
  }

  /** As the scan asks. */
  #isMarker(path: Buffer, marker: Buffer): boolean {
    if (!marker.equals(CACHEDIR_TAG)) return this.roots.stat(path) !== undefined;
    try {
      const fd = this.roots.open(path);
      return fd !== undefined && startsAsTag(fd);
    } catch {
      return false; // one that cannot be asked for counts as not there
    }
  }
}

function startsAsTag(fd: number): boolean {
  try {
    const head = Buffer.alloc(256);
    return isCachedirTag(head.subarray(0, readSync(fd, head)));
  } finally {
    closeSync(fd);
  }
}
