import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import {
  type Entry,
  EntryFlag,
  EntryKind,
  encodeDataEnd,
  encodeEntry,
  encodeFrame,
} from "@podheitor/hpc-ptcomm";
import { RestoreOp } from "@podheitor/hpc-wire";
import { FAILURES_SIZE } from "../src/limits";
import {
  attributeText,
  failureText,
  REPLACE,
  RestoreCore,
  type RestoreFailure,
} from "../src/restore/restore-core";

const EMPTY = Buffer.alloc(0);

let where: string;
let core: RestoreCore;
let failures: RestoreFailure[];
const failed = (failure: RestoreFailure) => void failures.push(failure);

beforeEach(() => {
  where = mkdtempSync(join(tmpdir(), "hpc-core-"));
  core = new RestoreCore(Buffer.from(where), REPLACE.always);
  failures = [];
});
afterEach(() => {
  core.close();
  rmSync(where, { recursive: true });
});

function entryOf(name: string, about: Pick<Entry, "kind" | "flags" | "mode" | "size">): Entry {
  return {
    nlink: 1,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    ino: 1n,
    dev: 1n,
    rdev: 0n,
    blocks: 8n,
    blksize: 4096,
    atime: 1n,
    atimeNs: 0,
    mtime: 1n,
    mtimeNs: 0,
    ctime: 1n,
    ctimeNs: 0,
    linkGroup: 0n,
    layout: 0,
    name: Buffer.from(name),
    link: EMPTY,
    holes: [],
    ...about,
  };
}

/** The frames of a file with this content. */
function file(name: string, content: string): Buffer {
  const about = {
    kind: EntryKind.REGULAR,
    flags: EntryFlag.HAS_DATA,
    mode: 0o100644,
    size: BigInt(content.length),
  };
  return Buffer.concat([
    encodeFrame("M", encodeEntry(entryOf(name, about))),
    encodeFrame("D", Buffer.from(content)),
    encodeFrame("Z", encodeDataEnd({ bytes: BigInt(content.length), errno: 0 })),
  ]);
}

test("whole frames are restored", () => {
  core.feed(Buffer.concat([file("a", "one"), file("b", "two")]), failed);
  expect(failures).toEqual([]);
  expect(readFileSync(join(where, "b"), "utf8")).toBe("two");
});

test("a frame that is cut is refused; what stood before it is done", () => {
  const frames = Buffer.concat([file("a", "one"), file("b", "two")]);
  expect(() => core.feed(frames.subarray(0, -1), failed)).toThrow(
    /takes whole frames: \d+ bytes are less than one/,
  );
  expect(readFileSync(join(where, "a"), "utf8")).toBe("one");
});

test("what failed before the call itself failed is told", () => {
  const frames = Buffer.concat([
    file("../out", "x"),
    file("a", "one"),
    encodeFrame("D", Buffer.from("out of turn")),
  ]);
  expect(() => core.feed(frames, failed)).toThrow(/EBADMSG/);
  expect(failures).toEqual([
    { operation: RestoreOp.CREATE, errno: 22, name: Buffer.from("../out"), leader: undefined },
  ]);
  // The next call fails at once, and does not tell the same again.
  expect(() => core.feed(file("b", "two"), failed)).toThrow(/EBADMSG/);
  expect(failures).toHaveLength(1);
});

test.each([
  [
    RestoreOp.LINK,
    2,
    "its other name /b is not there to link to (ENOENT): select it as well, or see why it was not restored",
  ],
  [
    RestoreOp.LINK,
    17,
    "its other name /b is another file, which was kept (EEXIST): restore it elsewhere, or with --replace always",
  ],
  [
    RestoreOp.LINK,
    116,
    "its other name /b was replaced during the restore (ESTALE): restore it again",
  ],
  [RestoreOp.LINK, 18, "cannot link to /b: EXDEV"],
  [RestoreOp.CREATE, 34, "cannot create: ERANGE (the filesystem cannot keep its device number)"],
  [
    RestoreOp.CREATE,
    116,
    "cannot create: ESTALE (a directory above it was replaced during the restore)",
  ],
  [RestoreOp.WRITE, 28, "cannot write: ENOSPC"],
  [
    RestoreOp.CREATE,
    24,
    "cannot create: EMFILE (raise the limit of open files: `ulimit -n`, or LimitNOFILE= in the unit)",
  ],
  [RestoreOp.SOURCE, 5, "it was read incompletely when it was saved"],
  [RestoreOp.DISCARD, 5, "as the caller says"],
] as const)("in words, %s with errno %i: %s", (operation, errno, words) => {
  const leader = operation === RestoreOp.LINK ? Buffer.from("/b") : undefined;
  const failure: RestoreFailure = {
    operation,
    errno,
    name: Buffer.from("/a"),
    leader,
    attribute: undefined,
  };
  expect(failureText(failure, "as the caller says")).toBe(`/a: not restored: ${words}`);
});

test("an attribute's directory is named from the root, also as the last pass knows it", () => {
  const failure = {
    operation: RestoreOp.ATTRIBUTE,
    errno: 1,
    leader: undefined,
    attribute: Buffer.from("mode"),
  } as const;
  for (const name of ["a/b", "/a/b"])
    expect(attributeText({ ...failure, name: Buffer.from(name) })).toBe(
      "/a/b: restored, but not its mode: EPERM",
    );
});

test("more failures than one call has room for are all told", () => {
  writeFileSync(join(where, "in-the-way"), "");
  const name = (i: number) => `in-the-way/${i}/${"n".repeat(200)}`;
  const count = Math.ceil(FAILURES_SIZE / 200) + 10;
  core.feed(Buffer.concat(Array.from({ length: count }, (_, i) => file(name(i), "x"))), failed);
  expect(failures.map((failure) => failure.name.toString())).toEqual(
    Array.from({ length: count }, (_, i) => name(i)),
  );
  expect(core.stats().failed).toBe(count);
  expect(readdirSync(where).filter((entry) => !entry.startsWith("."))).toEqual(["in-the-way"]);
});

describe("the last pass, over all directories,", () => {
  const COUNT = 5000; // enough that a cancel comes before the end, on a busy machine too
  beforeEach(() => {
    const about = { kind: EntryKind.DIRECTORY, flags: 0, mode: 0o040755, size: 0n };
    const frame = (i: number) => encodeFrame("M", encodeEntry(entryOf(`d${i}`, about)));
    for (let at = 0; at < COUNT; at += 500)
      core.feed(Buffer.concat(Array.from({ length: 500 }, (_, i) => frame(at + i))), failed);
  });

  test("leaves the event loop alone", async () => {
    let turns = 0;
    let done = false;
    const pass = core.finish(failed).finally(() => {
      done = true;
    });
    // A call that blocks has done all of it by now, and ends before the second turn; of one that
    // does not, a busy machine can make one of these look so, but hardly both.
    const begun = lstatSync(join(where, `d${COUNT - 1}`)).mode & 0o777;
    for (; !done; turns++) await new Promise(setImmediate);
    await pass;
    expect(turns > 1 || begun !== 0o755).toBe(true);
    expect(failures).toEqual([]);
    expect(lstatSync(join(where, `d${COUNT - 1}`)).mode & 0o777).toBe(0o755);
  });

  test("hears a cancel meanwhile", async () => {
    const pass = core.finish(failed);
    core.cancel();
    await expect(pass).rejects.toThrow("ECANCELED");
  });
});
