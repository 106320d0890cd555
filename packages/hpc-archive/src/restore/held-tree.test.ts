import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { HeldTree } from "./held-tree";

let tree: string;
beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), "hpc-held-"));
  mkdirSync(join(tree, "sub/deep"), { recursive: true });
  writeFileSync(join(tree, "sub/deep/file"), "content");
  symlinkSync("file", join(tree, "link"));
});
afterEach(() => rmSync(tree, { recursive: true }));

test("a held tree opens regular files only, below directories only", () => {
  execFileSync("mkfifo", [join(tree, "fifo")]);
  symlinkSync("sub", join(tree, "to-sub"));
  const held = new HeldTree(Buffer.from(tree));
  const open = (name: string) => held.open(Buffer.from(name));
  closeSync(open("/sub/deep/file"));
  const { ENXIO, ELOOP, EINVAL, ENOENT } = constants.errno;
  // A fifo without a writer would be waited for.
  for (const [name, errno] of [
    ["/fifo", ENXIO],
    ["/sub", ENXIO],
    ["/link", ENXIO],
    ["/to-sub/file", ELOOP],
    ["/sub/../file", EINVAL],
    ["/none", ENOENT],
  ] as const)
    expect(() => open(name)).toThrow(expect.objectContaining({ errno }));
  expect(held.stat(Buffer.from("/to-sub/file"))).toBeUndefined();
  expect(held.stat(Buffer.from("/to-sub"))?.isSymbolicLink()).toBe(true);
  expect(held.readlink(Buffer.from("/link"))?.toString()).toBe("file");
  expect(held.stat(Buffer.alloc(0))?.isDirectory()).toBe(true);
  held.close();
});
