import { type BigIntStats, lstatSync, readlinkSync } from "node:fs";
import { resolve } from "node:path";
import { type Entry, EntryFlag, EntryKind } from "@podheitor/hpc-ptcomm";
import { createScanner, RecordCursor, RecordType } from "@podheitor/hpc-walker";
import { type ArchiveItem, ArchiveReader } from "./archive-reader";
import { cancelled, errnoName, HpcError } from "./errors";
import type { Difference, JobEvents, VerifySummary } from "./events";
import { FileReader } from "./file-reader";
import { atAnyLength } from "./long-path";
import { Messages } from "./messages";
import { NameSet } from "./name-set";
import { parseParams } from "./params";
import { planScan } from "./plan";
import { printable } from "./printable";
import { throttled } from "./throttled";
import { compareStat } from "./verify-entry";
import { actualName, archivedName, type Root, rootsOf } from "./verify-roots";
import { RunningDigest } from "./xxh";

export interface VerifyArchive {
  /** A file, or "-" for standard input. */
  readonly archive: string;
  /** The tree to compare with: what was backed up, or the `where` of a restore (see `rootsOf`). */
  readonly against: string | Buffer;
  readonly events?: JobEvents;
  readonly signal?: AbortSignal;
}

/**
 * Compares an archive with a tree: type, size, content, mode, owner, mtime, link targets and hard links of every entry, and names
 * that only one side has. Differences go to `events.difference`. An archive of one shard, or of what changed since some time, is
 * not expected to hold every name: names that only the tree has are then not looked for. Memory: about 24 bytes for each name.
 * Rejects with HpcError where the archive cannot be read or the tree is missing.
 */
export async function verifyArchive(options: VerifyArchive): Promise<VerifySummary> {
  const { signal } = options;
  const against = resolvedTree(options.against);
  const reader = await ArchiveReader.open(options.archive);
  const verification = new Verification(reader.facts, against, options.events ?? {});
  const report = throttled(() => verification.progress());
  try {
    for (let items = await reader.next(); items !== undefined; items = await reader.next()) {
      for (const item of items) {
        if (signal?.aborted) throw cancelled();
        await verification.item(item);
      }
      report();
    }
    await verification.extras(signal);
    return verification.summary();
  } finally {
    await reader.close();
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
      `${printable(tree)} cannot be compared with: ${errnoName(error)}`,
      "Name the directory that was backed up, or the one it was restored to.",
    );
  }
}

class Verification {
  readonly #names = new NameSet();
  readonly #messages: Messages;
  #roots: readonly Root[] | undefined;
  #current: Entry | undefined;
  #entries = 0;
  #files = 0;
  #bytes = 0;
  #differences = 0;
  readonly #started = performance.now();

  constructor(
    private readonly facts: readonly (readonly [string, Buffer])[],
    private readonly against: Buffer,
    private readonly events: JobEvents,
  ) {
    this.#messages = new Messages((level, text) => events.message?.(level, text));
  }

  async item(item: ArchiveItem): Promise<void> {
    if (item.type === "entry") {
      this.#entries++;
      this.#current = item.entry;
      this.#names.add(item.entry.name);
      if (item.damage === undefined) this.#entry(item.entry);
      else this.#found(item.entry, "content", item.damage);
    } else if (item.type === "end" && this.#current !== undefined) {
      if (item.damage !== undefined) this.#found(this.#current, "content", item.damage);
      else if (item.digest === undefined) this.#found(this.#current, "content", "saved incompletely");
      else await this.#content(this.#current, item.digest);
    }
    // The item's Buffers are gone after this batch; only an entry whose content follows is still needed.
    if (item.type === "entry") this.#current = { ...item.entry, name: Buffer.from(item.entry.name) };
  }

  /** Names that the tree has and the archive has not. */
  async extras(signal: AbortSignal | undefined): Promise<void> {
    if (this.facts.some(([key]) => key === "since" || key === "shard")) {
      this.#messages.say(
        "info",
        "the archive is one shard or an incremental: names that only the tree has are not looked for",
      );
      return;
    }
    for (const root of this.#treeRoots()) {
      const params = parseParams([
        ["path", root.actual],
        ["allow-root", Buffer.from("yes")],
      ]);
      const { scan } = planScan(params, { since: undefined, keepOlder: false, content: false });
      const scanner = createScanner({ ...scan, engine: "auto" });
      try {
        const cursor = new RecordCursor();
        for (let batch = await scanner.next(); batch !== undefined; batch = await scanner.next()) {
          if (signal?.aborted) throw cancelled();
          for (cursor.reset(batch.bytes); cursor.next(); ) {
            if (cursor.type !== RecordType.ENTRY || cursor.kind === EntryKind.SOCKET) continue;
            const name = archivedName(root, cursor.dir, cursor.name);
            if (!this.#names.has(name)) this.#difference({ path: name, what: "extra" });
          }
        }
      } finally {
        await scanner.close();
      }
    }
  }

  progress(): void {
    const seconds = (performance.now() - this.#started) / 1000;
    this.events.progress?.({ entries: this.#entries, bytes: this.#bytes, failed: this.#differences, seconds });
  }

  summary(): VerifySummary {
    return {
      entries: this.#entries,
      files: this.#files,
      bytes: this.#bytes,
      differences: this.#differences,
      seconds: (performance.now() - this.#started) / 1000,
    };
  }

  #entry(entry: Entry): void {
    const path = this.#actual(entry);
    let stat: BigIntStats;
    try {
      stat = atAnyLength(path, (reachable) => lstatSync(reachable, { bigint: true }));
    } catch (error) {
      this.#found(entry, "missing", undefined, errnoName(error));
      return;
    }
    compareStat(entry, stat, (what, archived, found) => this.#found(entry, what, archived, found));
    if ((entry.flags & EntryFlag.LINK) !== 0) this.#hardLink(entry, stat.dev, stat.ino);
    else if (entry.kind === EntryKind.SYMLINK && stat.isSymbolicLink()) {
      const target = atAnyLength(path, (reachable) => readlinkSync(reachable, { encoding: "buffer" }));
      if (!target.equals(entry.link)) this.#found(entry, "link", printable(entry.link), printable(target));
    }
  }

  #hardLink(entry: Entry, dev: bigint, ino: bigint): void {
    const leader = actualName(this.#treeRoots(), entry.link);
    const stat = leader && statOf(leader);
    if (stat?.dev !== dev || stat.ino !== ino) {
      this.#found(entry, "link", `the same file as ${printable(entry.link)}`, "another file");
    }
  }

  async #content(entry: Entry, digest: bigint): Promise<void> {
    const path = this.#actual(entry);
    const stat = statOf(path);
    // Missing, or another type: that was said with the entry.
    if (stat === undefined || !stat.isFile()) return;
    this.#files++;
    if (stat.size !== entry.size) {
      this.#found(entry, "size", String(entry.size), String(stat.size));
      return;
    }
    try {
      if ((await this.#digestOf(path, stat)) !== digest) this.#found(entry, "content");
    } catch (error) {
      this.#found(entry, "content", undefined, `cannot be read: ${errnoName(error)}`);
    }
  }

  async #digestOf(path: Buffer, { dev, ino, size }: BigIntStats): Promise<bigint> {
    const reader = await FileReader.open(path, dev, ino, Number(size));
    const digest = new RunningDigest();
    try {
      for (let block = await reader.next(); block !== undefined; block = await reader.next()) {
        digest.update(block);
        this.#bytes += block.length;
      }
    } finally {
      await reader.close();
    }
    return digest.take();
  }

  #treeRoots(): readonly Root[] {
    const paths = this.facts.filter(([key]) => key === "path").map(([, value]) => value);
    this.#roots ??= rootsOf(paths, this.against);
    return this.#roots;
  }

  #actual(entry: Entry): Buffer {
    // A name under no root can only come from a damaged archive; it is then looked for as it stands.
    return actualName(this.#treeRoots(), entry.name) ?? entry.name;
  }

  #found(entry: Entry, what: Difference["what"], archived?: string, found?: string): void {
    this.#difference({
      path: Buffer.from(entry.name),
      what,
      ...(archived === undefined ? {} : { archived }),
      ...(found === undefined ? {} : { found }),
    });
  }

  #difference(difference: Difference): void {
    this.#differences++;
    this.events.difference?.(difference);
  }
}

/** undefined: there is nothing of that name, or it cannot be looked at. */
function statOf(path: Buffer): BigIntStats | undefined {
  try {
    return atAnyLength(path, (reachable) => lstatSync(reachable, { bigint: true }));
  } catch {
    return undefined;
  }
}
