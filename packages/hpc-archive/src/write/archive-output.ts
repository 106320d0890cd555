import { randomBytes } from "node:crypto";
import { type BigIntStats, close, constants, fstat, fsync, open as openCallback } from "node:fs";
import { type FileHandle, lstat, open, rename, unlink } from "node:fs/promises";
import { setTimeout as after } from "node:timers/promises";
import { promisify } from "node:util";
import { causeOf } from "@podheitor/hpc-base";
import { HpcError } from "../common/errors";
import { printable } from "../common/printable";
import { FIFO_POLL_MS, SIBLINGS_MAX } from "../limits";
import { findTarget, type HeldDirectory, isOurs, type NamedTarget } from "./archive-target";
import { type ByteSink, fileSink, ownPipe, sinkOf } from "./byte-sink";
import { rememberOutput } from "./own-outputs";
import { shardSetOf } from "./shard-archives";

/** Where an archive is written. Exactly one of `commit` and `discard` ends it. */
export interface ArchiveOutput {
  readonly sink: ByteSink;
  /**
   * Makes it durable, and lets a regular file appear under its name. Resolves to what is to be
   * warned of.
   */
  commit(): Promise<string | undefined>;
  /** Leaves no partial file; what went to a pipe or device cannot be taken back. */
  discard(): Promise<void>;
}

type SpecialTarget = NamedTarget & { readonly existing: BigIntStats };

/** Of a name that is made too long by what is added to it, so many bytes stay. */
const PARTIAL_NAME = 200;
/** A name that somebody else has already is tried again with another one. */
const PARTIAL_TRIES = 8;
const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;
const openFd = promisify(openCallback);
const closeFd = promisify(close);
const fsyncFd = promisify(fsync);
const fstatBig: (fd: number, options: { bigint: true }) => Promise<BigIntStats> = promisify(fstat);
const ENXIO = "ENXIO"; // of a fifo that nobody reads

/**
 * Opens `archive` for writing: "-" is standard output; a device or fifo that is root's or the
 * caller's own is written in place; anything else is written as `archive.partial-…` in the same
 * directory and renamed when it is complete. A symlink leads on where `findTarget` says.
 * Throws HPC_ARCHIVE_OPEN, and the signal's reason while nobody reads the fifo.
 */
export async function openArchiveOutput(
  archive: string,
  signal?: AbortSignal,
): Promise<ArchiveOutput> {
  try {
    const target = archive === "-" ? 1 : await findTarget(archive);
    if (typeof target === "number") return await toDescriptor(target);
    const { directory, name, existing } = target;
    if (existing === undefined || existing.isFile()) return await partial(target);
    try {
      return await inPlace({ directory, name, existing }, signal);
    } finally {
      await directory.close();
    }
  } catch (error) {
    if (error instanceof HpcError || signal?.aborted) throw error;
    throw new HpcError(
      "HPC_ARCHIVE_OPEN",
      `archive ${archive} cannot be created: ${causeOf(error)}`,
      causeOf(error) === "ELOOP"
        ? "Its symbolic links lead in a circle, or through too many: name the file that is meant."
        : "Check that its directory exists, is writable and has room.",
    );
  }
}

async function toDescriptor(fd: number): Promise<ArchiveOutput> {
  const forget = rememberOutput([{ stat: await fstatBig(fd, { bigint: true }) }]);
  return {
    sink: sinkOf(fd),
    async commit() {
      forget();
      return undefined;
    },
    discard: async () => forget(),
  };
}

/** What is not a file gets nothing before the opened descriptor has told whose it is. */
async function inPlace(
  { directory, name, existing }: SpecialTarget,
  signal?: AbortSignal,
): Promise<ArchiveOutput> {
  // So that a fifo of somebody else does not even hear of us.
  requireOurs(existing, directory.pathOf(name));
  const guarded = directory.guarded && (await directory.guards(existing));
  // A fifo that took a device's place must not block; a device that nobody could exchange is
  // written as devices are.
  const wait = guarded && !existing.isFIFO() ? 0 : O_NONBLOCK;
  const fd = await openReader(directory.at(name), O_WRONLY | O_NOFOLLOW | O_NOCTTY | wait, signal);
  try {
    const stat = await fstatBig(fd, { bigint: true });
    requireOurs(stat, directory.pathOf(name));
    if (stat.isFIFO()) {
      const pipe = ownPipe(fd);
      const end = async (): Promise<undefined> => {
        pipe.close();
        return undefined;
      };
      return { sink: pipe.sink, commit: end, discard: end };
    }
    return {
      sink: fileSink(fd),
      async commit() {
        if (stat.isBlockDevice()) await fsyncFd(fd);
        await closeFd(fd);
        return undefined;
      },
      discard: () => closeFd(fd),
    };
  } catch (error) {
    await closeFd(fd);
    throw error;
  }
}

/** Waits until a fifo has a reader. */
async function openReader(
  path: Buffer,
  flags: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  for (;;) {
    try {
      return await openFd(path, flags);
    } catch (error) {
      if (causeOf(error) !== ENXIO || !(await lstat(path)).isFIFO()) throw error;
    }
    await after(FIFO_POLL_MS, undefined, signal === undefined ? {} : { signal });
  }
}

function requireOurs(stat: BigIntStats, path: Buffer): void {
  if (stat.isFile() || stat.isDirectory())
    throw Object.assign(new Error("exchanged"), { code: "EBUSY" });
  if (isOurs(stat.uid)) return;
  throw new HpcError(
    "HPC_ARCHIVE_OPEN",
    `archive ${printable(path)} is a fifo or device of uid ${stat.uid}: whoever owns it would get the whole backup`,
    "Name one that belongs to root or to you, or write to standard output: --archive - > NAME.",
  );
}

async function partial({ directory, name, existing }: NamedTarget): Promise<ArchiveOutput> {
  let draft: { readonly handle: FileHandle; readonly name: Buffer } | undefined;
  let forget: () => void;
  let stat: BigIntStats;
  try {
    draft = await newFile(directory, name);
    stat = await draft.handle.stat({ bigint: true });
    const { there, others } = await siblingsOf(directory, name);
    const earlier = existing === undefined ? [] : [{ stat: existing, name }];
    forget = rememberOutput([{ stat }, ...earlier, ...there], others);
  } catch (error) {
    await draft?.handle.close();
    await directory.close();
    throw error;
  }
  const { handle, name: draftName } = draft;
  const remove = async (): Promise<void> => {
    const now = await directory.look(draftName).catch(() => undefined);
    if (now !== undefined && isSame(now, stat))
      await unlink(directory.at(draftName)).catch(() => undefined);
  };
  return {
    sink: fileSink(handle.fd),
    async commit() {
      forget();
      try {
        try {
          await handle.sync().finally(() => handle.close());
          await rename(directory.at(draftName), directory.at(name));
        } catch (error) {
          await remove();
          throw error;
        }
        const now = await directory.look(name);
        if (now === undefined || !isSame(now, stat))
          throw Object.assign(new Error("exchanged"), {
            code: "another file has its name: somebody exchanged it",
          });
        return await durable(directory, name);
      } finally {
        await directory.close();
      }
    },
    async discard() {
      forget();
      await handle.close();
      await remove();
      await directory.close();
    },
  };
}

/** The name is durable only when its directory is. By now it is there, whatever this brings. */
async function durable(directory: HeldDirectory, name: Buffer): Promise<string | undefined> {
  try {
    await directory.sync();
    return undefined;
  } catch (error) {
    return `archive ${printable(directory.pathOf(name))} is complete, but its directory cannot be synced (${causeOf(error)}): its name may be lost when the machine stops now`;
  }
}

async function newFile(directory: HeldDirectory, name: Buffer) {
  for (let tries = 1; ; tries++) {
    const suffix = `.partial-${process.pid}-${randomBytes(4).toString("hex")}`;
    const draft = Buffer.concat([name.subarray(0, PARTIAL_NAME), Buffer.from(suffix)]);
    try {
      const handle = await open(
        directory.at(draft),
        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
        0o600,
      );
      return { handle, name: draft };
    } catch (error) {
      if (causeOf(error) !== "EEXIST" || tries === PARTIAL_TRIES) throw error;
    }
  }
}

/**
 * The archives of the other shards of the set: those that are there, and how to know those to come.
 */
async function siblingsOf(directory: HeldDirectory, name: Buffer) {
  const set = shardSetOf(name);
  if (set === undefined) return { there: [], others: undefined };
  const there: { readonly stat: BigIntStats; readonly name: Buffer }[] = [];
  for (const sibling of set.names.slice(0, SIBLINGS_MAX)) {
    const stat = await directory.look(sibling).catch(() => undefined);
    if (stat !== undefined) there.push({ stat, name: sibling });
  }
  return { there, others: { directory: await directory.realPath(), isOne: set.isOne } };
}

function isSame(a: BigIntStats, b: BigIntStats): boolean {
  return a.ino === b.ino && a.dev === b.dev;
}
