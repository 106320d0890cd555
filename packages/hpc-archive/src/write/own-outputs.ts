import type { BigIntStats } from "node:fs";
import type { FileIdentity } from "@podheitor/hpc-walker";

/** A file that is part of an archive that is being made. */
interface OwnFile extends FileIdentity {
  /**
   * It is one only under this name: another hard link to the earlier version of an archive is a
   * file like others.
   */
  readonly name: Buffer | undefined;
}

/** Where jobs of other processes write the other shards of the same tree. */
interface SiblingNames {
  readonly directory: Buffer;
  readonly isOne: (name: Buffer) => boolean;
}

/** What this process writes archives to, and what these take the place of. */
const files = new Set<OwnFile>();
const siblings = new Set<SiblingNames>();
export const ownOutputs: ReadonlySet<FileIdentity> = files;

/**
 * Remembers what must not be saved until the returned function is called: an archive that lies in
 * the tree it is made of grows for as long as it is read, and with each earlier version in it, it
 * is larger by the whole tree.
 */
export function rememberOutput(
  own: readonly { readonly stat: BigIntStats; readonly name?: Buffer }[],
  others?: SiblingNames,
): () => void {
  const added = own.flatMap(({ stat, name }): OwnFile[] => {
    if (!stat.isFile()) return [];
    const [inoLo, inoHi] = halves(stat.ino);
    const [devLo, devHi] = halves(stat.dev);
    return [{ inoLo, inoHi, devLo, devHi, name }];
  });
  for (const file of added) files.add(file);
  if (others !== undefined) siblings.add(others);
  return () => {
    for (const file of added) files.delete(file);
    if (others !== undefined) siblings.delete(others);
  };
}

/** Whether a regular file that the scan met is one of them. */
export function isOwnOutput(
  file: FileIdentity & { readonly dir: Buffer; readonly name: Buffer },
): boolean {
  if (files.size === 0 && siblings.size === 0) return false;
  const { inoLo, inoHi, devLo, devHi } = file;
  for (const own of files) {
    const same =
      own.inoLo === inoLo && own.inoHi === inoHi && own.devLo === devLo && own.devHi === devHi;
    if (same && (own.name === undefined || own.name.equals(file.name))) return true;
  }
  for (const { directory, isOne } of siblings)
    if (file.dir.equals(directory) && isOne(file.name)) return true;
  return false;
}

function halves(word: bigint): [lo: number, hi: number] {
  return [Number(word & 0xffff_ffffn), Number(word >> 32n)];
}
