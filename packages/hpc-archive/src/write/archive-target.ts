import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, lstat, open, readlink } from "node:fs/promises";
import { causeOf } from "@podheitor/hpc-base";
import { HpcError } from "../common/errors";
import { printable } from "../common/printable";

/**
 * A directory that is held open, so that what is done in it is done in this one, whatever its path
 * leads to by then.
 */
export class HeldDirectory {
  private constructor(
    private readonly handle: FileHandle,
    /** Without symlinks, for messages; relative where the archive's name was. */
    readonly path: Buffer,
    /** Nobody but root and who runs this can exchange it. */
    readonly guarded: boolean,
  ) {}

  static async open(path: string): Promise<HeldDirectory> {
    return new HeldDirectory(await open(path, AS_DIRECTORY), Buffer.from(path), true);
  }

  /**
   * Opens the directory `name` in it and closes this one. Throws the system's error: ENOTDIR for a
   * symlink.
   */
  async enter(name: Buffer): Promise<HeldDirectory> {
    const up = name.equals(DOT_DOT);
    const handle = await open(this.at(name), AS_DIRECTORY | (up ? 0 : constants.O_NOFOLLOW));
    try {
      // ".." of a directory that somebody could move leads where he wants.
      const guarded =
        this.guarded && (up || (await this.guards(await handle.stat({ bigint: true }))));
      await this.close();
      return new HeldDirectory(handle, this.pathOf(name), guarded);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /**
   * A path for system calls that leads to `name` in this very directory. Without /proc it is the
   * plain path.
   */
  at(name: Buffer): Buffer {
    return hasProc
      ? Buffer.concat([Buffer.from(`/proc/self/fd/${this.handle.fd}/`), name])
      : this.pathOf(name);
  }

  /** For messages. */
  pathOf(name: Buffer): Buffer {
    if (this.path.equals(DOT)) return name;
    return Buffer.concat([this.path, ...(this.path.equals(SLASH) ? [] : [SLASH]), name]);
  }

  /** Absolute and without symlinks, as a scan names it; as `path` where /proc is missing. */
  async realPath(): Promise<Buffer> {
    return readlink(`/proc/self/fd/${this.handle.fd}`, { encoding: "buffer" }).catch(
      () => this.path,
    );
  }

  /** The name itself, not followed; undefined: nothing has it. Throws the system's error. */
  async look(name: Buffer): Promise<BigIntStats | undefined> {
    return lstat(this.at(name), { bigint: true }).catch((error: unknown) => {
      if (causeOf(error) === "ENOENT") return undefined;
      throw error;
    });
  }

  /**
   * Whether nobody but root and who runs this can exchange an entry of it: the directory and the
   * entry are theirs, and others may not write to the directory, or it is sticky.
   */
  async guards(entry: BigIntStats): Promise<boolean> {
    const { mode, uid } = await this.handle.stat({ bigint: true });
    const closed = (Number(mode) & WRITABLE_BY_OTHERS) === 0 || (Number(mode) & STICKY) !== 0;
    return isOurs(uid) && isOurs(entry.uid) && closed;
  }

  /** Makes the names in it durable. Throws the system's error. */
  async sync(): Promise<void> {
    const readable = await open(
      this.at(Buffer.from(".")),
      constants.O_RDONLY | constants.O_DIRECTORY,
    );
    await readable.sync().finally(() => readable.close());
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

/** A name in a directory; whoever gets it closes the directory. */
export interface NamedTarget {
  readonly directory: HeldDirectory;
  readonly name: Buffer;
  /** What has the name, which is no symlink and no directory; undefined: nothing. */
  readonly existing: BigIntStats | undefined;
}

const O_PATH = 0o10000000; // Node has no name for it
const AS_DIRECTORY = O_PATH | constants.O_DIRECTORY;
const SLASH = Buffer.from("/");
const DOT = Buffer.from(".");
const DOT_DOT = Buffer.from("..");
const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;
/** Symlinks that one name may lead through, as in the kernel. */
const LINKS_MAX = 40;
const OWN_DESCRIPTORS = new RegExp(`^/proc/(self|${process.pid})/fd$`);

let hasProc = true;

/** Who runs this, and root. */
export function isOurs(uid: bigint): boolean {
  return uid === 0n || uid === BigInt(process.geteuid?.() ?? 0);
}

/**
 * Where the bytes of an archive of this name go: a name in a directory, or the number of a
 * descriptor that this process was started with (/dev/stdout, /dev/fd/3). A symlink, wherever it
 * stands in the path, is followed only if it belongs to root or to who runs this and nobody else
 * can exchange it. Throws HPC_ARCHIVE_OPEN for another one and for a directory, and the system's
 * errors.
 */
export async function findTarget(archive: string): Promise<NamedTarget | number> {
  hasProc = await lstat("/proc/self/fd").then(
    () => true,
    () => false,
  );
  const rest = components(Buffer.from(archive));
  let directory = await HeldDirectory.open(archive.startsWith("/") ? "/" : ".");
  let links = 0;
  try {
    for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
      const text = name.toString("latin1");
      if (text === ".") continue;
      const stat = text === ".." ? undefined : await directory.look(name);
      if (stat?.isSymbolicLink()) {
        if (
          rest.length === 0 &&
          /^\d{1,9}$/.test(text) &&
          OWN_DESCRIPTORS.test(directory.path.toString("latin1"))
        ) {
          await directory.close();
          return Number(text);
        }
        if (++links > LINKS_MAX)
          throw Object.assign(new Error("too many symlinks"), { code: "ELOOP" });
        if (!(directory.guarded && (await directory.guards(stat))))
          throw foreignLink(directory.pathOf(name));
        const target = await readlink(directory.at(name), { encoding: "buffer" });
        rest.unshift(...components(target));
        if (target[0] === 0x2f) {
          await directory.close();
          directory = await HeldDirectory.open("/");
        }
      } else if (rest.length === 0 && text !== ".." && stat?.isDirectory() !== true) {
        return { directory, name, existing: stat };
      } else directory = await directory.enter(name);
    }
    throw new HpcError(
      "HPC_ARCHIVE_OPEN",
      `archive ${archive} is a directory`,
      "Name a file in it.",
    );
  } catch (error) {
    await directory.close().catch(() => undefined);
    throw error;
  }
}

function foreignLink(link: Buffer): HpcError {
  return new HpcError(
    "HPC_ARCHIVE_OPEN",
    `${printable(link)} is a symbolic link that others may change, or that belongs to somebody else: it is not followed`,
    "Give --archive the name that it leads to.",
  );
}

/** Of a path, in their order; a slash at its end stands for ".". */
function components(path: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let start = 0; start < path.length; ) {
    const slash = path.indexOf(0x2f, start);
    const end = slash < 0 ? path.length : slash;
    if (end > start) found.push(path.subarray(start, end));
    start = end + 1;
  }
  if (path.at(-1) === 0x2f) found.push(Buffer.from("."));
  return found;
}
