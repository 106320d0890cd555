import { execFileSync } from "node:child_process";
import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { fileHoles, openFile, readFiles, readFilesPlain, widenPipe } from "./native-files";
import { scanLibrary } from "./native-library";

const { EFBIG, EINVAL, ELOOP, ENOENT } = constants.errno;
let dir: string;
const at = (name: string) => Buffer.from(join(dir, name));

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "hpc-files-"));
  writeFileSync(join(dir, "five"), "12345");
  writeFileSync(join(dir, "empty"), "");
  symlinkSync("five", join(dir, "link"));
  execFileSync("mkfifo", [join(dir, "fifo")]);
});
afterAll(() => void execFileSync("rm", ["-rf", dir]));

describe("openFile", () => {
  test("opens, refuses symlinks, and answers -errno", () => {
    const fd = openFile(at("five"));
    expect(fd).toBeGreaterThan(2);
    expect(fstatSync(fd).size).toBe(5);
    closeSync(fd);
    expect(openFile(at("none"))).toBe(-ENOENT);
    expect(openFile(at("link"))).toBe(-ELOOP);
    expect(openFile(Buffer.concat([at("five"), Buffer.from([0])]))).toBe(-EINVAL);
    expect(openFile(Buffer.alloc(0))).toBe(-EINVAL);
  });

  test("takes a path of 20,000 bytes, and names that are not UTF-8", () => {
    const name = "n".repeat(200);
    const program = `for (1..100) { mkdir "${name}" or die; chdir "${name}" or die } open(F, ">\\xff") or die; print F "deep"`;
    execFileSync("perl", ["-e", program], { cwd: dir });
    const path = Buffer.concat([at(Array(100).fill(name).join("/")), Buffer.from([0x2f, 0xff])]);
    const fd = openFile(path);
    expect(fd).toBeGreaterThan(2);
    const content = Buffer.alloc(10);
    expect(content.subarray(0, readSync(fd, content)).toString()).toBe("deep");
    closeSync(fd);
    expect(openFile(Buffer.concat([path, Buffer.from("x")]))).toBe(-ENOENT);
  });
});

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

describe.each([
  ["native", readFiles],
  ["plain", readFilesPlain],
] as const)("readFiles, %s", (_, read) => {
  test("answers in order, each for itself", () => {
    const answers = read(["five", "none", "empty", "fifo", "link", "five"].map(at), 5);
    expect(answers.map((a) => a.errno)).toEqual([0, ENOENT, 0, EINVAL, ELOOP, 0]);
    expect(answers.map((a) => a.content.toString())).toEqual(["12345", "", "", "", "", "12345"]);
    expect(read([at("five")], 4)).toEqual([{ errno: EFBIG, content: Buffer.alloc(0) }]);
    expect(read([], 4)).toEqual([]);
  });

  test("more than one call can take, and no descriptor is left open", () => {
    const before = readdirSync("/proc/self/fd").length;
    const max = 1 << 20; // three or four answers of this size fit a call
    const answers = read(Array(20).fill(at("five")), max);
    expect(answers.map((a) => a.content.toString())).toEqual(Array(20).fill("12345"));
    expect(readdirSync("/proc/self/fd").length).toBe(before);
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
