import type { Surveyor } from "@podheitor/hpc-backend";
import { EVERY_SHARD, type ShardStrategy } from "@podheitor/hpc-shard";
import { EntryKind, type RecordCursor } from "@podheitor/hpc-walker";
import { LargeCounts, Largest } from "./largest";
import type { Sample } from "./sample";

export interface Part {
  entries: number;
  bytes: number;
}

/** How many of the largest files and directories are kept. */
const TOP = 10;

/**
 * Sums up a tree, and what each shard of a strategy would save of it. A file with several names
 * counts its bytes once: each name has its share of them, which is exact where all names lie below
 * the paths.
 */
export class Tally implements Surveyor {
  files = 0;
  directories = 0;
  symlinks = 0;
  specials = 0;
  sockets = 0;
  /** Names of files that have more than one. */
  linkedNames = 0;
  bytes = 0;
  allocated = 0;
  nameBytes = 0;
  /** Files by size: index 0 is empty, n is 2^(n-1) to 2^n - 1 bytes. */
  readonly sizes: number[] = [];
  readonly shards: Part[];
  readonly largestFiles = new Largest<Buffer>(TOP);
  readonly #directories = new LargeCounts();
  #directory = "";
  #inDirectory = 0;

  /** sample: what is summed up is a sample, which it is told of. */
  constructor(
    private readonly strategy: ShardStrategy,
    private readonly sample?: Sample,
  ) {
    this.shards = Array.from({ length: strategy.shard.count }, () => ({ entries: 0, bytes: 0 }));
  }

  directory(path: Buffer): void {
    this.#directories.add(this.#directory, this.#inDirectory);
    this.#directory = path.toString("latin1");
    this.#inDirectory = 0;
  }

  entry(cursor: RecordCursor): void {
    if (cursor.kind === EntryKind.SOCKET) {
      this.sockets++;
      return; // no job saves it
    }
    const bytes = this.#count(cursor);
    this.nameBytes += cursor.nameLength;
    if (cursor.nameLength > 0) this.#inDirectory++;
    const place = this.strategy.place(cursor);
    if (place !== EVERY_SHARD) this.#add(place, bytes, cursor);
    else for (const shard of this.shards.keys()) this.#add(shard, bytes, cursor);
  }

  #add(shard: number, bytes: number, { kind, size, nlink }: RecordCursor): void {
    const part = this.shards[shard];
    if (part === undefined) return;
    part.entries++;
    part.bytes += bytes;
    this.sample?.add(
      shard,
      kind === EntryKind.REGULAR ? size : 0,
      kind === EntryKind.DIRECTORY ? 1 : Math.max(1, nlink),
    );
  }

  get entries(): number {
    return this.files + this.directories + this.symlinks + this.specials;
  }

  /** Directories by what lies directly in them, largest first. */
  get largestDirectories(): [name: Buffer, entries: number][] {
    this.directory(Buffer.from(this.#directory, "latin1"));
    return this.#directories
      .top(TOP)
      .filter(([, count]) => count > 0)
      .map(([name, count]) => [Buffer.from(name, "latin1"), count]);
  }

  /** Bytes that the entry adds. */
  #count(cursor: RecordCursor): number {
    if (cursor.kind !== EntryKind.REGULAR) {
      if (cursor.kind === EntryKind.DIRECTORY) this.directories++;
      else if (cursor.kind === EntryKind.SYMLINK) this.symlinks++;
      else this.specials++;
      return 0;
    }
    this.files++;
    if (cursor.nlink > 1) this.linkedNames++;
    const size = cursor.size;
    const share = size / Math.max(1, cursor.nlink);
    this.bytes += share;
    this.allocated += (Number(cursor.exact("blocks")) * 512) / Math.max(1, cursor.nlink);
    const step = size === 0 ? 0 : Math.floor(Math.log2(size)) + 1;
    this.sizes[step] = (this.sizes[step] ?? 0) + 1;
    this.largestFiles.offer(size, () =>
      Buffer.concat([cursor.dir, Buffer.from(cursor.dir.length > 1 ? "/" : ""), cursor.name]),
    );
    return share;
  }
}
