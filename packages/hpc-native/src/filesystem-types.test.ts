import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { describeFilesystem } from "./filesystem";
import {
  declareFilesystemTypes,
  FILESYSTEM_TYPES_NAME,
  readFilesystemTypes,
} from "./filesystem-types";
import { mountOf, parseMountinfo } from "./mountinfo";

const scratch = mkdtempSync(join(tmpdir(), "hpc-types-"));
afterAll(() => rmSync(scratch, { recursive: true }));
afterEach(() => declareFilesystemTypes(new Map()));

let made = 0;
/** A directory whose file holds the text. */
function directory(text: string, mode = 0o644): string {
  const folder = join(scratch, String(made++));
  mkdirSync(folder);
  const file = join(folder, FILESYSTEM_TYPES_NAME);
  writeFileSync(file, text);
  chmodSync(file, mode);
  return folder;
}
const onMount = (line: string) =>
  describeFilesystem(0x65735546, mountOf(Buffer.from("/m"), parseMountinfo(Buffer.from(line))));

describe("filesystem-types", () => {
  test("declares what a mount of a type is", () => {
    const types = readFilesystemTypes(
      directory("# a double\n\nfuse.lustre=lustre\nfuse.other = beegfs\n"),
    );
    expect([...(types ?? [])]).toEqual([
      ["fuse.lustre", "lustre"],
      ["fuse.other", "beegfs"],
    ]);
    const line = "5 1 0:43 / /m rw - fuse.lustre 10.0.0.1@tcp:/testfs rw\n";
    expect(onMount(line)).toMatchObject({ type: "fuse", isParallel: false });
    declareFilesystemTypes(types ?? new Map());
    expect(onMount(line)).toMatchObject({
      type: "lustre",
      fstype: "fuse.lustre",
      isParallel: true,
      isWhole: true,
    });
    expect(onMount(line.replace("testfs", "testfs/dir"))).toMatchObject({
      type: "lustre",
      isWhole: false,
    });
    expect(onMount(line.replace("fuse.lustre", "fuse.more"))).toMatchObject({ type: "fuse" });
  });

  test("a directory without one declares nothing", () => {
    expect(readFilesystemTypes(scratch)).toBeUndefined();
    expect(readFilesystemTypes(join(scratch, "nowhere"))).toBeUndefined();
  });

  test.each([
    ["fuse.lustre", "line 1"],
    ["\nfuse.lustre = ext4", "line 2"],
    ["fuse.lustre = lustre extra", "line 1"],
  ])("%j is refused", (text, where) => {
    expect(() => readFilesystemTypes(directory(text))).toThrow(
      expect.objectContaining({
        code: "HPC_FILESYSTEM_TYPES",
        message: expect.stringContaining(where),
      }),
    );
  });

  test("is refused where others than root could write it", () => {
    const refusal = (what: string) =>
      expect.objectContaining({
        code: "HPC_FILESYSTEM_TYPES",
        message: expect.stringContaining(what),
      });
    expect(() => readFilesystemTypes(directory("fuse.lustre = lustre", 0o664))).toThrow(
      refusal("mode 0664"),
    );
    const open = directory("fuse.lustre = lustre");
    chmodSync(open, 0o777);
    expect(() => readFilesystemTypes(open)).toThrow(refusal("mode 0777"));
    const folder = join(scratch, "folder");
    mkdirSync(join(folder, FILESYSTEM_TYPES_NAME), { recursive: true });
    expect(() => readFilesystemTypes(folder)).toThrow(refusal("no file of a few lines"));
    if (process.getuid?.() !== 0) return;
    const foreign = directory("fuse.lustre = lustre");
    chownSync(join(foreign, FILESYSTEM_TYPES_NAME), 12345, 12345);
    expect(() => readFilesystemTypes(foreign)).toThrow(refusal("uid 12345"));
  });
});
