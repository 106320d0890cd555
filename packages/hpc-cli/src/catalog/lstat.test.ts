import { expect, test } from "@jest/globals";
import { atimeNs, decodeLstat, mtimeNs } from "./lstat";

test("a row as the catalog holds it gives what stat said", () => {
  // regular, 0644, root, one link, 5 bytes; test/stock.lab.ts compares real rows with stat
  const row = "P4A BAAB IGk B A A A F BAA I BnQAAA BmQAAA BnQAAB A A C";
  const a = decodeLstat(row);
  expect(a.mode).toBe(0o100644);
  expect(a.nlink).toBe(1);
  expect(a.size).toBe(5n);
  expect(a.linkFileIndex).toBe(0);
});

test("numbers: negative, full 64 bits, and the digits' ends", () => {
  const fields = Array.from({ length: 16 }, () => "A");
  fields[1] = "P//////////"; // 2^64 - 1
  fields[11] = "-B4UQA"; // before 1970
  const a = decodeLstat(fields.join(" "));
  expect(a.ino).toBe(2n ** 64n - 1n);
  expect(a.mtime).toBe(-(1n * 64n ** 4n + 56n * 64n ** 3n + 20n * 64n ** 2n + 16n * 64n));
});

test("what is no LStat is refused", () => {
  expect(() => decodeLstat("A B C")).toThrow(/short LStat/);
  expect(() => decodeLstat("A ! C")).toThrow(/not a catalog number/);
});

test("nanoseconds: in rdev under the plugin's tag, in blocks of a device, nowhere in a foreign row", () => {
  const word = (5n << 60n) | (987_654_321n << 30n) | 123_456_789n;
  const plain = decodeLstat(Array.from({ length: 16 }, () => "A").join(" "));
  expect(mtimeNs({ ...plain, mode: 0o100644, rdev: word })).toBe(987_654_321n);
  expect(atimeNs({ ...plain, mode: 0o100644, rdev: word })).toBe(123_456_789n);
  expect(mtimeNs({ ...plain, mode: 0o020644, rdev: 259n, blocks: word })).toBe(987_654_321n);
  expect(mtimeNs({ ...plain, mode: 0o020644, rdev: word })).toBeUndefined();
  expect(mtimeNs({ ...plain, mode: 0o100644 })).toBeUndefined();
  expect(atimeNs({ ...plain, mode: 0o100644 })).toBeUndefined();
});
