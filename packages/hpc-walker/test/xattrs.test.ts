import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { RecordType } from "@podheitor/hpc-wire";
import { openNativeScanner } from "../src/native/native-scanner";
import { RecordCursor } from "../src/records/record";

const OURS = "podheitor.";
const scratch = mkdtempSync(join(tmpdir(), "hpc-xattrs-"));
const tree = join(scratch, "tree");
const run = (script: string, cwd = tree) =>
  execFileSync("bash", ["-ec", script], { cwd, encoding: "latin1" });
afterAll(() => void execFileSync("rm", ["-rf", scratch]));

type Attributes = Record<string, string>;

interface Scanned {
  readonly attributes: Map<string, Attributes>;
  readonly content: Map<string, string | undefined>;
}

/** path → name → value, hex. */
async function scan(path: string, inlineBytes: number): Promise<Scanned> {
  const scanner = openNativeScanner({
    paths: [Buffer.from(path)],
    threads: 2,
    inlineBytes,
    keepOlder: false,
    serialDirectories: false,
    ringEntries: 8192,
    ringBytes: 1 << 20,
    xattrs: true,
  });
  const attributes = new Map<string, Attributes>();
  const content = new Map<string, string | undefined>();
  const cursor = new RecordCursor();
  try {
    for (let batch = await scanner.next(); batch; batch = await scanner.next()) {
      for (cursor.reset(batch.bytes); cursor.next(); ) {
        if (cursor.type !== RecordType.ENTRY) continue;
        expect(cursor.xattrError).toBe(0);
        const name = cursor.name.toString("latin1");
        const whole =
          name === "" ? cursor.dir.toString("latin1") : `${cursor.dir.toString("latin1")}/${name}`;
        attributes.set(whole, decode(cursor.xattrs));
        content.set(whole, cursor.content?.toString("latin1"));
      }
    }
    expect(scanner.stats().xattrFailed).toBe(0);
    return { attributes, content };
  } finally {
    await scanner.close();
  }
}

function decode(block: Buffer): Attributes {
  const found: Attributes = {};
  for (let at = 0; at < block.length; ) {
    const [nameLength, flags, valueLength] = [
      block.readUInt16LE(at),
      block.readUInt16LE(at + 2),
      block.readUInt32LE(at + 4),
    ];
    expect(flags).toBe(0);
    const value = at + 8 + nameLength;
    found[block.toString("latin1", at + 8, value)] = block.toString(
      "hex",
      value,
      value + valueLength,
    );
    at = value + valueLength;
  }
  return found;
}

/** The same by getfattr(1), which writes bytes that are not printable as octal escapes. */
function getfattr(path: string): Map<string, Attributes> {
  const out = execFileSync(
    "getfattr",
    ["-R", "-h", "-d", "-m", "-", "-e", "hex", "--absolute-names", path],
    {
      encoding: "latin1",
    },
  );
  const plain = (text: string) =>
    text.replace(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
  const all = new Map<string, Attributes>();
  for (const group of out.split("\n\n")) {
    const [head, ...lines] = group.split("\n").filter((line) => line !== "");
    if (head === undefined) continue;
    // An empty value is written as the name alone, or as "0x".
    const pairs = lines.map((line) => /^(.*?)(?:=(?:0x)?([0-9a-f]*))?$/s.exec(line) ?? []);
    all.set(
      plain(head.replace("# file: ", "")),
      Object.fromEntries(pairs.map(([, name = "", value = ""]) => [plain(name), value])),
    );
  }
  return all;
}

const withoutOurs = (attributes: Attributes) =>
  Object.fromEntries(Object.entries(attributes).filter(([name]) => !name.startsWith(OURS)));

beforeAll(() => {
  mkdirSync(tree);
  run(`mkdir dir dir/sub; printf small > small; head -c 5000 /dev/zero | tr '\\0' x > large; : > empty; mkfifo fifo; ln -s small link; touch $'odd\\n\\xff'
    setfattr -n user.comment -v hello small; setfattr -n user.binary -v 0x00ff0a small; setfattr -n user.nothing small
    setfattr -n $'user.odd name\\n\\xff' -v x large; setfattr -n user.e -v 1 empty; setfattr -n user.d -v 2 dir; setfattr -n user.n -v 3 $'odd\\n\\xff'
    setfacl -m u:12345:rw,g:54321:r small large; setfacl -d -m u:12345:rwx dir; setfacl -m g:7:x dir/sub; chmod 600 empty`);
  if (process.getuid?.() === 0) {
    run(`setfattr -h -n trusted.t -v 1 link; setfattr -n trusted.f -v 1 fifo; setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 small
      setfattr -n trusted.lov -v 1 large; setfattr -n trusted.overlay.opaque -v y dir`);
  }
});

describe("extended attributes", () => {
  test.each([0, 4096])(
    "are what getfattr reads, with content up to %i bytes",
    async (inlineBytes) => {
      const { attributes, content } = await scan(tree, inlineBytes);
      const judged = getfattr(tree);
      expect(judged.size).toBeGreaterThan(6);
      for (const [path, all] of judged) {
        const kept = Object.entries(all).filter(
          ([name]) => !/^trusted\.(lov|overlay\.)/.test(name),
        );
        expect([path, withoutOurs(attributes.get(path) ?? {})]).toEqual([
          path,
          Object.fromEntries(kept),
        ]);
      }
      const others = [...attributes].filter(([path]) => !judged.has(path));
      expect(others.flatMap(([, all]) => Object.keys(withoutOurs(all)))).toEqual([]);
      expect(content.get(join(tree, "small"))).toBe(inlineBytes > 0 ? "small" : undefined);
    },
  );

  test("hold ACLs that mean to getfacl what the file's own do", async () => {
    const { attributes } = await scan(tree, 0);
    for (const name of ["small", "large", "dir", "dir/sub"]) {
      const copy = join(scratch, `copy-of-${name.replace("/", "-")}`);
      if (name.startsWith("dir")) mkdirSync(copy);
      else writeFileSync(copy, "");
      const acls = Object.entries(attributes.get(join(tree, name)) ?? {}).filter(([key]) =>
        key.startsWith("system.posix_acl_"),
      );
      expect(acls.length).toBeGreaterThan(0);
      for (const [key, value] of acls)
        execFileSync("setfattr", ["-n", key, "-v", `0x${value}`, copy]);
      const acl = (path: string) => execFileSync("getfacl", ["-cpn", path], { encoding: "latin1" });
      expect(acl(copy)).toBe(acl(join(tree, name)));
    }
  });

  test("tell the inode flags that chattr set", async () => {
    const file = join(tree, "flagged");
    writeFileSync(file, "x");
    if (spawnSync("chattr", ["+ad", file]).status !== 0) return; // not on this filesystem, or not for us
    try {
      const flags = (await scan(file, 0)).attributes.get(file)?.["podheitor.flags"] ?? "";
      expect(Buffer.from(flags, "hex").readUInt32LE() & 0x60).toBe(0x60); // FS_APPEND_FL, FS_NODUMP_FL
    } finally {
      execFileSync("chattr", ["-ad", file]);
    }
    expect((await scan(file, 0)).attributes.get(file)).toEqual({});
  });

  test("tell project ids, where the kernel can without opening the file", async () => {
    const source = join(scratch, "source");
    const mount = join(scratch, "mount");
    for (const path of [source, join(source, "d"), mount]) mkdirSync(path);
    writeFileSync(join(source, "f"), "x");
    // Built and mounted read-only, so that the kernel needs no quota support. 0x20080000: extents,
    // and inherited by what is made below.
    const made = spawnSync(
      "bash",
      [
        "-ec",
        `truncate -s 20M image; mkfs.ext4 -q -I 256 -O project,quota -d source image
      debugfs -w -R "sif f projid 77" image; debugfs -w -R "sif d projid 78" image; debugfs -w -R "sif d flags 0x20080000" image
      mount -o loop,ro image mount`,
      ],
      { cwd: scratch },
    );
    if (made.status !== 0 || !kernelAtLeast(6, 17)) {
      if (made.status === 0) execFileSync("umount", [mount]);
      return;
    }
    try {
      const { attributes } = await scan(mount, 0);
      const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer).toString("hex");
      expect(attributes.get(join(mount, "f"))).toEqual({ "podheitor.project": u32(77) });
      expect(attributes.get(join(mount, "d"))).toEqual({
        "podheitor.project": u32(78),
        "podheitor.flags": u32(0x20000000),
      });
      expect(attributes.get(mount)).toEqual({});
    } finally {
      execFileSync("umount", [mount]);
    }
  });
});

function kernelAtLeast(major: number, minor: number): boolean {
  const [a = 0, b = 0] = execFileSync("uname", ["-r"], { encoding: "latin1" })
    .split(".")
    .map(Number);
  return a > major || (a === major && b >= minor);
}
