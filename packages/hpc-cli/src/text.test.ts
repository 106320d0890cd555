import { describe, expect, test } from "@jest/globals";
import { toJson } from "./output";
import { ProgressLine } from "./progress";
import { parseShards, shardArchive } from "./shards";
import { collector } from "./testing";
import { formatBytes, formatCount, formatSeconds, plural } from "./text/format";
import { type Listed, listLine, modeText, timeText } from "./text/listing";

test("numbers as people read them", () => {
  expect([0, 1023, 1024, 1536, 1024 ** 3 - 1, 5e15].map(formatBytes)).toEqual([
    "0 B",
    "1023 B",
    "1.0 KiB",
    "1.5 KiB",
    "1.0 GiB",
    "4.4 PiB",
  ]);
  expect(formatCount(1234567.4)).toBe("1,234,567");
  expect([0.1234, 12.34, 187, 7500].map(formatSeconds)).toEqual([
    "0.12 s",
    "12.3 s",
    "3 min 07 s",
    "2 h 05 min",
  ]);
  expect([plural(1, "file"), plural(2, "file"), plural(0, "entry", "entries")]).toEqual([
    "1 file",
    "2 files",
    "0 entries",
  ]);
});

test("names of the archives of shards", () => {
  expect(shardArchive("/b/tree.hpc", 1, 4)).toBe("/b/tree.1-of-4.hpc");
  expect(shardArchive("/b.d/tree", 0, 2)).toBe("/b.d/tree.0-of-2");
  expect(shardArchive("a.tar.hpc", 0, 2)).toBe("a.tar.0-of-2.hpc");
  expect(shardArchive(".hidden", 0, 2)).toBe(".hidden.0-of-2");
});

test("numbers of shards", () => {
  expect(parseShards("4", 64)).toBe(4);
  expect(parseShards("1024", 1024)).toBe(1024);
  for (const bad of ["0", "-1", "65", "4/4", "1e1", ""])
    expect(() => parseShards(bad, 64)).toThrow("is not a number of shards");
});

describe("lines of a listing", () => {
  test.each([
    [0o100644, "-rw-r--r--"],
    [0o040755, "drwxr-xr-x"],
    [0o041777, "drwxrwxrwt"],
    [0o120777, "lrwxrwxrwx"],
    [0o104711, "-rws--x--x"],
    [0o102640, "-rw-r-S---"],
    [0o041000, "d--------T"],
    [0o010600, "prw-------"],
    [0o020620, "crw--w----"],
    [0o060660, "brw-rw----"],
  ])("mode %o", (mode, text) => {
    expect(modeText(mode)).toBe(text);
  });

  const entry: Listed = {
    name: Buffer.from("/a\nb"),
    link: Buffer.alloc(0),
    isLink: false,
    mode: 0o100644,
    uid: 0,
    gid: 5,
    size: 12n,
    rdev: 0n,
    mtime: -1n,
    mtimeNs: 0,
    xattrs: [],
  };

  test("a name is escaped for a terminal and raw otherwise", () => {
    expect(listLine(entry, true).toString()).toBe(
      "-rw-r--r-- 0/5           12 1969-12-31 23:59:59 /a\\nb",
    );
    expect(listLine(entry, false).toString()).toBe(
      "-rw-r--r-- 0/5           12 1969-12-31 23:59:59 /a\nb",
    );
  });

  test("targets, first names of hard links, and devices", () => {
    expect(listLine({ ...entry, link: Buffer.from("t") }, true).toString()).toMatch(/\\nb -> t$/);
    expect(listLine({ ...entry, link: Buffer.from("/t"), isLink: true }, true).toString()).toMatch(
      /\\nb link to \/t$/,
    );
    expect(listLine({ ...entry, mode: 0o060660, rdev: 0x801n }, true).toString()).toContain(
      " 8,1 ",
    );
  });

  test("a time that no calendar has is shown as seconds", () => {
    expect(timeText(2n ** 62n)).toBe(`${2n ** 62n}`);
  });
});

test("JSON keeps every bit of a 64-bit integer", () => {
  expect(toJson({ small: 5n, big: 2n ** 64n - 1n })).toBe(
    '{"small":5,"big":"18446744073709551615"}',
  );
});

describe("the progress line", () => {
  const figures = { entries: 3000, bytes: 2048, failed: 1 };

  test("begins after two seconds, fits the terminal and is taken away", () => {
    const sink = collector({ isTTY: true, columns: 40 });
    let now = 0;
    const line = new ProgressLine(sink, true, () => now);
    now = 1999;
    line.update(figures);
    expect(sink.text()).toBe("");
    now = 3000;
    line.update(figures);
    expect(sink.text()).toBe("\r3,000 entries  2.0 KiB  1,000/s  683 B/\u001b[K");
    line.clear();
    line.clear();
    expect(sink.text().endsWith("B/\u001b[K\r\u001b[K")).toBe(true);
  });

  test("names the large file that is being read", () => {
    const sink = collector({ isTTY: true, columns: 200 });
    const times = [0, 4000];
    const line = new ProgressLine(sink, true, () => times.shift() ?? 4000);
    line.update({ entries: 1, bytes: 2 ** 30, failed: 0, file: Buffer.from("/data/big\nfile") });
    expect(sink.text()).toBe(
      "\r1 entries  1.0 GiB  0/s  256.0 MiB/s  0 errors  4.00 s  /data/big\\nfile\u001b[K",
    );
  });

  test("shows what is being done in other words, too", () => {
    const sink = collector({ isTTY: true, columns: 12 });
    let now = 0;
    const line = new ProgressLine(sink, true, () => now);
    now = 2000;
    line.show("run 7 of 36: find");
    expect(sink.text()).toBe("\rrun 7 of 36\u001b[K");
    const unsized = collector({ isTTY: true, columns: 0 });
    const other = new ProgressLine(unsized, true, () => now);
    now = 4000;
    other.show("run 7 of 36: find");
    expect(unsized.text()).toBe("\rrun 7 of 36: find\u001b[K");
  });

  test("is not shown to a file, nor when it is not wanted", () => {
    for (const [isTTY, enabled] of [
      [false, true],
      [true, false],
    ] as const) {
      const sink = collector({ isTTY });
      let now = 0;
      const line = new ProgressLine(sink, enabled, () => now);
      now = 5000;
      line.update(figures);
      line.clear();
      expect(sink.text()).toBe("");
    }
  });
});
