import { EntryFlag, EntryKind, modeType } from "@podheitor/hpc-wire";
import {
  type Entry,
  encodeAccounting,
  encodeCheckAnswer,
  encodeDataEnd,
  encodeEntry,
  encodeXattrs,
  FrameWriter,
  HPC1_HELLO,
  type JobInfo,
  jobPairs,
  type Xattr,
} from "../src/index";

/** A regular file with something in every field. */
export const base: Entry = {
  kind: EntryKind.REGULAR,
  flags: EntryFlag.HAS_DATA,
  name: Buffer.from("/tree/file"),
  link: Buffer.alloc(0),
  nlink: 1,
  ino: 0xfedcba9876543210n,
  dev: 0x1234567890abn,
  size: 5n,
  blocks: 8n,
  mtime: -31536000n,
  mtimeNs: 999_999_999,
  atime: 8589934599n,
  atimeNs: 1,
  ctime: 1_700_000_000n,
  ctimeNs: 123_456_789,
  mode: modeType(EntryKind.REGULAR) | 0o640,
  uid: 4294967294,
  gid: 3_000_000_000,
  rdev: 0n,
  blksize: 4096,
  layout: 7,
  linkGroup: 0n,
  holes: [],
};

const of = (kind: EntryKind, name: string | Buffer, more: Partial<Entry> = {}): Entry => ({
  ...base,
  kind,
  flags: 0,
  mode: modeType(kind) | 0o755,
  name: Buffer.from(name),
  ...more,
});

/** One entry of every kind, and every way in which a regular file differs. */
export const everyEntry: readonly Entry[] = [
  base,
  of(EntryKind.DIRECTORY, "/tree", { nlink: 3 }),
  of(EntryKind.DIRECTORY, "/"),
  of(EntryKind.SYMLINK, "/tree/symlink", { link: Buffer.from("../else\nwhere") }),
  of(EntryKind.FIFO, "/tree/fifo"),
  of(EntryKind.CHARDEV, "/tree/char", { rdev: 0x103n }),
  of(EntryKind.BLOCKDEV, "/tree/block", { rdev: 0xffff_ffff_ffff_ffffn }),
  of(EntryKind.SOCKET, "/tree/socket"),
  of(EntryKind.REGULAR, Buffer.from([0x2f, 0xff, 0x0a, 0xfe, 0x22, 0x0a]), {
    flags: EntryFlag.OLDER,
  }),
  {
    ...base,
    name: Buffer.from("/tree/-leader"),
    flags: EntryFlag.HAS_DATA | EntryFlag.LEADER,
    nlink: 3,
    linkGroup: 9n,
  },
  of(EntryKind.REGULAR, "/tree/second", {
    flags: EntryFlag.LINK,
    linkGroup: 9n,
    link: Buffer.from("/tree/-leader"),
  }),
  of(EntryKind.REGULAR, "/tree/third", {
    flags: EntryFlag.LINK | EntryFlag.LAST_LINK,
    linkGroup: 9n,
    link: Buffer.from("/tree/-leader"),
  }),
  {
    ...base,
    name: Buffer.from("/tree/sparse"),
    flags: EntryFlag.HAS_DATA | EntryFlag.DIGEST,
    size: 3n << 30n,
    holes: [
      { offset: 0n, length: 4096n },
      { offset: 8192n, length: (3n << 30n) - 8192n },
    ],
    digest: 0x0123456789abcdefn,
  },
];

/**
 * An ACL as the kernel has it, a value that is empty, one of our own names, a name that is no text.
 */
export const everyXattr: readonly Xattr[] = [
  {
    name: Buffer.from("system.posix_acl_access"),
    value: Buffer.from("02000000010006ffffffffff", "hex"),
  },
  { name: Buffer.from("user.empty"), value: Buffer.alloc(0) },
  { name: Buffer.from("podheitor.flags"), value: Buffer.from([0x10, 0, 0, 0]) },
  {
    name: Buffer.from([0x75, 0x73, 0x65, 0x72, 0x2e, 0xff, 0x0a]),
    value: Buffer.from("user\n\0value"),
  },
];

export const job: JobInfo = {
  name: "nightly.2026-08-01_01.00.00_07",
  id: 42,
  type: "B",
  level: "I",
  since: 1_700_000_000n,
  accurate: true,
  prevJobName: "nightly.2026-07-31_01.00.00_03",
  workingDir: Buffer.from("/var/lib/bacula"),
  other: [],
};

export const params: readonly (readonly [string, Buffer])[] = [
  ["path", Buffer.from("/tree")],
  ["path", Buffer.from([0x2f, 0xff, 0x0a])],
  ["shard", Buffer.from("0/4")],
];

/** What the plugin writes in an hpc/1 backup. */
export function hpc1Plugin(): Buffer {
  const out = new FrameWriter();
  out.command(HPC1_HELLO);
  out.command("Job");
  for (const [key, value] of jobPairs(job)) out.command(`${key}=`, value);
  out.signal("F");
  out.command("Params");
  for (const [key, value] of params) out.command(`${key}=`, value);
  out.signal("F");
  out.command("BackupStart");
  out.frame(
    "K",
    encodeCheckAnswer(1, [true, false, false, false, false, false, false, true, true]),
  );
  out.command("END");
  out.signal("T");
  return out.takeBytes();
}

/** What the backend writes in an hpc/1 backup. */
export function hpc1Backend(): Buffer {
  const out = new FrameWriter();
  out.command(HPC1_HELLO);
  out.signal("F");
  out.signal("F");
  out.signal("F");
  for (const entry of everyEntry) {
    out.frame("M", encodeEntry(entry));
    if ((entry.flags & EntryFlag.HAS_DATA) === 0) continue;
    out.data(Buffer.from("hello"));
    out.signal("H");
    out.dataEnd(5, 0, entry.flags & EntryFlag.DIGEST ? 0x42n : undefined);
  }
  out.frame(
    "M",
    encodeEntry({
      ...base,
      flags: base.flags | EntryFlag.ATTRS,
      name: Buffer.from("/tree/labelled"),
    }),
  );
  out.attributes(encodeXattrs(everyXattr));
  out.data(Buffer.from("hello"));
  out.dataEnd(5, 0);
  out.frame("M", encodeEntry({ ...base, name: Buffer.from("/tree/unreadable") }));
  out.frame("Z", encodeDataEnd({ bytes: 0n, errno: 5 }));
  out.message("not-saved", "/tree/gone: no such file");
  out.message("warning", "one\nof two lines");
  out.frame("K", checkPayload());
  out.frame("G", Buffer.from("/tree/deleted\n"));
  out.frame(
    "U",
    encodeAccounting({
      scanned: 16,
      emitted: 15,
      failed: 1,
      files: 6,
      directories: 2,
      symlinks: 1,
      hardlinks: 2,
      specials: 4,
      bytes: 20,
      xattrBlocks: 1,
      xattrsFailed: 2,
      prunedDirectories: 3,
      holeBytes: 4,
      changed: 2,
      torn: 1,
    }),
  );
  out.signal("F");
  out.signal("F");
  return out.takeBytes();
}

export function checkPayload(): Buffer {
  const records = [0, 1].map((i) =>
    encodeEntry({ ...base, flags: EntryFlag.OLDER, name: Buffer.from(`/tree/old${i}`) }),
  );
  const head = Buffer.alloc(8);
  head.writeUInt32LE(1, 0);
  head.writeUInt32LE(records.length, 4);
  const lengths = records.map((record) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(record.length, 0);
    return length;
  });
  return Buffer.concat([head, ...records.flatMap((record, i) => [lengths[i] ?? head, record])]);
}
