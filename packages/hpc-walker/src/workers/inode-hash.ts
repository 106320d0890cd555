import { xxh3 } from "@node-rs/xxhash";

const key = Buffer.alloc(8);

/**
 * xxh3_64 (seed 0) of an inode number as 8 bytes little endian: the number that shards are made of.
 */
export function inodeHash(ino: bigint): bigint {
  key.writeBigUInt64LE(BigInt.asUintN(64, ino));
  return xxh3.xxh64(key);
}
