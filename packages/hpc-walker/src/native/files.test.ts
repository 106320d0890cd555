import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { scanLibrary } from "../native-library";
import { fileHoles, widenPipe } from "./files";

let dir: string;
const at = (name: string) => Buffer.from(join(dir, name));

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "hpc-files-"));
  writeFileSync(join(dir, "five"), "12345");
  execFileSync("mkfifo", [join(dir, "fifo")]);
});
afterAll(() => void execFileSync("rm", ["-rf", dir]));

describe("fileHoles", () => {
  test("finds the holes of a sparse file, and leaves the offset where it was", () => {
    const path = join(dir, "sparse");
    execFileSync(
      "bash",
      [
        "-c",
        "truncate -s 1T sparse; printf x | dd of=sparse bs=1 seek=512G conv=notrunc status=none",
      ],
      { cwd: dir },
    );
    const fd = openSync(path, "r");
    try {
      const holes = fileHoles(fd, 2 ** 40, 4096, 10) ?? Buffer.alloc(0);
      const numbers = Array.from({ length: holes.length / 8 }, (_, i) =>
        Number(holes.readBigUInt64LE(i * 8)),
      );
      expect(numbers).toEqual([0, 2 ** 39, 2 ** 39 + 4096, 2 ** 39 - 4096]);
      expect(fileHoles(fd, 2 ** 40, 4096, 1)).toBeUndefined();
      expect(fileHoles(fd, 2 ** 40, 2 ** 39, 1)?.readBigUInt64LE(0)).toBe(0n);
      expect(readSync(fd, Buffer.alloc(8), 0, 8, null)).toBe(8); // still at the beginning
      expect(fileHoles(fd, Number.MAX_VALUE, 4096, 10)).toEqual(Buffer.alloc(0));
    } finally {
      closeSync(fd);
    }
    expect(() => fileHoles(fd, 1, 1, 1)).toThrow(
      expect.objectContaining({ code: "HPC_NATIVE_CALL" }),
    );
  });
});

test("widenPipe makes a pipe larger, never smaller, and leaves alone what is no pipe", () => {
  const fd = openSync(at("fifo"), "r+");
  const size = () => scanLibrary().pipeSize(fd, 0);
  const before = size();
  widenPipe(fd, 2 * before);
  expect(size()).toBe(2 * before);
  widenPipe(fd, before);
  expect(size()).toBe(2 * before);
  closeSync(fd);
  const file = openSync(at("five"), "r");
  widenPipe(file, 65_536);
  closeSync(file);
});
