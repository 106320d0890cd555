import {
  type Entry,
  EntryFlag,
  EntryKind,
  encodeAccounting,
  FrameWriter,
  modeType,
} from "@podheitor/hpc-ptcomm";
import { createScanner, type TreeScanner } from "@podheitor/hpc-walker";
import { archiveHeader, digestOf, RunningDigest, type TreeScan } from "../src/index";

/* Archives made by hand: what they hold is put together here, and not by what is tested. */

const head = {
  link: Buffer.alloc(0),
  nlink: 1,
  ino: 5n,
  dev: 7n,
  blocks: 8n,
  mtime: 1n,
  mtimeNs: 2,
  atime: 3n,
  atimeNs: 4,
  ctime: 5n,
  ctimeNs: 6,
  uid: 0,
  gid: 0,
  rdev: 0n,
  blksize: 4096,
  layout: 0,
  linkGroup: 0n,
  holes: [],
};
export const file = (name: string, more: Partial<Entry>): Entry => ({
  ...head,
  kind: EntryKind.REGULAR,
  flags: EntryFlag.HAS_DATA,
  name: Buffer.from(name),
  mode: modeType(EntryKind.REGULAR) | 0o644,
  size: 5n,
  ...more,
});

/** One entry as a writer with digests puts it. */
export function put(
  out: FrameWriter,
  entry: Entry,
  xattrs: Buffer | undefined,
  data: Buffer,
  errno = 0,
): void {
  const holes = Buffer.alloc(16 * entry.holes.length);
  entry.holes.forEach(({ offset, length }, i) => {
    holes.writeBigUInt64LE(offset, 16 * i);
    holes.writeBigUInt64LE(length, 16 * i + 8);
  });
  const plain = Buffer.alloc(128);
  plain.writeUInt8(1, 0);
  plain.writeUInt8(entry.kind, 1);
  plain.writeUInt32LE(entry.nlink, 12);
  plain.writeBigUInt64LE(entry.ino, 16);
  plain.writeBigUInt64LE(entry.size, 32);
  plain.writeBigInt64LE(entry.mtime, 48);
  plain.writeUInt32LE(entry.mode, 84);
  const { name, link, flags } = entry;
  out.entry({
    bytes: plain,
    headStart: 0,
    dir: Buffer.alloc(0),
    name,
    link,
    flags,
    group: 0,
    holes,
  });
  if (xattrs !== undefined) out.attributes(xattrs);
  if ((flags & EntryFlag.HAS_DATA) === 0) return;
  out.data(data);
  const digest = new RunningDigest();
  digest.update(data);
  out.dataEnd(data.length, errno, errno === 0 ? digest.take() : undefined);
}

interface MadeOf {
  readonly path?: string;
  readonly files: number;
  readonly directories?: number;
  readonly bytes: number;
}

/** A whole archive. */
export function make(fill: (out: FrameWriter) => void, { path = "/t", ...sums }: MadeOf): Buffer {
  const out = new FrameWriter({ digest: digestOf });
  out.command("created=1700000000");
  out.command(`path=${path}`);
  fill(out);
  const emitted = sums.files + (sums.directories ?? 0);
  const accounting = encodeAccounting({ scanned: emitted, emitted, ...sums });
  const end = Buffer.alloc(8);
  end.writeBigUInt64LE(
    digestOf(Buffer.concat([Buffer.from(`created=1700000000\npath=${path}\n`), accounting])),
  );
  out.frame("U", Buffer.concat([accounting, end]));
  out.signal("F");
  return Buffer.concat([archiveHeader(), out.takeBytes()]);
}

/** Scans a tree, for a comparison with it. */
export const scan = async ({ path, xattrs }: TreeScan): Promise<TreeScanner> =>
  createScanner({ paths: [path], xattrs });
