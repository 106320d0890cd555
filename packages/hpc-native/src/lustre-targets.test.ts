import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { fsnameOf, lustreTargets, parseTargets, type TargetSources } from "./lustre-targets";

const scratch = mkdtempSync(join(tmpdir(), "hpc-targets-"));
afterAll(() => rmSync(scratch, { recursive: true }));
const MOUNT = Buffer.from("/mnt/lustre");

let made = 0;
/** A directory with an `lfs` of this text. */
function lfs(script: string, mode = 0o755): string {
  const folder = join(scratch, `bin${made++}`);
  mkdirSync(folder);
  writeFileSync(join(folder, "lfs"), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, "lfs"), mode);
  return folder;
}
/** A tree as the kernel shows a client's devices: device directory → content of `active`. */
function kernel(devices: Record<string, string>): string {
  const tree = join(scratch, `sys${made++}`);
  for (const [device, active] of Object.entries(devices)) {
    mkdirSync(join(tree, device), { recursive: true });
    writeFileSync(join(tree, device, "active"), active);
  }
  return tree;
}
const ask = (sources: Partial<TargetSources>) =>
  lustreTargets(MOUNT, "testfs", { path: [], trees: [], limitMs: 20_000, ...sources });

const TEXT = `
if [ "$2" != /mnt/lustre ]; then exit 1; fi
case $1 in
mdts) printf 'MDTS:\\n0: testfs-MDT0000_UUID ACTIVE\\n1: testfs-MDT0001_UUID INACTIVE\\n' ;;
osts) printf 'OBDS:\\n10: testfs-OST000a_UUID ACTIVE\\n' ;;
esac`;
const FOUND = [
  { kind: "MDT", name: "testfs-MDT0000", active: true },
  { kind: "MDT", name: "testfs-MDT0001", active: false },
  { kind: "OST", name: "testfs-OST000a", active: true },
];
const DEVICES = {
  "mdc/testfs-MDT0000-mdc-ffff88812aec9800": "1\n",
  "mdc/testfs-MDT0001-mdc-ffff88812aec9800": "0\n",
  "mdc/testfs-MDT0001-mdc-ffff888132d4d000": "1\n",
  "mdc/other-MDT0000-mdc-ffff88812aec9800": "0\n",
  "osc/testfs-OST000a-osc-ffff88812aec9800": "1\n",
};

describe("the targets of a Lustre filesystem", () => {
  test("by lfs", async () => {
    expect(await ask({ path: ["/nowhere", lfs(TEXT)], trees: [kernel({ ...DEVICES })] })).toEqual(
      FOUND,
    );
  });

  test("by the kernel, where there is no lfs, or none that root would run, or one that fails or hangs", async () => {
    const trees = [kernel({}), kernel(DEVICES)];
    expect(await ask({ trees })).toEqual(FOUND);
    for (const folder of [
      lfs("exit 1"),
      lfs("echo nothing"),
      lfs(TEXT.replace("INACTIVE", "ACTIVE"), 0o777),
    ])
      expect(await ask({ path: [folder], trees })).toEqual(FOUND);
    const started = performance.now();
    expect(await ask({ path: [lfs("exec sleep 600")], trees, limitMs: 300 })).toEqual(FOUND);
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  test("or not at all", async () => {
    expect(await ask({ trees: [join(scratch, "nowhere")] })).toBeUndefined();
  });

  test("lines of others are passed over", () => {
    expect(
      parseTargets(
        "MDTS:\nx: a-MDT0000_UUID ACTIVE\n0: a-MDT0000_UUID ACTIVE *\n1: a-XDT0000_UUID ACTIVE",
      ),
    ).toEqual([{ kind: "MDT", name: "a-MDT0000", active: true }]);
  });

  test.each([
    ["10.0.0.1@tcp:10.0.0.2@tcp:/testfs", "testfs"],
    ["10.0.0.1@tcp:/testfs/a/b", "testfs"],
    ["/dev/vdb", undefined],
  ])("%s is of %s", (source, name) => expect(fsnameOf(Buffer.from(source))).toBe(name));
});
