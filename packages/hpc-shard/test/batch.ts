import { xxh3 } from "@node-rs/xxhash";
import { EntryKind, RecordWriter } from "@podheitor/hpc-walker";

export interface TestEntry {
  readonly ino: bigint;
  readonly mtime?: number;
  readonly nlink?: number;
  readonly dir?: string;
  readonly directory?: boolean;
  readonly mdts?: readonly number[];
}

/** A scan batch with the names f0, f1 … for the entries given. For tests. */
export function batchOf(entries: readonly TestEntry[]): Buffer {
  const writer = new RecordWriter(Buffer.alloc(64 + entries.length * 256));
  for (const [
    i,
    { ino, mtime = 0, nlink = 1, dir = "/d", directory = false, mdts },
  ] of entries.entries()) {
    writer.dir(Buffer.from(dir), mdts);
    const key = Buffer.alloc(8);
    key.writeBigUInt64LE(ino);
    const zero = { dev: 1n, size: 0n, blocks: 0n, rdev: 0n, atimeSeconds: 0n, ctimeSeconds: 0n };
    const small = {
      mtimeNanoseconds: 0,
      atimeNanoseconds: 0,
      ctimeNanoseconds: 0,
      uid: 0,
      gid: 0,
      blksize: 4096,
    };
    const kind = directory ? EntryKind.DIRECTORY : EntryKind.REGULAR;
    const what = { kind, mode: 0o100644, flags: 0, nlink, error: 0, content: undefined };
    const names = { name: Buffer.from(`f${i}`), link: Buffer.alloc(0) };
    writer.entry({
      ...zero,
      ...small,
      ...what,
      ...names,
      mtimeSeconds: BigInt(mtime),
      ino,
      inoHash: xxh3.xxh64(key),
    });
  }
  return writer.batch;
}
