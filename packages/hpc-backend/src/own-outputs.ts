import { fstatSync } from "node:fs";
import type { FileIdentity } from "@podheitor/hpc-walker";

/** Regular files that this process is writing archives to. */
const outputs = new Set<FileIdentity>();
export const ownOutputs: ReadonlySet<FileIdentity> = outputs;

/**
 * Remembers an open archive until the returned function is called. An archive that lies in the tree it is made of must not be saved:
 * it grows for as long as it is read.
 */
export function rememberOutput(fd: number): () => void {
  const stat = fstatSync(fd, { bigint: true });
  if (!stat.isFile()) return () => undefined;
  const [inoLo, inoHi] = halves(stat.ino);
  const [devLo, devHi] = halves(stat.dev);
  const identity = { inoLo, inoHi, devLo, devHi };
  outputs.add(identity);
  return () => void outputs.delete(identity);
}

export function isOwnOutput({ inoLo, inoHi, devLo, devHi }: FileIdentity): boolean {
  for (const own of outputs) {
    if (own.inoLo === inoLo && own.inoHi === inoHi && own.devLo === devLo && own.devHi === devHi) return true;
  }
  return false;
}

function halves(word: bigint): [lo: number, hi: number] {
  return [Number(word & 0xffff_ffffn), Number(word >> 32n)];
}
