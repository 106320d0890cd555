import { type BigIntStats, lstatSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { causeOf } from "@podheitor/hpc-base";
import { decodeXattrs, type Entry, EntryFlag, EntryKind } from "@podheitor/hpc-ptcomm";
import { type EntryBatch, RecordCursor, RecordType } from "@podheitor/hpc-walker";
import { cancelled, HpcError } from "../common/errors";
import { printable } from "../common/printable";
import type { Difference, JobEvents, Reason, VerifySummary } from "../job/job-events";
import { JobLog } from "../job/job-log";
import { throttled } from "../job/throttled";
import { type ArchiveItem, ArchiveReader } from "../read/archive-reader";
import type { Looked } from "../restore/held-tree";
import { readContent } from "./content";
import { compareStat } from "./entry";
import { unreadFlags } from "./flags";
import { isSampled, type NamePart, NameTable } from "./name-table";
import { Reasons } from "./reasons";
import { archivedName, type Root, Roots } from "./roots";
import { Times } from "./times";
import { ANY_XATTRS, NO_XATTRS, xattrNames, xattrsKey } from "./xattrs";

/** What is to be scanned of a tree: its names and, where asked for, their extended attributes. */
export interface TreeScan {
  readonly path: Buffer;
  /** Which entries are asked for a project id, as the plugin key `project` says it. */
  readonly project: Buffer;
  readonly xattrs: boolean;
}

export interface VerifyArchive {
  /** A file, or "-" for standard input. */
  readonly archive: string;
  /** The tree to compare with: what was backed up, or the `where` of a restore (see `Roots`). */
  readonly against: string | Buffer;
  /** Scans a tree. */
  readonly scan: (tree: TreeScan) => Promise<AsyncIterable<EntryBatch>>;
  /** Compare one name in so many, chosen by a hash of the name, on both sides; default 1: all. */
  readonly sample?: number;
  readonly events?: JobEvents;
  readonly signal?: AbortSignal;
}

/**
 * Compares an archive with a tree: type, size, content, mode, owner, mtime, extended attributes,
 * link targets and hard links of every entry, and names that only one side has. Differences go to
 * `events.difference`, each with the reason as far as it can be told. What the archive says was
 * left out on purpose is none, and counted apart. Modification times are compared as far as the
 * tree's filesystem keeps them. An archive of one shard, or of what changed since some time, is not
 * expected to hold every name: names that only the tree has are then not looked for. The archive is
 * read once, the tree is walked once for every NAMES_PER_PASS names; memory is bounded. Rejects
 * with HpcError where the archive cannot be read or the tree is missing.
 */
export async function verifyArchive(options: VerifyArchive): Promise<VerifySummary> {
  const { signal, sample = 1 } = options;
  if (!Number.isSafeInteger(sample) || sample < 1)
    throw new RangeError(`sample ${sample}: one name in how many?`);
  const against = resolvedTree(options.against);
  const reader = await ArchiveReader.open(options.archive);
  const names = new NameTable(tmpdir());
  const verification = new Verification(
    reader.facts,
    against,
    sample,
    names,
    options.events ?? {},
    fileOf(options.archive),
    options.scan,
  );
  const report = throttled(() => verification.progress());
  try {
    for (let items = await reader.next(); items !== undefined; items = await reader.next()) {
      for (const item of items) {
        if (signal?.aborted) throw cancelled();
        await verification.item(item);
      }
      report();
    }
    await verification.tree(signal);
    return verification.summary();
  } finally {
    await reader.close();
    verification.close();
    names.close();
  }
}

function resolvedTree(against: string | Buffer): Buffer {
  const tree = typeof against === "string" ? Buffer.from(resolve(against)) : against;
  try {
    lstatSync(tree);
    return tree;
  } catch (error) {
    throw new HpcError(
      "HPC_BAD_PATH",
      `${printable(tree)} cannot be compared with: ${causeOf(error)}`,
      "Name the directory that was backed up, or the one it was restored to.",
    );
  }
}

/** undefined: it has no name. */
function fileOf(archive: string): BigIntStats | undefined {
  return archive === "-" ? undefined : statSync(archive, { bigint: true, throwIfNoEntry: false });
}

/** An entry of the archive that is being compared. */
interface Current {
  readonly entry: Entry;
  /** Of the tree; undefined: it has no such name. */
  readonly stat: Looked | undefined;
  xattrs: number;
}

/** What the comparison goes by. */
interface Context {
  readonly roots: Roots;
  /** The tree is what was backed up, and not a copy. */
  readonly isOrigin: boolean;
  readonly reasons: Reasons;
}

class Verification {
  readonly #messages: JobLog;
  /** Made when `#context` is asked for first. */
  #madeContext: Context | undefined;
  #current: Current | undefined;
  #entries = 0;
  #compared = 0;
  #files = 0;
  #bytes = 0;
  #differences = 0;
  #excluded = 0;
  #uncompared = 0;
  /** Found, and not yet told. */
  #untold: Difference[] = [];
  readonly #times = new Times((nanoseconds) => this.#coarser(nanoseconds));
  readonly #by: Record<Reason, number> = {
    changed: 0,
    vanished: 0,
    failed: 0,
    damaged: 0,
    unknown: 0,
  };
  readonly #started = performance.now();

  constructor(
    private readonly facts: readonly (readonly [string, Buffer])[],
    private readonly against: Buffer,
    private readonly sample: number,
    private readonly names: NameTable,
    private readonly events: JobEvents,
    private readonly archive: BigIntStats | undefined,
    private readonly scan: VerifyArchive["scan"],
  ) {
    this.#messages = new JobLog((level, text) => events.message?.(level, text));
  }

  async item(item: ArchiveItem): Promise<void> {
    await this.#take(item);
    await this.#tell();
  }

  async #take(item: ArchiveItem): Promise<void> {
    switch (item.type) {
      case "note":
        this.#context.reasons.note(item.note);
        return;
      case "entry":
        this.#finish();
        this.#entries++;
        if (!isSampled(item.entry.name, this.sample)) return;
        this.#compared++;
        this.#begin(item.entry, item.damage);
        return;
      case "attributes":
        if (this.#current === undefined) return;
        this.#current.xattrs = item.damage === undefined ? xattrsKey(item.block) : ANY_XATTRS;
        if (item.damage !== undefined) this.#found(this.#current, "xattr", "damaged", item.damage);
        return;
      case "end":
        if (this.#current === undefined) return;
        if (item.damage !== undefined)
          this.#found(this.#current, "content", "damaged", item.damage);
        else if (item.digest === undefined)
          this.#found(this.#current, "content", "failed", "saved incompletely");
        else await this.#content(this.#current, item.digest);
        return;
      default:
    }
  }

  /**
   * The other way round: names that only the tree has, and extended attributes, which the scan
   * reads.
   */
  async tree(signal: AbortSignal | undefined): Promise<void> {
    this.#finish();
    const partial = this.facts.some(([key]) => key === "since" || key === "shard");
    const xattrs = !this.facts.some(
      ([key, value]) => key === "xattrs" && value.toString() === "no",
    );
    if (partial) {
      const text =
        "the archive is one shard or an incremental: names that only the tree has are not looked for";
      this.#messages.say("info", text);
    }
    if (!xattrs)
      this.#messages.say(
        "info",
        "the archive was made with xattrs=no: attributes, ACLs, inode flags and project ids are not compared",
      );
    if (partial && !xattrs) return;
    if (xattrs) this.#unread();
    for (const part of this.names.parts()) {
      for (const root of this.#context.roots.list)
        await this.#scan(root, part, { partial, xattrs }, signal);
    }
  }

  async #scan(
    root: Root,
    part: NamePart,
    { partial, xattrs }: { readonly partial: boolean; readonly xattrs: boolean },
    signal: AbortSignal | undefined,
  ): Promise<void> {
    // As the backup did; earlier archives say nothing of it, and have none that is to be asked for.
    const scanner = await this.scan({ path: root.actual, project: this.#project, xattrs });
    const cursor = new RecordCursor();
    for await (const batch of scanner) {
      if (signal?.aborted) throw cancelled();
      for (cursor.reset(batch.bytes); cursor.next(); ) {
        if (cursor.type !== RecordType.ENTRY || cursor.kind === EntryKind.SOCKET) continue;
        const name = archivedName(root, cursor.dir, cursor.name);
        if (!part.isFor(name) || !isSampled(name, this.sample)) continue;
        const archived = part.valueOf(name);
        if (archived !== undefined) this.#xattrs(name, archived, cursor, xattrs);
        else if (!partial) this.#extra(root, name);
        await this.#tell();
      }
    }
  }

  #extra(root: Root, name: Buffer): void {
    const { why, implied } = this.#context.reasons.ofExtra(root, name);
    if (implied) return;
    if (why === "excluded") this.#excluded++;
    else this.#difference({ path: Buffer.from(name), what: "extra", why });
  }

  #xattrs(name: Buffer, archived: number, cursor: RecordCursor, read: boolean): void {
    if (archived === ANY_XATTRS || !read) return;
    if (cursor.xattrError !== 0) {
      this.#uncompared++;
      return;
    }
    const block = cursor.xattrLength === 0 ? undefined : cursor.xattrs;
    if ((block === undefined ? NO_XATTRS : xattrsKey(block)) === archived) return;
    const { roots, reasons, isOrigin } = this.#context;
    const stat = roots.stat(name);
    this.#difference({
      path: Buffer.from(name),
      what: "xattr",
      why: stat === undefined ? "vanished" : reasons.ofAttributes(name, stat, isOrigin),
      archived: archived === NO_XATTRS ? "none" : "others",
      found: xattrNames(block === undefined ? [] : decodeXattrs(block)),
    });
  }

  get #project(): Buffer {
    return this.facts.find(([key]) => key === "project")?.[1] ?? Buffer.from("no");
  }

  /** Once for each sentence: most trees lie on one filesystem. */
  #unread(): void {
    const project = this.#project.toString();
    const sentences = new Set(
      this.#context.roots.list.map(({ actual }) => unreadFlags(actual, project)),
    );
    for (const sentence of sentences)
      if (sentence !== undefined) this.#messages.say("info", sentence);
  }

  #coarser(nanoseconds: bigint): void {
    const kept = nanoseconds === 1_000_000_000n ? "a second" : `${nanoseconds} nanoseconds`;
    this.#messages.say(
      "info",
      `the filesystem of the tree keeps times to ${kept}: they are compared as far as that`,
    );
  }

  /** One after the other, and no more is compared before they are taken. */
  async #tell(): Promise<void> {
    if (this.#untold.length === 0) return;
    const differences = this.#untold;
    this.#untold = [];
    for (const difference of differences) await this.events.difference?.(difference);
  }

  close(): void {
    this.#madeContext?.roots.close();
  }

  progress(): void {
    const seconds = (performance.now() - this.#started) / 1000;
    this.events.progress?.({
      entries: this.#entries,
      bytes: this.#bytes,
      failed: this.#differences,
      seconds,
    });
  }

  summary(): VerifySummary {
    return {
      entries: this.#entries,
      compared: this.#compared,
      files: this.#files,
      bytes: this.#bytes,
      differences: this.#differences,
      differences_by: this.#by,
      excluded: this.#excluded,
      uncompared: this.#uncompared,
      seconds: (performance.now() - this.#started) / 1000,
    };
  }

  /** Not before the first item: what the archive says of itself is complete then. */
  get #context(): Context {
    if (this.#madeContext === undefined) {
      const paths = this.facts.filter(([key]) => key === "path").map(([, value]) => value);
      const roots = new Roots(paths, this.against);
      this.#madeContext = {
        roots,
        isOrigin: roots.areOrigin,
        reasons: new Reasons(this.facts, roots, this.#times, this.archive),
      };
    }
    return this.#madeContext;
  }

  #begin(entry: Entry, damage: string | undefined): void {
    const isLink = (entry.flags & EntryFlag.LINK) !== 0;
    // The item's Buffers are gone after this batch; what follows may come with the next.
    const own = { ...entry, name: Buffer.from(entry.name), link: Buffer.from(entry.link) };
    const stat = this.#context.roots.stat(entry.name);
    if (stat !== undefined) this.#times.see(stat);
    // A later name has its leader's attributes, which are not repeated.
    this.#current = {
      entry: own,
      stat,
      xattrs: isLink || damage !== undefined ? ANY_XATTRS : NO_XATTRS,
    };
    if (damage !== undefined) this.#found(this.#current, "content", "damaged", damage);
    else if (stat === undefined) this.#missing(own);
    else this.#entry(this.#current, stat);
  }

  /** The entry before has come to its end. */
  #finish(): void {
    if (this.#current !== undefined) this.names.add(this.#current.entry.name, this.#current.xattrs);
    this.#current = undefined;
  }

  #missing(entry: Entry): void {
    const { roots, reasons, isOrigin } = this.#context;
    const why = reasons.ofMissing(roots.above(entry.name), isOrigin);
    this.#difference({ path: entry.name, what: "missing", why });
  }

  #entry(current: Current, stat: Looked): void {
    const { entry } = current;
    compareStat(entry, stat, this.#times, (what, archived, found) =>
      this.#found(current, what, undefined, archived, found),
    );
    if ((entry.flags & EntryFlag.LINK) !== 0) this.#hardLink(current, stat);
    else if (entry.kind === EntryKind.SYMLINK && stat.isSymbolicLink()) {
      const target = this.#context.roots.readlink(entry.name);
      if (target === undefined) this.#missing(entry);
      else if (!target.equals(entry.link))
        this.#found(current, "link", undefined, printable(entry.link), printable(target));
    }
  }

  #hardLink(current: Current, { dev, ino }: Looked): void {
    const { link } = current.entry;
    const stat = this.#context.roots.stat(link);
    if (stat?.dev === dev && stat.ino === ino) return;
    this.#found(current, "link", undefined, `the same file as ${printable(link)}`, "another file");
  }

  async #content(current: Current, digest: bigint): Promise<void> {
    const { entry, stat } = current;
    // Missing, or another type: that was said with the entry.
    if (stat === undefined || !stat.isFile()) return;
    this.#files++;
    if (stat.size !== entry.size) {
      this.#found(current, "size", undefined, String(entry.size), String(stat.size));
      return;
    }
    const { dev, ino, size } = stat;
    try {
      const fd = this.#context.roots.open(entry.name);
      if (fd === undefined) return; // it has no root, and no stat either
      const content = await readContent(fd, { dev, ino, size, holes: entry.holes });
      this.#bytes += content.bytes;
      if (content.digest !== digest || !content.clean) this.#found(current, "content");
    } catch (error) {
      this.#found(current, "content", undefined, undefined, `cannot be read: ${causeOf(error)}`);
    }
  }

  /** `why`: where it is known already; else the times tell. */
  #found(
    { entry, stat }: Current,
    what: Difference["what"],
    why: Reason | undefined = undefined,
    archived?: string,
    found?: string,
  ): void {
    const { reasons, isOrigin } = this.#context;
    this.#difference({
      path: entry.name,
      what,
      why: why ?? (stat === undefined ? "unknown" : reasons.ofEntry(entry, stat, isOrigin)),
      ...(archived === undefined ? {} : { archived }),
      ...(found === undefined ? {} : { found }),
    });
  }

  #difference(difference: Difference): void {
    this.#differences++;
    this.#by[difference.why]++;
    this.#untold.push(difference);
  }
}
