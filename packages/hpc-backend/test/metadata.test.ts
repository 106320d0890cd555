import { execFileSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import {
  type Entry,
  EntryFlag,
  EntryKind,
  encodeAccounting,
  encodeXattrs,
  FrameWriter,
  modeType,
} from "@podheitor/hpc-ptcomm";
import { archiveHeader } from "../src/archive-format";
import { encodeNote, NoteOperation } from "../src/archive-note";
import { type ArchiveItem, ArchiveReader } from "../src/archive-reader";
import {
  type BackupSummary,
  backupToArchive,
  type Difference,
  HpcError,
  listArchive,
  parseParams,
  restoreArchive,
  verifyArchive,
} from "../src/index";
import { digestOf, RunningDigest } from "../src/xxh";

let scratch: string;
let tree: string;
let where: string;
let archive: string;

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-metadata-"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
beforeEach(() => {
  const own = mkdtempSync(join(scratch, "test-"));
  tree = join(own, "tree");
  where = join(own, "where");
  archive = join(own, "x.hpc");
  mkdirSync(tree);
});

type Pair = readonly [string, string];
const backup = (...pairs: Pair[]): Promise<BackupSummary> =>
  backupToArchive({
    params: parseParams([
      ["path", Buffer.from(tree)],
      ...pairs.map(([key, value]) => [key, Buffer.from(value)] as const),
    ]),
    archive,
  });

async function names(file = archive): Promise<string[]> {
  const all: string[] = [];
  for await (const { name } of listArchive(file)) all.push(name.toString().slice(tree.length));
  return all.sort();
}

async function differences(against: string, sample = 1): Promise<string[]> {
  const seen: string[] = [];
  const difference = ({ what, why, path }: Difference) =>
    seen.push(`${what} ${why} ${path.toString().slice(tree.length)}`);
  const summary = await verifyArchive({ archive, against, sample, events: { difference } });
  expect(summary.differences).toBe(seen.length);
  expect(Object.values(summary.differences_by).reduce((a, b) => a + b)).toBe(seen.length);
  return seen.sort();
}

const setXattr = (file: string, name: string, value: string) =>
  execFileSync("setfattr", ["-h", "-n", name, "-v", value, file]);
/** Names and values in hex, as getfattr(1) sees them. */
function xattrsOf(file: string): Record<string, string> {
  const text = execFileSync("getfattr", ["-h", "-d", "-m", "-", "-e", "hex", "--absolute-names", file], {
    encoding: "utf8",
  });
  return Object.fromEntries([...text.matchAll(/^([^#=\n]+)(?:=0x([0-9a-f]*))?$/gm)].map(([, n, v]) => [n, v ?? ""]));
}
/** Writes a block of "x" at each offset of a file of `size` bytes. */
function sparse(file: string, size: number, ...offsets: number[]): void {
  const fd = openSync(file, "w+");
  ftruncateSync(fd, size);
  for (const offset of offsets) writeSync(fd, Buffer.alloc(4096, "x"), 0, 4096, offset);
  closeSync(fd);
}

describe("extended attributes", () => {
  test("travel with the leader, come back, and are compared", async () => {
    writeFileSync(join(tree, "a"), "content");
    linkSync(join(tree, "a"), join(tree, "b"));
    mkdirSync(join(tree, "dir"));
    setXattr(join(tree, "a"), "user.one", "1");
    setXattr(join(tree, "a"), "user.two", "2".repeat(3000));
    setXattr(join(tree, "dir"), "user.dir", "d");
    expect(await backup()).toMatchObject({ entries: 4, xattrs: 2, xattrs_failed: 0 });
    const counts: number[] = [];
    for await (const { flags, xattrs } of listArchive(archive)) {
      counts.push(xattrs.length);
      if (flags & EntryFlag.LINK) expect(xattrs).toEqual([]);
    }
    expect(counts.sort()).toEqual([0, 0, 1, 2]);
    expect(await restoreArchive({ archive, where })).toMatchObject({ failed: 0, attributes_failed: 0, xattrs: 3 });
    for (const name of ["a", "b", "dir"]) {
      expect(xattrsOf(join(where, tree, name))).toEqual(xattrsOf(join(tree, name)));
    }
    expect(await differences(where)).toEqual([]);
    setXattr(join(where, tree, "dir"), "user.more", "x");
    expect(await differences(where)).toEqual(["xattr unknown /dir"]);
    // Of the origin its ctime tells.
    setXattr(join(tree, "dir"), "user.more", "x");
    expect(await differences("/")).toEqual(["xattr changed /dir"]);
  });

  test("xattrs=no leaves them out, and says so to verify", async () => {
    writeFileSync(join(tree, "a"), "content");
    setXattr(join(tree, "a"), "user.one", "1");
    expect(await backup(["xattrs", "no"])).toMatchObject({ xattrs: 0 });
    await restoreArchive({ archive, where });
    expect(xattrsOf(join(where, tree, "a"))).toEqual({});
    expect(await differences("/")).toEqual([]);
  });
});

describe("sparse files", () => {
  test("1 TiB with three extents: seconds, a small archive, as sparse as before", async () => {
    const size = 2 ** 40;
    sparse(join(tree, "big"), size, 0, 2 ** 39, size - 4096);
    sparse(join(tree, "hole"), 50_000_000);
    sparse(join(tree, "tail"), 3_000_077, 8192);
    const summary = await backup();
    expect(summary.seconds).toBeLessThan(10);
    expect(summary.hole_bytes).toBe(size - 3 * 4096 + 50_000_000 + 3_000_077 - 4096);
    expect(summary.bytes).toBe(4 * 4096);
    expect(statSync(archive).size).toBeLessThan(20_000);
    await restoreArchive({ archive, where });
    for (const name of ["big", "hole", "tail"]) {
      const [source, restored] = [statSync(join(tree, name)), statSync(join(where, tree, name))];
      expect(restored.size).toBe(source.size);
      expect(restored.blocks).toBeLessThanOrEqual(source.blocks * 1.1);
    }
    execFileSync("cmp", [join(tree, "tail"), join(where, tree, "tail")]);
    expect(await differences(where)).toEqual([]);
    // A byte within what the archive has as a hole, and one in the data.
    const poke = (file: string, offset: number) => {
      const fd = openSync(file, "r+");
      writeSync(fd, "!", offset);
      closeSync(fd);
    };
    poke(join(where, tree, "big"), 2 ** 38);
    poke(join(where, tree, "tail"), 8192);
    const found = await differences(where);
    expect(found).toContain("content changed /big");
    expect(found).toContain("content changed /tail");
  });

  test("a sparse file that a pattern selects", async () => {
    sparse(join(tree, "tail"), 3_000_077, 8192);
    await backup();
    const some = await restoreArchive({ archive, where, patterns: ["tail"] });
    expect(some).toMatchObject({ files: 1, failed: 0 });
    execFileSync("cmp", [join(tree, "tail"), join(where, tree, "tail")]);
  });
});

describe("selection", () => {
  beforeEach(() => {
    for (const dir of ["cache", "fake", "keep/deep", "skip/deep"]) mkdirSync(join(tree, dir), { recursive: true });
    writeFileSync(join(tree, "cache", "CACHEDIR.TAG"), "Signature: 8a477f597d28d172789f06886806bc55\n");
    writeFileSync(join(tree, "fake", "CACHEDIR.TAG"), "no signature\n");
    for (const file of ["a.o", "keep/b.o", "keep/deep/c", "skip/deep/d", "cache/e"])
      writeFileSync(join(tree, file), file);
  });

  test.each(["native", "workers"])(
    "sums hold, the archive says what was asked, verify says why (%s engine)",
    async (engine) => {
      const summary = await backup(
        ["engine", engine],
        ["exclude", "*.o"],
        ["exclude", "/skip/"],
        ["exclude", "!b.o"],
        ["exclude-marker", "CACHEDIR.TAG"],
      );
      expect(await names()).toEqual([
        "",
        "/cache",
        "/fake",
        "/fake/CACHEDIR.TAG",
        "/keep",
        "/keep/b.o",
        "/keep/deep",
        "/keep/deep/c",
      ]);
      expect(summary).toMatchObject({ scanned: 10, entries: 8, filtered: 2, filtered_by: { excluded: 2 }, pruned: 1 });
      expect(await differences("/")).toEqual([
        "extra excluded /a.o",
        "extra excluded /cache/CACHEDIR.TAG",
        "extra excluded /cache/e",
        "extra excluded /skip",
      ]);
      await restoreArchive({ archive, where });
      expect(await differences(where)).toEqual([]);
    },
  );

  test("a sample compares some names, on both sides the same", async () => {
    await backup(["exclude", "*.o"], ["exclude", "/skip/"]);
    const all = await differences("/");
    const some = await differences("/", 2);
    expect(all).toHaveLength(3);
    expect(all).toEqual(expect.arrayContaining(some));
    expect(await differences("/", 1_000_000)).toEqual([]);
  });
});

describe("what happened since", () => {
  test("verify tells changed, vanished and new names", async () => {
    for (const file of ["same", "changed", "gone"]) writeFileSync(join(tree, file), file);
    await backup();
    writeFileSync(join(tree, "changed"), "CHANGED");
    rmSync(join(tree, "gone"));
    writeFileSync(join(tree, "new"), "");
    const found = await differences("/");
    expect(found).toEqual(
      expect.arrayContaining([
        "content changed /changed",
        "extra changed /new",
        "missing vanished /gone",
        "mtime changed ",
      ]),
    );
    expect(found.every((line) => line.includes("changed") || line.includes("vanished"))).toBe(true);
  });
});

test("an interrupted restore leaves no file that is not whole", async () => {
  for (let i = 0; i < 5; i++) writeFileSync(join(tree, `file-${i}`), Buffer.alloc(3_000_000, i));
  await backup();
  const abort = new AbortController();
  const events = { progress: () => abort.abort() };
  await expect(restoreArchive({ archive, where, events, signal: abort.signal })).rejects.toMatchObject({
    code: "HPC_CANCELLED",
  });
  const left = existsSync(join(where, tree)) ? readdirSync(join(where, tree)) : [];
  for (const name of left) {
    expect(readFileSync(join(where, tree, name)).equals(readFileSync(join(tree, name)))).toBe(true);
  }
  expect(left.length).toBeLessThan(5);
});

describe("an archive made by hand", () => {
  const block = encodeXattrs([
    { name: Buffer.from("user.a"), value: Buffer.from("1") },
    { name: Buffer.from("user.b"), value: Buffer.alloc(0) },
  ]);
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
  const file = (name: string, more: Partial<Entry>): Entry => ({
    ...head,
    kind: EntryKind.REGULAR,
    flags: EntryFlag.HAS_DATA,
    name: Buffer.from(name),
    mode: modeType(EntryKind.REGULAR) | 0o644,
    size: 5n,
    ...more,
  });

  /** One entry as a writer with digests puts it. */
  function put(out: FrameWriter, entry: Entry, xattrs: Buffer | undefined, data: Buffer, errno = 0): void {
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
    out.entry({ bytes: plain, headStart: 0, dir: Buffer.alloc(0), name, link, flags, group: 0, holes });
    if (xattrs !== undefined) out.attributes(xattrs);
    if ((flags & EntryFlag.HAS_DATA) === 0) return;
    out.data(data);
    const digest = new RunningDigest();
    digest.update(data);
    out.dataEnd(data.length, errno, errno === 0 ? digest.take() : undefined);
  }

  function make(
    fill: (out: FrameWriter) => void,
    sums: { files: number; directories?: number; bytes: number },
  ): Buffer {
    const out = new FrameWriter({ digest: digestOf });
    out.command("created=1700000000");
    out.command("path=/t");
    fill(out);
    const emitted = sums.files + (sums.directories ?? 0);
    const accounting = encodeAccounting({ scanned: emitted, emitted, ...sums });
    const end = Buffer.alloc(8);
    end.writeBigUInt64LE(digestOf(Buffer.concat([Buffer.from("created=1700000000\npath=/t\n"), accounting])));
    out.frame("U", Buffer.concat([accounting, end]));
    out.signal("F");
    return Buffer.concat([archiveHeader(), out.takeBytes()]);
  }

  const everything = make(
    (out) => {
      const directory = { ...file("/t", {}), kind: EntryKind.DIRECTORY, mode: 0o40755, size: 0n };
      put(out, { ...directory, flags: EntryFlag.ATTRS }, block, Buffer.alloc(0));
      out.frame("N", encodeNote({ errno: 13, operation: NoteOperation.OPEN, name: Buffer.from("/t/secret") }));
      const holes = [
        { offset: 5n, length: 4091n },
        { offset: 5000n, length: 90_000n },
      ];
      const flags = EntryFlag.HAS_DATA | EntryFlag.ATTRS;
      put(out, file("/t/sparse", { flags, size: 95_000n, holes }), block, Buffer.alloc(909, "data"));
      put(out, file("/t/plain", {}), undefined, Buffer.from("plain"));
    },
    { files: 2, directories: 1, bytes: 914 },
  );

  /** What a reader makes of it: each entry that is said to be whole, as text, and how many are said not to be. */
  async function outcome(bytes: Buffer) {
    const blocks = [bytes];
    const reader = new ArchiveReader("x", { next: async () => blocks.pop(), close: async () => undefined });
    const good: string[] = [];
    let damaged = 0;
    let code: string | undefined;
    let parts: string[] | undefined;
    const done = () => {
      if (parts !== undefined) good.push(parts.join(" "));
      parts = undefined;
    };
    const take = (item: ArchiveItem) => {
      if (item.type === "entry") {
        done();
        parts =
          item.damage === undefined
            ? [item.entry.name.toString("latin1"), digestOf(item.payload).toString(36)]
            : undefined;
      } else if (item.type === "note") {
        done();
        good.push(`note ${item.note.name.toString("latin1")} ${item.note.errno} ${item.note.operation}`);
      } else if (item.type === "attributes") parts?.push(item.block.toString("hex"));
      else if (item.type === "data") parts?.push(digestOf(item.payload).toString(36));
      if ("damage" in item && item.damage !== undefined) {
        damaged++;
        parts = undefined;
      }
    };
    try {
      for (let items = await reader.next(); items !== undefined; items = await reader.next()) items.forEach(take);
      done();
    } catch (error) {
      if (!(error instanceof HpcError)) throw error;
      code = error.code;
    }
    return { good, damaged, code };
  }

  test("every flipped bit with B frames, holes and notes is noticed", async () => {
    const truth = await outcome(everything);
    expect(truth).toMatchObject({ damaged: 0, code: undefined });
    expect(truth.good).toHaveLength(4);
    for (let bit = 0; bit < everything.length * 8; bit++) {
      const flipped = Buffer.from(everything);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const { good, damaged, code } = await outcome(flipped);
      // What is said to be good is as it was written, to the last byte.
      for (const one of good) if (!truth.good.includes(one)) throw new Error(`bit ${bit}: ${one}`);
      const noticed = damaged > 0 || code !== undefined;
      if (!noticed) throw new Error(`bit ${bit} went unnoticed`);
    }
  }, 60_000);

  test("damaged attributes cost the attributes, and the entry is named", async () => {
    const at = everything.indexOf(block, everything.indexOf("/t/sparse"));
    const flipped = Buffer.from(everything);
    flipped[at + 9] = 0x7a;
    writeFileSync(archive, flipped);
    const said: string[] = [];
    const summary = await restoreArchive({ archive, where, events: { message: (_, text) => said.push(text) } });
    expect(summary).toMatchObject({ files: 2, failed: 0, attributes_failed: 1, xattrs: 2 });
    expect(said).toEqual([expect.stringMatching(/^\/t\/sparse: restored without its extended attributes: .*checksum/)]);
    expect(lstatSync(join(where, "t/sparse")).size).toBe(95_000);
    expect(xattrsOf(join(where, "t"))).toEqual({ "user.a": "31", "user.b": "" });
    expect(xattrsOf(join(where, "t/sparse"))).toEqual({});
    const found: string[] = [];
    const difference = ({ what, why, path }: Difference) => found.push(`${what} ${why} ${path}`);
    await verifyArchive({ archive, against: where, events: { difference } });
    expect(found).toContain("xattr damaged /t/sparse");
  });

  test("a damaged note is an error, after everything else was handed out", async () => {
    const flipped = Buffer.from(everything);
    flipped[everything.indexOf("/t/secret") + 3] = 0x53;
    writeFileSync(archive, flipped);
    await expect(restoreArchive({ archive, where })).rejects.toMatchObject({ code: "HPC_ARCHIVE_DAMAGED" });
    expect(readdirSync(join(where, "t")).sort()).toEqual(["plain", "sparse"]);
  });

  test("half a file is named, and not restored", async () => {
    const bytes = make(
      (out) => {
        put(out, file("/t/half", { size: 10n }), undefined, Buffer.from("first"), 5);
        out.frame("N", encodeNote({ errno: 5, operation: NoteOperation.READ, name: Buffer.from("/t/half") }));
        put(out, file("/t/whole", {}), undefined, Buffer.from("whole"));
      },
      { files: 2, bytes: 10 },
    );
    writeFileSync(archive, bytes);
    const listed: (string | undefined)[] = [];
    for await (const { damage } of listArchive(archive)) listed.push(damage);
    expect(listed).toEqual([expect.stringContaining("incompletely"), undefined]);
    const said: string[] = [];
    const summary = await restoreArchive({ archive, where, events: { message: (_, text) => said.push(text) } });
    expect(summary).toMatchObject({ files: 1, failed: 1 });
    expect(said).toEqual(["/t/half: not restored: it was read incompletely when it was saved"]);
    expect(readdirSync(join(where, "t"))).toEqual(["whole"]);
    const found: string[] = [];
    const difference = ({ what, why, path }: Difference) => found.push(`${what} ${why} ${path}`);
    writeFileSync(join(where, "t/half"), "something");
    await verifyArchive({ archive, against: where, events: { difference } });
    expect(found).toContain("content failed /t/half");
  });
});
