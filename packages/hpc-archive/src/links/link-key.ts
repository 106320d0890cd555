/** A name's inode, as the scan has it. `RecordCursor` is one. 64-bit numbers are two u32. */
export interface Inode {
  readonly inoLo: number;
  readonly inoHi: number;
  readonly devLo: number;
  readonly devHi: number;
  /** 0, 0: not known. */
  readonly birthLo: number;
  readonly birthHi: number;
  readonly kind: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeLo: number;
  readonly sizeHi: number;
}

/**
 * u32 words of a key: ino lo, hi, dev lo, hi, birth (where none is known: size) lo, hi, uid, gid,
 * kind and what the fifth word is.
 */
export const KEY_WORDS = 9;
const BORN = 0x100;

/**
 * Writes to `key` which object the inode is. A number alone does not tell: it may have been freed
 * and given to another file while the scan was under way, and whoever brings that about must not
 * get that file's name made a name of his own. So two names are of one object only where kind,
 * owner and birth agree; where no birth is known, the size as well.
 */
export function keyOf(inode: Inode, key: Uint32Array): void {
  const { birthLo, birthHi } = inode;
  const born = (birthLo | birthHi) !== 0;
  key[0] = inode.inoLo;
  key[1] = inode.inoHi;
  key[2] = inode.devLo;
  key[3] = inode.devHi;
  key[4] = born ? birthLo : inode.sizeLo;
  key[5] = born ? birthHi : inode.sizeHi;
  key[6] = inode.uid;
  key[7] = inode.gid;
  key[8] = inode.kind | (born ? BORN : 0);
}

/** Whether the key stands in `words`, from word `at` on. */
export function hasKey(words: Uint32Array, at: number, key: Uint32Array): boolean {
  for (let i = 0; i < KEY_WORDS; i++) if (words[at + i] !== key[i]) return false;
  return true;
}

/**
 * Spreads consecutive inode numbers over a table: a u32. `words`: a key stands there, from word
 * `at` on.
 */
export function hashOf(words: Uint32Array, at = 0): number {
  const inoHi = Math.imul(words[at + 1] ?? 0, 0x85ebca6b);
  const dev = Math.imul(words[at + 2] ?? 0, 0xc2b2ae35);
  let h = Math.imul((words[at] ?? 0) ^ inoHi ^ dev ^ (words[at + 4] ?? 0), 0x9e3779b1);
  h ^= h >>> 15;
  h = Math.imul(h, 0x27d4eb2f);
  return (h ^ (h >>> 13)) >>> 0;
}
