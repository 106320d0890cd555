import { closeSync, constants, openSync } from "node:fs";
import { constants as os } from "node:os";
import { type Library, NativeError, openLibrary } from "@podheitor/hpc-native";
import type { MdtSource } from "@podheitor/hpc-shard";
import { counted } from "./in-flight";
import { MDT_DIRECTORIES } from "./limits";
import { atAnyLength } from "./long-path";

/** From Lustre 2.11 on the library has a version in its name. */
const LUSTREAPI: readonly string[] = ["liblustreapi.so.1", "liblustreapi.so"];

/** ioctl LL_IOC_LMV_GETSTRIPE, the magic that asks for a directory's real stripes, and its answer (struct lmv_user_md). */
const LMV_GETSTRIPE = 0xc03066f1;
const LMV_MAGIC = 0x0cd20cd0;
const LMV = { head: 48, stripe: 24, mdtInStripe: 20, countAt: 4, stripes: 2000 } as const;

/** llapi_obd_statfs: which kind of target, and the sizes of its two answers. MDT indices have 16 bits. */
const OBD = { mdt: 1, statfs: 144, uuid: 40, indices: 0x1_0000 } as const;
/** No such index, or no Lustre: the end of the loop over the indices. A hole in the numbering answers EAGAIN. */
const { ENODEV, ENOTTY, EINVAL, ENOENT, EAGAIN } = os.errno;
const END: ReadonlySet<number> = new Set([ENODEV, ENOTTY, EINVAL, ENOENT]);

/**
 * The MDTs of the Lustre filesystem under the paths, through liblustreapi. undefined: there is no such library here, or no Lustre.
 * One open and two calls for a directory; the last few thousand answers are kept.
 */
export async function hostMdts(paths: readonly Buffer[], libraries = LUSTREAPI): Promise<MdtSource | undefined> {
  let library: Library;
  try {
    library = openLibrary("liblustreapi", libraries);
    library.bind("llapi_msg_set_level", ["i64"], "i64")(0); // it prints to standard error otherwise
  } catch (error) {
    if (error instanceof NativeError) return undefined;
    throw error;
  }
  const under = [];
  for (const path of paths) under.push(...(await mdtsUnder(library, path)));
  const mdts = [...new Set(under)].sort((a, b) => a - b);
  if (mdts.length === 0) return undefined;
  const ask = asker(library);
  const known = new Map<string, readonly number[]>();
  const mdtsOf = (directory: Buffer): readonly number[] | undefined => {
    const key = directory.toString("latin1");
    const before = known.get(key);
    if (before !== undefined) return before;
    const found = ask(directory);
    if (found !== undefined) {
      if (known.size >= MDT_DIRECTORIES) known.clear();
      known.set(key, found);
    }
    return found;
  };
  return { mdts, mdtsOf };
}

/** How many MDTs the Lustre filesystem has that this path is on; undefined where they cannot be counted. */
export async function mdtCount(path: Buffer): Promise<number | undefined> {
  return (await hostMdts([path]))?.mdts.length;
}

/** An MDT that is deactivated or cannot be reached counts: all jobs of a set must see the same ones. */
async function mdtsUnder(library: Library, path: Buffer): Promise<number[]> {
  const statfs = library.bindAsync("llapi_obd_statfs", ["buffer", "i64", "i64", "buffer", "buffer"], "i64");
  const [name, answer, uuid] = [terminated(path), Buffer.alloc(OBD.statfs), Buffer.alloc(OBD.uuid)];
  const found: number[] = [];
  for (let index = 0; index < OBD.indices; index++) {
    const result = (await counted(statfs(name, OBD.mdt, index, answer, uuid))) | 0; // an int: the upper half of the register is not defined
    if (END.has(-result)) break;
    if (result !== -EAGAIN) found.push(index);
  }
  return found;
}

function asker(library: Library): (directory: Buffer) => readonly number[] | undefined {
  const mdtOf = library.bind("llapi_file_fget_mdtidx", ["i64", "buffer"], "i64");
  const ioctl = library.bind("ioctl", ["i64", "i64", "buffer"], "i64"); // libc's, which the library is linked with
  const index = Buffer.alloc(4);
  const stripes = Buffer.alloc(LMV.head + LMV.stripes * LMV.stripe);
  return (directory) => {
    let fd: number;
    try {
      fd = atAnyLength(directory, (path) =>
        openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW),
      );
    } catch {
      return undefined;
    }
    try {
      stripes.writeUInt32LE(LMV_MAGIC, 0);
      stripes.writeUInt32LE(LMV.stripes, LMV.countAt);
      // Most directories are not striped: no data.
      if ((ioctl(fd, LMV_GETSTRIPE, stripes) | 0) === 0) return stripedOver(stripes);
      return (mdtOf(fd, index) | 0) === 0 ? [index.readInt32LE(0)] : undefined;
    } finally {
      closeSync(fd);
    }
  };
}

function stripedOver(stripes: Buffer): number[] {
  const count = Math.min(stripes.readUInt32LE(LMV.countAt), LMV.stripes);
  const mdts = Array.from({ length: count }, (_, at) =>
    stripes.readUInt32LE(LMV.head + at * LMV.stripe + LMV.mdtInStripe),
  );
  return [...new Set(mdts)];
}

function terminated(path: Buffer): Buffer {
  return Buffer.concat([path, Buffer.alloc(1)]);
}
