import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { isAtOrBelow, type Mount, mountOf, parseMountinfo } from "./mountinfo";

/** How the kernel writes a field. */
function escaped(bytes: Buffer): string {
  return bytes
    .toString("latin1")
    .replace(/[ \t\n\\]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}`);
}

function line(mount: Mount, optional: readonly string[] = []): string {
  const head = [
    mount.id,
    mount.parent,
    mount.device,
    escaped(mount.root),
    escaped(mount.mountPoint),
    "rw,noatime",
  ];
  return [...head, ...optional, "-", mount.fstype, escaped(mount.source), mount.options].join(" ");
}

const mounted = (id: number, parent: number, point: string, source = `s${id}`): Mount => ({
  id,
  parent,
  device: `0:${id}`,
  root: Buffer.from("/"),
  mountPoint: Buffer.from(point, "latin1"),
  fstype: "ext4",
  source: Buffer.from(source, "latin1"),
  options: "rw",
});
const sourceAt = (path: string, mounts: Mount[]) =>
  mountOf(Buffer.from(path, "latin1"), mounts)?.source.toString();

const component = fc
  .uint8Array({ minLength: 1, maxLength: 6 })
  .map((a) => Buffer.from(a.map((byte) => (byte === 0 || byte === 0x2f ? 0x5c : byte))));
const path = fc
  .array(component, { maxLength: 4 })
  .map((parts) => Buffer.from(`/${parts.map((p) => p.toString("latin1")).join("/")}`, "latin1"));
const anyMount: fc.Arbitrary<Mount> = fc.record({
  id: fc.nat(1000),
  parent: fc.nat(1000),
  device: fc.constant("0:35"),
  root: path,
  mountPoint: path,
  fstype: fc.constantFrom("lustre", "fuse.ceph-fuse", "ext4"),
  source: fc.oneof(component, fc.constant(Buffer.alloc(0))),
  options: fc.constantFrom("rw", "rw,flock,nouser_xattr", ""),
});

describe("parseMountinfo", () => {
  test("reads any bytes back that the kernel's escaping can write, with any optional fields", () => {
    const optional = fc.array(
      fc.constantFrom("shared:3", "master:1", "propagate_from:2", "unbindable"),
      {
        maxLength: 3,
      },
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(anyMount, optional)), (list) => {
        const text = list.map(([mount, fields]) => `${line(mount, fields)}\n`).join("");
        expect(parseMountinfo(Buffer.from(text, "latin1"))).toEqual(list.map(([mount]) => mount));
      }),
    );
  });

  test("is not upset by garbage", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        (text) => void parseMountinfo(Buffer.from(text)),
      ),
    );
    fc.assert(
      fc.property(anyMount, fc.nat(), fc.nat(255), (mount, where, value) => {
        const text = Buffer.from(line(mount), "latin1");
        text[where % text.length] = value;
        expect(parseMountinfo(text).length).toBeLessThanOrEqual(2);
      }),
    );
  });

  test("a well-formed line survives broken neighbours and a missing last newline", () => {
    const good = mounted(5, 1, "/a b\\c\n\xff");
    const text = `\n1 2 3\n5 x 0:1 / /q rw - ext4 s rw\n${line(good)}`;
    expect(parseMountinfo(Buffer.from(text, "latin1"))).toEqual([good]);
  });
});

describe("mountOf", () => {
  test("the longest mount point on component borders", () => {
    const mounts = [
      mounted(1, 0, "/"),
      mounted(2, 1, "/a"),
      mounted(3, 2, "/a/b"),
      mounted(4, 1, "/a b"),
    ];
    const paths = ["/", "/a", "/a/b", "/a/b/c", "/a/bc", "/ab", "/a b/x"];
    expect(paths.map((p) => sourceAt(p, mounts))).toEqual([
      "s1",
      "s2",
      "s3",
      "s3",
      "s2",
      "s1",
      "s4",
    ]);
  });

  test("the last of several mounts over each other, in whatever order the table lists them", () => {
    const mounts = [mounted(3, 2, "/a"), mounted(1, 0, "/"), mounted(2, 1, "/a")];
    expect(sourceAt("/a/x", mounts)).toBe("s3");
  });

  test("a mount that a later one higher up has covered is not seen", () => {
    const mounts = [
      mounted(1, 0, "/"),
      mounted(2, 1, "/a"),
      mounted(3, 2, "/a/b"),
      mounted(4, 2, "/a"),
    ];
    expect(sourceAt("/a/b/x", mounts)).toBe("s4");
  });

  test("without a root mount (chroot) only what is listed is known; a table with a cycle still ends", () => {
    expect(sourceAt("/data/x", [mounted(9, 7, "/proc")])).toBeUndefined();
    expect(sourceAt("/proc/x", [mounted(9, 7, "/proc")])).toBe("s9");
    expect(
      sourceAt("/a", [
        mounted(1, 0, "/"),
        mounted(2, 1, "/a"),
        mounted(3, 2, "/a"),
        mounted(2, 3, "/a"),
      ]),
    ).toMatch(/^s/);
  });

  test("property: the result holds the path, and nothing uncovered is longer", () => {
    // Trees in which every mount sits on its nearest mounted ancestor, so nothing is covered.
    const points = fc.uniqueArray(path, { selector: (p) => p.toString("latin1"), maxLength: 8 });
    fc.assert(
      fc.property(points, path, (others, target) => {
        const all = [Buffer.from("/"), ...others.filter((p) => p.length > 1)].sort(
          (a, b) => a.length - b.length,
        );
        const longest = (p: Buffer) =>
          all.findLastIndex((candidate) => isAtOrBelow(p, candidate) && !candidate.equals(p));
        const mounts = all.map((p, i) => mounted(i + 1, longest(p) + 1, p.toString("latin1")));
        const expected = all.findLast((candidate) => isAtOrBelow(target, candidate));
        expect(mountOf(target, mounts)?.mountPoint).toEqual(expected);
      }),
    );
  });

  test("agrees with the kernel: each mount point of this machine has the device number of its mount", () => {
    const mounts = parseMountinfo(readFileSync("/proc/self/mountinfo"));
    const seen = mounts.filter(
      ({ mountPoint, fstype }) => fstype !== "btrfs" && canStat(mountPoint),
    );
    expect(seen.length).toBeGreaterThan(0);
    for (const { mountPoint } of seen)
      expect(mountOf(mountPoint, mounts)?.device).toBe(deviceOf(mountPoint));
  });

  const canMount = spawnSync("unshare", ["-m", "true"]).status === 0;
  (canMount ? test : test.skip)("agrees with the kernel on mounts over mounts (needs root)", () => {
    // A private mount namespace: nothing of this is seen outside, and all of it ends with the
    // shell.
    const script = `
      d=$(mktemp -d) && mount -t tmpfs one "$d" && mkdir "$d/a b" && mount -t tmpfs two "$d/a b" && mkdir "$d/a b/c" &&
      mount -t tmpfs three "$d/a b/c" && mount -t tmpfs four "$d/a b" && mkdir "$d/a b/c" && mount -t tmpfs five "$d" &&
      mkdir -p "$d/a b/c" && mount -t tmpfs six "$d/a b" && mkdir "$d/a b/c" && for p in "$d" "$d/a b" "$d/a b/c"; do
      stat -c '%Hd:%Ld %n' "$p"; done && echo && cat /proc/self/mountinfo; umount -l "$d"; umount -l "$d"; rmdir "$d"`;
    const out = execFileSync("unshare", ["-m", "sh", "-c", script], { encoding: "latin1" });
    const split = out.indexOf("\n\n");
    const mounts = parseMountinfo(Buffer.from(out.slice(split + 2), "latin1"));
    const stats = out.slice(0, split).split("\n");
    expect(stats).toHaveLength(3);
    const sources = stats.map((text) => {
      const [device, ...name] = text.split(" ");
      const mount = mountOf(Buffer.from(name.join(" "), "latin1"), mounts);
      expect(mount?.device).toBe(device);
      return mount?.source.toString();
    });
    expect(sources).toEqual(["five", "six", "six"]);
  });
});

function canStat(point: Buffer): boolean {
  try {
    statSync(point);
    return true;
  } catch {
    return false; // covered by another mount, or not ours to see
  }
}

/** "major:minor" of the device that `path` is on, from Linux's 64-bit encoding of st_dev. */
function deviceOf(path: Buffer): string {
  const { dev } = statSync(path, { bigint: true });
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}
