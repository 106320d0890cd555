import { rmSync, truncateSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { command } from "../command";

/** A filesystem of one's own that can hold whatever the contract speaks of. */
export interface MetadataFilesystem {
  /** Mounted with strictatime: whoever reads here leaves a trace. */
  readonly root: string;
  /** The same files through a mount that never moves an access time: for looking. */
  readonly view: string;
  unmount(): Promise<void>;
}

/** Sparse, so this is what a test may fill, not what it takes. */
const imageBytes = 4 * 2 ** 30;

/**
 * ext4 with attribute values beyond one block (`ea_inode`) in a file, by a loop device. ext4
 * because Debian's base has its tools; `ea_inode` because without it all attributes of a file must
 * fit 4 KiB.
 */
export async function metadataFilesystem(folder: string): Promise<MetadataFilesystem> {
  const image = join(folder, "image");
  const [root, view] = [join(folder, "fs"), join(folder, "view")];
  writeFileSync(image, "");
  truncateSync(image, imageBytes);
  await command([
    "mkfs.ext4",
    "-q",
    "-F",
    "-I",
    "256",
    "-O",
    "ea_inode",
    "-E",
    "lazy_itable_init=1",
    image,
  ]);
  for (const place of [root, view]) await mkdir(place);
  await command(["mount", "-o", "loop,strictatime", image, root]);
  const mounted = [root];
  const unmount = async (): Promise<void> => {
    for (let place = mounted.pop(); place !== undefined; place = mounted.pop())
      await command(["umount", "-l", place]);
    rmSync(image, { force: true });
  };
  try {
    await command(["mount", "--bind", root, view]);
    mounted.push(view);
    await command(["mount", "-o", "remount,bind,noatime", view]);
  } catch (error) {
    await unmount();
    throw error;
  }
  return { root, view, unmount };
}
