/**
 * /proc/self/mountinfo (proc(5)): one mount per line,
 *
 *     36 35 98:0 /root /mount/point rw,noatime master:1 - ext4 /dev/sda1 rw,errors=continue
 *     id parent device root point options [optional fields …] - type source super-options
 *
 * Space, tab, newline and backslash in a field are written as `\040 \011 \012 \134`. Fields are
 * bytes, not text.
 */
export interface Mount {
  readonly id: number;
  readonly parent: number;
  /** "major:minor", as st_dev. */
  readonly device: string;
  /** Path within the filesystem that is mounted here. */
  readonly root: Buffer;
  readonly mountPoint: Buffer;
  readonly fstype: string;
  readonly source: Buffer;
  /** Of the filesystem, not of this mount: `rw,flock,nouser_xattr`. */
  readonly options: string;
}

const SLASH = 0x2f;

/**
 * All lines that are well formed; others (a kernel may add kinds that we do not know) are left out.
 */
export function parseMountinfo(text: Buffer): Mount[] {
  const mounts: Mount[] = [];
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf(0x0a, start);
    const end = newline < 0 ? text.length : newline;
    const mount = parseLine(text.subarray(start, end));
    if (mount !== undefined) mounts.push(mount);
    start = end + 1;
  }
  return mounts;
}

function parseLine(line: Buffer): Mount | undefined {
  // latin1 keeps every byte as one character, so splitting a string loses nothing.
  const fields = line.toString("latin1").split(" ");
  const separator = fields.indexOf("-", 6);
  const [id, parent, device, root, point] = fields;
  const fstype = fields[separator + 1];
  const source = fields[separator + 2];
  if (separator < 0 || root === undefined || point === undefined || fstype === undefined)
    return undefined;
  if (!/^\d+$/.test(id ?? "") || !/^\d+$/.test(parent ?? "") || !/^\d+:\d+$/.test(device ?? ""))
    return undefined;
  if (!point.startsWith("/")) return undefined;
  return {
    id: Number(id),
    parent: Number(parent),
    device: device ?? "",
    root: unescapeField(root),
    mountPoint: unescapeField(point),
    fstype: unescapeField(fstype).toString("latin1"),
    source: unescapeField(source ?? ""),
    options: fields[separator + 3] ?? "",
  };
}

/**
 * Three octal digits after a backslash are one byte; a backslash before anything else is itself.
 */
function unescapeField(field: string): Buffer {
  return Buffer.from(
    field.replace(/\\([0-3][0-7]{2})/g, (_all, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    ),
    "latin1",
  );
}

/** Is `path` the directory `point` or below it? "/a/bc" is not below "/a/b". */
export function isAtOrBelow(path: Buffer, point: Buffer): boolean {
  const length = point.length;
  if (path.length < length || path.compare(point, 0, length, 0, length) !== 0) return false;
  return path.length === length || point[length - 1] === SLASH || path[length] === SLASH;
}

/**
 * The mount that holds `path` (absolute, no symlinks, no `.` or `..`), found as the kernel does:
 * from the topmost mount downwards, crossing each mount point that is met. That gives the longest
 * mount point that is a prefix on component borders; of several mounts over each other the last;
 * and never one that a later mount higher up has covered.
 */
export function mountOf(path: Buffer, mounts: readonly Mount[]): Mount | undefined {
  const ids = new Set(mounts.map((mount) => mount.id));
  const over = mounts.filter((mount) => isAtOrBelow(path, mount.mountPoint));
  // In a chroot or a container the parents of the topmost mounts are not listed.
  let current = firstMet(
    over.filter((mount) => mount.parent === mount.id || !ids.has(mount.parent)),
  );
  // A path crosses each mount at most once, so this ends even if the table is damaged and has a
  // cycle.
  for (let steps = 0; current !== undefined && steps < over.length; steps++) {
    const parent: Mount = current;
    const child = firstMet(
      over.filter((mount) => mount.parent === parent.id && mount.id !== parent.id),
    );
    if (child === undefined) break;
    current = child;
  }
  return current;
}

/** The shortest mount point; the last of those that are equal. */
function firstMet(candidates: readonly Mount[]): Mount | undefined {
  return candidates.reduce<Mount | undefined>(
    (best, mount) =>
      best === undefined || mount.mountPoint.length <= best.mountPoint.length ? mount : best,
    undefined,
  );
}
