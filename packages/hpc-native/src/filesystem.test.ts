import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { describeFilesystem, filesystemOf } from "./filesystem";
import { defaultThreads, NETWORK_THREADS } from "./limits";
import { mountOf, parseMountinfo } from "./mountinfo";

/** Lines as the clients of these filesystems write them. */
const TABLE = Buffer.from(`\
1 0 8:1 / / rw - ext4 /dev/sda1 rw
2 1 0:40 / /lustre rw shared:5 - lustre 10.0.0.1@tcp:10.0.0.2@tcp:/fsname rw,flock
3 1 0:41 / /mnt/ost0 rw - lustre /dev/sdb ro
4 1 0:42 / /mnt/ost1 rw - lustre_tgt /dev/sdc ro
5 1 0:43 / /gpfs rw - gpfs fs1 rw
6 1 0:44 / /ceph rw - ceph user@0f.cephfs=/ rw
7 1 0:45 / /ceph-fuse rw - fuse.ceph-fuse ceph-fuse rw
8 1 0:46 / /beegfs rw - beegfs beegfs_nodev rw
9 1 0:47 / /weka rw - wekafs host/default rw
10 1 0:48 / /home rw - nfs4 server:/export/home rw
11 1 0:49 / /sshfs rw - fuse.sshfs user@host: rw
12 1 0:50 / /host rw - virtiofs share rw
13 1 0:51 / /ramdisk rw - tmpfs tmpfs rw
`);
const at = (path: string, magic = 0) =>
  describeFilesystem(magic, mountOf(Buffer.from(path), parseMountinfo(TABLE)));

describe("describeFilesystem", () => {
  test.each([
    ["/lustre/a", "lustre", true, true],
    ["/mnt/ost0", "lustre-target", false, false],
    ["/mnt/ost1", "lustre-target", false, false],
    ["/gpfs", "gpfs", true, true],
    ["/ceph/x", "cephfs", true, true],
    ["/ceph-fuse", "cephfs", true, true],
    ["/beegfs", "beegfs", true, true],
    ["/weka", "weka", true, true],
    ["/home/u", "nfs", false, true],
    ["/sshfs", "fuse", false, true],
    ["/host", "other", false, true],
    ["/ramdisk/x", "tmpfs", false, false],
    ["/etc", "ext4", false, false],
  ])("%s is %s", (path, type, isParallel, isNetwork) => {
    expect(at(path)).toMatchObject({ type, isParallel, isNetwork });
  });

  test.each([
    ["/", "10.0.0.1@tcp:/testfs", "lustre", true],
    ["/", "10.0.0.1@tcp:10.0.0.2@tcp:/testfs/", "lustre", true],
    ["/", "10.0.0.1@tcp:/testfs/tree/d33", "lustre", false],
    ["/", "10.0.0.1@tcp:/testfs//d", "lustre", false],
    ["/tree/d33", "10.0.0.1@tcp:/testfs", "lustre", false],
    ["/", "user@0f.cephfs=/", "ceph", true],
    ["/", "user@0f.cephfs=/volumes/a", "ceph", false],
    ["/", "mon1,mon2:6789:/", "ceph", true],
    ["/", "mon1,mon2:6789:/a", "ceph", false],
    ["/", "fs1", "gpfs", true],
    ["/fileset", "fs1", "gpfs", false],
  ])(
    "root field %s and source %s of %s: the whole filesystem: %s",
    (root, source, fstype, isWhole) => {
      const line = Buffer.from(`5 1 0:43 ${root} /m rw - ${fstype} ${source} rw\n`);
      expect(describeFilesystem(0, mountOf(Buffer.from("/m"), parseMountinfo(line)))).toMatchObject(
        { isWhole },
      );
    },
  );

  test("the mount table decides, not the magic: FUSE hides what is behind it", () => {
    expect(at("/ceph-fuse", 0x65735546)).toMatchObject({
      type: "cephfs",
      magic: 0x65735546,
      fstype: "fuse.ceph-fuse",
    });
  });

  test("without a line in the mount table the magic is all there is", () => {
    expect(describeFilesystem(0x0bd00bd0, undefined)).toMatchObject({
      type: "lustre",
      isParallel: true,
    });
    expect(describeFilesystem(1, undefined)).toMatchObject({
      type: "other",
      mountPoint: undefined,
      isNetwork: false,
    });
  });
});

describe("filesystemOf", () => {
  test("agrees with stat(1) and findmnt(8) on this machine", () => {
    for (const path of ["/", "/proc", "/dev/shm", tmpdir(), __dirname]) {
      const found = filesystemOf(Buffer.from(path));
      expect(found.magic.toString(16)).toBe(
        execFileSync("stat", ["-f", "-c", "%t", path], { encoding: "latin1" }).trim(),
      );
      const [fstype, point] = execFileSync("findmnt", ["-n", "-o", "FSTYPE,TARGET", "-T", path], {
        encoding: "latin1",
      })
        .trim()
        .split(/\s+/)
        .slice(-2);
      expect([found.fstype, found.mountPoint?.toString()]).toEqual([fstype, point]);
    }
  });

  test("follows symlinks, takes names that are not UTF-8, and names what is missing", () => {
    const dir = mkdtempSync(join(tmpdir(), "hpc-fs-"));
    try {
      const odd = Buffer.concat([Buffer.from(`${dir}/`), Buffer.from([0xff, 0x0a])]);
      mkdirSync(odd);
      symlinkSync("/proc", `${dir}/link`);
      expect(filesystemOf(odd).type).toBe(filesystemOf(Buffer.from(dir)).type);
      expect(filesystemOf(Buffer.from(`${dir}/link`)).fstype).toBe("proc");
      expect(() => filesystemOf(Buffer.from(`${dir}/none`))).toThrow(
        expect.objectContaining({ code: "ENOENT" }),
      );
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

test("defaultThreads: many where each operation is a round trip, few where it is not", () => {
  expect(defaultThreads(at("/lustre"))).toBe(NETWORK_THREADS);
  expect([1, 4, 100].map((mdts) => defaultThreads(at("/lustre"), mdts))).toEqual([8, 32, 64]);
  expect(defaultThreads(at("/etc"), undefined, 6)).toBe(12);
});
