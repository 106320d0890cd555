import { readFileSync, realpathSync, statfsSync } from "node:fs";
import { readFile, realpath, statfs } from "node:fs/promises";
import { declaredType, type FilesystemType } from "./filesystem-types";
import { type Mount, mountOf, parseMountinfo } from "./mountinfo";

export interface Filesystem {
  readonly type: FilesystemType;
  /**
   * The type as mountinfo writes it ("ext4", "fuse.ceph-fuse"); "" when the mount is not listed.
   */
  readonly fstype: string;
  /** statfs(2) f_type as an unsigned 32-bit number. */
  readonly magic: number;
  /** Where it is mounted; undefined when the mount is not listed (some chroots and containers). */
  readonly mountPoint: Buffer | undefined;
  /** Whether all of the filesystem is mounted there, not one directory of it. */
  readonly isWhole: boolean;
  /** The filesystem's own mount options: `rw,flock,nouser_xattr`. */
  readonly options: string;
  /** What is mounted: a device, `mgs@tcp:/fsname`, `server:/export`. */
  readonly source: Buffer;
  /** Lustre, GPFS, CephFS, BeeGFS, WekaFS: many servers, so many requests at once pay. */
  readonly isParallel: boolean;
  /**
   * A metadata operation may be a round trip. True for FUSE as well: nobody can see what is behind
   * it.
   */
  readonly isNetwork: boolean;
}

const SLASH = Buffer.from("/");
const MAGIC_FUSE = 0x65735546;

/**
 * f_type of statfs(2), used only where mountinfo has no line: FUSE and NFS exports hide what is
 * behind them.
 */
const BY_MAGIC: ReadonlyMap<number, FilesystemType> = new Map([
  [0x0bd00bd0, "lustre"],
  [0x0bd00bd1, "lustre-target"],
  [0x47504653, "gpfs"],
  [0x00c36400, "cephfs"],
  [0x19830326, "beegfs"],
  [0x6969, "nfs"],
  [0xff534d42, "cifs"],
  [0xfe534d42, "cifs"],
  [MAGIC_FUSE, "fuse"],
  [0xef53, "ext4"],
  [0x58465342, "xfs"],
  [0x9123683e, "btrfs"],
  [0x2fc12fc1, "zfs"],
  [0x01021994, "tmpfs"],
  [0x794c7630, "overlay"],
]);

const BY_FSTYPE: ReadonlyMap<string, FilesystemType> = new Map([
  ["lustre_tgt", "lustre-target"],
  ["gpfs", "gpfs"],
  ["ceph", "cephfs"],
  ["fuse.ceph-fuse", "cephfs"],
  ["fuse.ceph", "cephfs"],
  ["beegfs", "beegfs"],
  ["wekafs", "weka"],
  ["nfs", "nfs"],
  ["nfs4", "nfs"],
  ["cifs", "cifs"],
  ["smb3", "cifs"],
  ["fuse", "fuse"],
  ["fuseblk", "fuse"],
  ["ext2", "ext4"],
  ["ext3", "ext4"],
  ["ext4", "ext4"],
  ["xfs", "xfs"],
  ["btrfs", "btrfs"],
  ["zfs", "zfs"],
  ["tmpfs", "tmpfs"],
  ["overlay", "overlay"],
]);

const PARALLEL: ReadonlySet<FilesystemType> = new Set([
  "lustre",
  "gpfs",
  "cephfs",
  "beegfs",
  "weka",
]);
const NETWORK: ReadonlySet<FilesystemType> = new Set([...PARALLEL, "nfs", "cifs", "fuse"]);
/** Network filesystems that we know by name only to count them as such. */
const OTHER_NETWORK = /^(9p|afs|virtiofs|glusterfs|orangefs|pvfs2|panfs|ncpfs|smbfs|coda)$/;

/**
 * Which filesystem is `path` on? Symlinks are followed. Throws the system's error (ENOENT, EACCES
 * …) when the path cannot be reached. Blocks as long as the filesystem's server does.
 */
export function filesystemOf(path: Buffer): Filesystem {
  // statfs first: it makes an automounter mount what mountinfo is then asked about.
  const magic = Number(BigInt.asUintN(32, statfsSync(path, { bigint: true }).type));
  const real = realpathSync.native(path, { encoding: "buffer" });
  return describeFilesystem(magic, mountOf(real, mounts()));
}

/** As {@link filesystemOf}, and only its promise waits for the server. */
export async function askFilesystem(path: Buffer): Promise<Filesystem> {
  const magic = Number(BigInt.asUintN(32, (await statfs(path, { bigint: true })).type));
  const real = await realpath(path, { encoding: "buffer" });
  return describeFilesystem(
    magic,
    mountOf(real, parseMountinfo(await readFile("/proc/self/mountinfo"))),
  );
}

/**
 * The same by the table of mounts alone, for a path that cannot be reached: nothing of the
 * filesystem is asked, and symlinks are not followed. undefined: the table does not tell. `path`:
 * absolute, without `.` and `..`.
 */
export function filesystemByMounts(path: Buffer): Filesystem | undefined {
  const mount = mountOf(path, mounts());
  return mount === undefined ? undefined : describeFilesystem(0, mount);
}

/** Empty where there is no /proc, as in some containers: then the magic number alone tells. */
function mounts(): Mount[] {
  let text: Buffer;
  try {
    text = readFileSync("/proc/self/mountinfo");
  } catch {
    return [];
  }
  return parseMountinfo(text);
}

/** The pure half of {@link filesystemOf}. */
export function describeFilesystem(magic: number, mount: Mount | undefined): Filesystem {
  const fstype = mount?.fstype ?? "";
  const type = mount === undefined ? (BY_MAGIC.get(magic) ?? "other") : typeOfMount(mount);
  return {
    type,
    fstype,
    magic,
    mountPoint: mount?.mountPoint,
    isWhole: mount === undefined || isWhole(mount, type),
    options: mount?.options ?? "",
    source: mount?.source ?? Buffer.alloc(0),
    isParallel: PARALLEL.has(type),
    isNetwork: NETWORK.has(type) || OTHER_NETWORK.test(fstype),
  };
}

/**
 * What is mounted of a filesystem stands in its source (`mgs@tcp:/fsname/dir`,
 * `user@fsid.name=/dir`, `mon:6789:/dir`); of a bind mount in its root.
 */
function isWhole({ root, source }: Mount, type: FilesystemType): boolean {
  if (!root.equals(SLASH)) return false;
  const text = source.toString("latin1");
  if (type === "lustre") return !/:\/[^/]+\/+[^/]/.test(text);
  return type !== "cephfs" || !/[:=]\/+[^/]/.test(text);
}

function typeOfMount({ fstype, source }: Mount): FilesystemType {
  // A server target is mounted as "lustre" too in older releases; only a client's source names
  // `nid:/fsname`.
  if (fstype === "lustre") return source.includes(":/") ? "lustre" : "lustre-target";
  return (
    BY_FSTYPE.get(fstype) ?? declaredType(fstype) ?? (fstype.startsWith("fuse.") ? "fuse" : "other")
  );
}
