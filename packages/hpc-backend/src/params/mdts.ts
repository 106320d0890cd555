import { constants as os } from "node:os";
import { counted } from "@podheitor/hpc-archive";
import { HpcError } from "@podheitor/hpc-base";
import { type Library, openLibrary } from "@podheitor/hpc-native";

/** From Lustre 2.11 on the library has a version in its name. */
const LUSTREAPI: readonly string[] = ["liblustreapi.so.1", "liblustreapi.so"];

/**
 * llapi_obd_statfs: which kind of target, and the sizes of its two answers. MDT indices have 16
 * bits.
 */
const OBD = { mdt: 1, statfs: 144, uuid: 40, indices: 0x1_0000 } as const;
/**
 * No such index, or no Lustre: the end of the loop over the indices. A hole in the numbering
 * answers EAGAIN.
 */
const { ENODEV, ENOTTY, EINVAL, ENOENT, EAGAIN } = os.errno;
const END: ReadonlySet<number> = new Set([ENODEV, ENOTTY, EINVAL, ENOENT]);

/**
 * Indices of the MDTs of the Lustre filesystems under the paths, ascending, through liblustreapi.
 * undefined: there is no such library here, or no Lustre.
 */
export async function hostMdts(
  paths: readonly Buffer[],
  libraries = LUSTREAPI,
): Promise<readonly number[] | undefined> {
  let library: Library;
  try {
    library = openLibrary("liblustreapi", libraries);
    library.bind("llapi_msg_set_level", ["i64"], "i64")(0); // it prints to standard error otherwise
  } catch (error) {
    if (error instanceof HpcError) return undefined;
    throw error;
  }
  const under = [];
  for (const path of paths) under.push(...(await mdtsUnder(library, path)));
  const mdts = [...new Set(under)].sort((a, b) => a - b);
  return mdts.length === 0 ? undefined : mdts;
}

/**
 * How many MDTs the Lustre filesystem has that this path is on; undefined where they cannot be
 * counted.
 */
export async function mdtCount(path: Buffer): Promise<number | undefined> {
  return (await hostMdts([path]))?.length;
}

/**
 * An MDT that is deactivated or cannot be reached counts: all jobs of a set must see the same ones.
 */
async function mdtsUnder(library: Library, path: Buffer): Promise<number[]> {
  const statfs = library.bindAsync(
    "llapi_obd_statfs",
    ["buffer", "i64", "i64", "buffer", "buffer"],
    "i64",
  );
  const [name, answer, uuid] = [terminated(path), Buffer.alloc(OBD.statfs), Buffer.alloc(OBD.uuid)];
  const found: number[] = [];
  for (let index = 0; index < OBD.indices; index++) {
    const result = (await counted(statfs(name, OBD.mdt, index, answer, uuid))) | 0; // an int: the upper half of the register is not defined
    if (END.has(-result)) break;
    if (result !== -EAGAIN) found.push(index);
  }
  return found;
}

function terminated(path: Buffer): Buffer {
  return Buffer.concat([path, Buffer.alloc(1)]);
}
