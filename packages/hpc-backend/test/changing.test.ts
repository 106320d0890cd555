import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "@jest/globals";
import { JobLog, restoreArchive } from "@podheitor/hpc-archive";
import {
  type EntryFields,
  EntryFlag,
  EntryKind,
  RecordCursor,
  RecordType,
  RecordWriter,
} from "@podheitor/hpc-walker";
import { BatchEmitter } from "../src/emit/batch-emitter";
import type { Outgoing } from "../src/emit/entry-sink";
import type { ContentReader } from "../src/entry/content-reader";
import { SeenFiles } from "../src/entry/seen-files";
import { backupToArchive, parseParams } from "../src/index";
import { runBackup } from "../src/job/backup-job";
import { Tally } from "../src/job/tally";
import { requireDescriptors } from "../src/params/descriptors";
import { openScan } from "../src/source/scan-source";
import type { OpenSource } from "../src/source/source";

/* What users of a tree do to it between the scan and the end of reading. */

const MIB = 2 ** 20;
const scratch = mkdtempSync(join(tmpdir(), "hpc-changing-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
let tree: string;
let turn = 0;
beforeEach(() => {
  tree = join(scratch, `${turn++}`);
  mkdirSync(join(tree, "dir"), { recursive: true });
});
const at = (name: string) => join(tree, name);
const root = () => Buffer.from(tree);

/**
 * A record of the file as the scan would have it, its content not read, and a cursor that stands on
 * it.
 */
function seen(
  name: string,
  more: Partial<EntryFields> = {},
): { cursor: RecordCursor; bytes: Buffer } {
  const stat = statSync(at(name), { bigint: true });
  const writer = new RecordWriter(Buffer.alloc(4096));
  writer.dir(Buffer.from(join(at(name), "..")));
  writer.entry({
    ...{
      kind: EntryKind.REGULAR,
      flags: 0,
      name: Buffer.from(name.slice(name.lastIndexOf("/") + 1)),
    },
    ...{
      link: Buffer.alloc(0),
      content: undefined,
      error: 0,
      inoHash: 0n,
      nlink: 1,
      ino: stat.ino,
      dev: stat.dev,
    },
    ...{
      size: stat.size,
      blocks: stat.blocks,
      mode: Number(stat.mode),
      uid: 0,
      gid: 0,
      rdev: 0n,
      blksize: 4096,
    },
    ...{
      mtimeSeconds: stat.mtimeNs / 1_000_000_000n,
      mtimeNanoseconds: Number(stat.mtimeNs % 1_000_000_000n),
    },
    ...{
      ctimeSeconds: stat.ctimeNs / 1_000_000_000n,
      ctimeNanoseconds: Number(stat.ctimeNs % 1_000_000_000n),
    },
    ...{ atimeSeconds: 0n, atimeNanoseconds: 0, birth: stat.birthtimeNs, ...more },
  });
  const cursor = new RecordCursor();
  cursor.reset(writer.batch);
  while (cursor.next() && cursor.type !== RecordType.ENTRY);
  return { cursor, bytes: writer.batch };
}

async function opened(record: ReturnType<typeof seen>): Promise<ContentReader> {
  const files = new SeenFiles([root()]);
  try {
    return await files.open(record.cursor, record.bytes, { holes: true }, "changed");
  } finally {
    await files.close();
  }
}

async function contentOf(reader: ContentReader): Promise<string> {
  const blocks: Buffer[] = [];
  for (let block = await reader.next(); block !== undefined; block = await reader.next())
    blocks.push(Buffer.from(block));
  return Buffer.concat(blocks).toString();
}

describe("a file that is opened after the scan", () => {
  test("is the one that was seen, as it was seen", async () => {
    writeFileSync(at("dir/file"), "mine");
    const reader = await opened(seen("dir/file"));
    expect([await contentOf(reader), reader.now, await reader.torn()]).toEqual([
      "mine",
      undefined,
      undefined,
    ]);
    await reader.close();
  });

  test("has the attributes that it has by then, where it has changed", async () => {
    writeFileSync(at("dir/file"), "mine");
    chmodSync(at("dir/file"), 0o644);
    const before = seen("dir/file");
    chmodSync(at("dir/file"), 0o600);
    appendFileSync(at("dir/file"), ", secret");
    const reader = await opened(before);
    expect(reader.now?.changed).toBe(true);
    expect((reader.now?.head.readUInt32LE(84) ?? 0) & 0o777).toBe(0o600);
    expect([await contentOf(reader), reader.size]).toEqual(["mine, secret", 12n]);
    await reader.close();
  });

  test("is never one that got its inode number later", async () => {
    writeFileSync(at("dir/file"), "root's");
    const earlier = { birth: statSync(at("dir/file"), { bigint: true }).birthtimeNs - 1n };
    await expect(opened(seen("dir/file", earlier))).rejects.toMatchObject({ code: "ESTALE" });
  });

  test("is never looked for behind a symbolic link, though device and inode agree", async () => {
    mkdirSync(at("secret"));
    writeFileSync(at("secret/file"), "root's");
    const record = seen("secret/file");
    renameSync(at("secret"), at("moved"));
    symlinkSync("moved", at("secret"));
    await expect(opened(record)).rejects.toMatchObject({ code: "ELOOP" });
  });

  test("is no fifo, and none is woken", async () => {
    writeFileSync(at("dir/file"), "mine");
    const record = seen("dir/file");
    rmSync(at("dir/file"));
    execFileSync("mkfifo", [at("dir/file")]);
    await expect(opened(record)).rejects.toMatchObject({ code: "ESTALE" });
    // Nobody has it open: a writer that does not wait is refused.
    expect(() => openSync(at("dir/file"), constants.O_WRONLY | constants.O_NONBLOCK)).toThrow(
      "ENXIO",
    );
  });
});

test("a root that could not be opened once is opened for the next file", async () => {
  writeFileSync(at("dir/file"), "mine");
  const record = seen("dir/file");
  const files = new SeenFiles([root()]);
  renameSync(tree, `${tree}.away`);
  const open = () => files.open(record.cursor, record.bytes, { holes: false }, "no");
  await expect(open()).rejects.toMatchObject({ code: "ENOENT" });
  renameSync(`${tree}.away`, tree);
  const reader = await open();
  expect(await contentOf(reader)).toBe("mine");
  await reader.close();
  await files.close();
});

describe("a file that changes while it is read", () => {
  async function tornBy(change: () => void, size: number) {
    writeFileSync(at("dir/file"), Buffer.alloc(size, "x"));
    utimesSync(at("dir/file"), 1, 1);
    const reader = await opened(seen("dir/file"));
    await reader.next();
    change();
    let length = 0;
    for (let block = await reader.next(); block !== undefined; block = await reader.next())
      length += block.length;
    const torn = await reader.torn();
    await reader.close();
    return [torn, length];
  }
  const rest = 3 * MIB - 512 * 1024;

  test("is read to the size that it had, and said to have grown", async () => {
    expect(
      await tornBy(() => appendFileSync(at("dir/file"), Buffer.alloc(2 * MIB, "y")), 3 * MIB),
    ).toEqual(["grew", rest]);
  });
  test("is said to have shrunk", async () => {
    const [torn, length] = await tornBy(() => truncateSync(at("dir/file"), 2 * MIB), 3 * MIB);
    expect([torn, Number(length) <= 2 * MIB - 512 * 1024]).toEqual(["shrank", true]);
  });
  test("is said to have changed, though its size is the same", async () => {
    const write = () => {
      const fd = openSync(at("dir/file"), "r+");
      writeSync(fd, "new", 0);
      closeSync(fd);
    };
    expect(await tornBy(write, 3 * MIB)).toEqual(["changed", rest]);
  });
  test("also when one read had all of it but its holes, into which somebody wrote", async () => {
    writeFileSync(at("dir/file"), "");
    truncateSync(at("dir/file"), MIB);
    appendFileSync(at("dir/file"), Buffer.alloc(4096, "x"));
    utimesSync(at("dir/file"), 1, 1);
    const reader = await opened(seen("dir/file"));
    expect(reader.holes.length).toBe(16);
    const fd = openSync(at("dir/file"), "r+");
    writeSync(fd, "new", 0);
    closeSync(fd);
    while ((await reader.next()) !== undefined);
    expect(await reader.torn()).toBe("changed");
    await reader.close();
  });
  test("but not when one read had all of it", async () => {
    expect(await tornBy(() => appendFileSync(at("dir/file"), "y"), 400_000)).toEqual([
      undefined,
      0,
    ]);
  });
});

test("a torn file is saved to the size that was seen, named, and counted", async () => {
  const size = 8 * MIB;
  writeFileSync(at("dir/big"), Buffer.alloc(size, "before"));
  const archive = join(scratch, "torn.fifo");
  execFileSync("mkfifo", [archive]);
  const reading = openSync(archive, constants.O_RDONLY | constants.O_NONBLOCK);
  const said: string[] = [];
  const message = (level: string, text: string) => void said.push(`${level} ${text}`);
  const params = parseParams([["path", root()]]);
  const backup = backupToArchive({ params, archive, events: { message } });
  let done = false;
  void backup.finally(() => {
    done = true;
  });
  // The pipe is full long before the file is read: some of it has come, and the rest waits for us.
  const parts: Buffer[] = [];
  let grown = false;
  const buffer = Buffer.alloc(MIB);
  for (let limit = performance.now() + 20_000; performance.now() < limit; ) {
    await new Promise(setImmediate);
    let n = 0;
    try {
      n = readSync(reading, buffer);
    } catch {
      continue; // nothing there yet
    }
    if (n === 0 && done) break;
    parts.push(Buffer.from(buffer.subarray(0, n)));
    if (!grown && Buffer.concat(parts).length > 600_000) {
      appendFileSync(at("dir/big"), Buffer.alloc(5 * MIB, "after"));
      grown = true;
    }
  }
  closeSync(reading);
  const summary = await backup;
  expect(summary).toMatchObject({ changed: 1, torn: 1, failed: 0, incomplete: 0 });
  expect(said).toEqual([
    expect.stringMatching(/^warning .*\/dir\/big: grew while it was read: the first 8388608 bytes/),
  ]);
  const copy = join(scratch, "torn.hpc");
  writeFileSync(copy, Buffer.concat(parts));
  const where = join(scratch, "torn-back");
  await restoreArchive({ archive: copy, where });
  expect(readFileSync(join(where, tree, "dir/big")).equals(Buffer.alloc(size, "before"))).toBe(
    true,
  );
});

/** Runs a backup whose scan is followed by `between`, before anything of its batch is looked at. */
async function backedUp(between: (bytes: Buffer) => void, ask?: (count: number) => Uint8Array) {
  const openSource: OpenSource = (options) => {
    const inner = openScan(options);
    return {
      ...inner,
      frames: undefined,
      next: async () => {
        const change = await inner.next();
        if (change?.kind === "batch") between(change.bytes);
        return change;
      },
    };
  };
  const sums = new Tally();
  const said: string[] = [];
  const entries: { name: string; mode: number; flags: number; xattrs: Buffer | undefined }[] = [];
  const future = BigInt(Math.floor(Date.now() / 1000) + 1000);
  await runBackup({
    params: parseParams([["path", root()]]),
    since: ask === undefined ? undefined : future,
    ask: ask === undefined ? undefined : async ({ count }) => ask(count),
    ...{ content: true, sums, signal: undefined, openSource },
    sink: {
      entry: ({ name, bytes, headStart, flags }: Outgoing) =>
        void entries.push({
          name: name.toString(),
          mode: bytes.readUInt32LE(headStart + 84),
          flags,
          xattrs: undefined,
        }),
      deleted: () => undefined,
      attributes: (block) => {
        const last = entries.at(-1);
        if (last !== undefined) last.xattrs = Buffer.from(block);
      },
      data: () => undefined,
      end: () => undefined,
      full: false,
      drain: async () => undefined,
    },
    messages: new JobLog((level, text) => void said.push(`${level} ${text}`)),
  });
  return { sums, said, entries };
}

test("a file that changed between scan and opening is saved as it is then, and counted", async () => {
  writeFileSync(at("dir/big"), Buffer.alloc(100_000));
  chmodSync(at("dir/big"), 0o644);
  const { sums, said, entries } = await backedUp(() => chmodSync(at("dir/big"), 0o600));
  expect([sums.changed, sums.torn, sums.balanced]).toEqual([1, 0, true]);
  expect(said).toEqual([
    expect.stringMatching(/^info .*\/big: changed since it was listed: it is saved as it is now$/),
  ]);
  expect((entries.find(({ name }) => name === "big")?.mode ?? 0) & 0o777).toBe(0o600);
});

test("another file under its name is not saved in its place", async () => {
  writeFileSync(at("dir/big"), Buffer.alloc(100_000));
  const { sums, entries } = await backedUp(() => {
    writeFileSync(at("other"), Buffer.alloc(100_000, "o"));
    renameSync(at("other"), at("dir/big"));
  });
  expect([sums.vanished, sums.failed, sums.balanced]).toEqual([1, 0, true]);
  expect(entries.map(({ name }) => name).sort()).toEqual(["", "dir"]);
});

test("a file that got the inode number of an earlier one is no other name of it", async () => {
  writeFileSync(at("dir/file"), "same");
  const batch = (...records: ReturnType<typeof seen>[]) =>
    Buffer.concat(records.map(({ bytes }) => bytes));
  const name = (text: string, more: Partial<EntryFields>) =>
    seen("dir/file", { name: Buffer.from(text), nlink: 2, content: Buffer.from("same"), ...more });
  const sent: string[] = [];
  const { HAS_DATA, LINK, LEADER, LAST_LINK } = EntryFlag;
  const sums = new Tally();
  const emitter = new BatchEmitter({
    ...{ params: parseParams([["path", root()]]), content: true, sums, signal: undefined },
    sink: {
      entry: ({ name, flags, group, link }: Outgoing) =>
        void sent.push(`${name} ${flags} ${group} ${link}`),
      ...{
        attributes: () => undefined,
        deleted: () => undefined,
        data: () => undefined,
        end: () => undefined,
      },
      ...{ full: false, drain: async () => undefined },
    },
    messages: new JobLog(() => undefined),
  });
  const users = { birth: 1_700_000_000_000_000_000n, uid: 1000 };
  const roots = { birth: 1_700_000_000_004_000_000n, uid: 0 };
  await emitter.batch(
    batch(name("user's", users), name("root's", roots), name("root's too", roots)),
    undefined,
  );
  await emitter.batch(batch(name("user's too", users)), undefined);
  await emitter.close();
  expect(sent).toEqual([
    `user's ${HAS_DATA | LEADER} 1 `,
    `root's ${HAS_DATA | LEADER} 2 `,
    `root's too ${LINK | LAST_LINK} 2 ${at("dir")}/root's`,
    `user's too ${LINK | LAST_LINK} 1 ${at("dir")}/user's`,
  ]);
  expect([sums.files, sums.hardlinks]).toEqual([2, 2]);
});

test("accurate jobs ask for the attributes of what is saved, and of nothing else", async () => {
  for (const name of ["dir", "dir/one", "dir/two"]) {
    if (name !== "dir") writeFileSync(at(name), name);
    execFileSync("setfattr", ["-n", "user.mine", "-v", name, at(name)]);
  }
  const scanned: number[] = [];
  const { entries, sums } = await backedUp(
    (bytes) => {
      const cursor = new RecordCursor();
      for (cursor.reset(bytes); cursor.next(); )
        if (cursor.type === RecordType.ENTRY && cursor.flags & EntryFlag.OLDER)
          scanned.push(cursor.xattrLength);
    },
    (count) => new Uint8Array(Math.ceil(count / 8)).fill(0xff),
  );
  expect(scanned).toEqual([0, 0, 0, 0]);
  expect([sums.xattrBlocks, sums.balanced]).toEqual([3, true]);
  const told = entries.map(({ name, xattrs }) => [name, xattrs?.subarray(8).toString()]);
  expect(told.sort()).toEqual([
    ["", undefined],
    ["dir", "user.minedir"],
    ["one", "user.minedir/one"],
    ["two", "user.minedir/two"],
  ]);
});

test("a sparse file beyond 2^53 bytes is read where it has data, at any offset", async () => {
  const memory = mkdtempSync("/dev/shm/hpc-huge-"); // ext4 ends at 2^44
  try {
    const file = join(memory, "huge");
    const end = 2n ** 53n + 8193n;
    const fd = openSync(file, "w");
    writeSync(fd, "first");
    closeSync(fd);
    execFileSync("truncate", ["-s", `${end}`, file]);
    execFileSync(
      "dd",
      [`of=${file}`, "bs=1", `seek=${2n ** 53n + 4097n}`, "conv=notrunc", "status=none"],
      {
        input: "last",
      },
    );
    const archive = join(scratch, "huge.hpc");
    const summary = await backupToArchive({
      params: parseParams([["path", Buffer.from(memory)]]),
      archive,
    });
    expect(summary).toMatchObject({ files: 1, failed: 0, incomplete: 0, torn: 0 });
    expect(summary.bytes).toBeLessThan(3 * MIB); // a block, or a huge page, for each of the two
    expect(readFileSync(archive).includes("first")).toBe(true);
    expect(readFileSync(archive).includes("last")).toBe(true);
  } finally {
    rmSync(memory, { recursive: true });
  }
});

test("too few descriptors are said before anything is opened", () => {
  const limits = "Max open files            20                   20                   files\n";
  expect(() => requireDescriptors("a scan", limits, 15)).toThrow(
    expect.objectContaining({ code: "HPC_DESCRIPTORS" }),
  );
  expect(() => requireDescriptors("a scan", limits.replaceAll("20", "1024"), 15)).not.toThrow();
  expect(() => requireDescriptors("a scan", "", 15)).not.toThrow();
});
