import { EntryKind } from "@podheitor/hpc-walker";
import { EVERY_SHARD, type Place } from "./place";
import { shardOf } from "./shard";

/** Where directories live on a Lustre filesystem. */
export interface MdtSource {
  /** Indices of all MDTs of the filesystem, ascending; holes are allowed. All jobs of a set must see the same. */
  readonly mdts: readonly number[];
  /** The MDTs over which the directory is spread (most have one); undefined when it could not be asked this time. */
  mdtsOf(directory: Buffer): readonly number[] | undefined;
}

/**
 * The shards of each MDT, in the order of the MDTs. With M MDTs and N shards the MDT of rank r has
 *
 *     N <= M: shard r mod N           (several MDTs for a shard)
 *     N >  M: shards r, r+M, r+2M …   (several shards for an MDT)
 */
export function mdtShards(mdts: number, count: number): readonly (readonly number[])[] {
  return Array.from({ length: mdts }, (_, rank) => {
    if (count <= mdts) return [rank % count];
    return Array.from({ length: Math.ceil((count - rank) / mdts) }, (_, turn) => rank + turn * mdts);
  });
}

/**
 * The entries of a directory go to the shards of its MDT, by inode-hash where there are several, and those of a striped directory
 * to the shards of all its MDTs. Names of an inode that has others may lie in directories of different MDTs, so they go by
 * inode-hash over all shards. A directory that could not be asked is taken by everybody: twice is better than never.
 */
export function placeByMdt(source: MdtSource, count: number): Place {
  const table = mdtShards(source.mdts.length, count);
  const all = Array.from({ length: count }, (_, shard) => shard);
  const rank = new Map(source.mdts.map((mdt, at) => [mdt, at]));
  const shardsOf = (directory: Buffer): readonly number[] | undefined => {
    const mdts = source.mdtsOf(directory);
    if (mdts === undefined) return undefined;
    const shards = new Set(mdts.flatMap((mdt) => table[rank.get(mdt) ?? -1] ?? all));
    return [...shards].sort((a, b) => a - b);
  };
  let last: Buffer | undefined;
  let shards: readonly number[] | undefined;
  return ({ dir, nlink, kind, inoHashLo, inoHashHi }) => {
    if (nlink > 1 && kind !== EntryKind.DIRECTORY) return shardOf(inoHashLo, inoHashHi, count);
    if (last === undefined || !last.equals(dir)) {
      last = Buffer.from(dir); // the batch is overwritten
      shards = shardsOf(last);
    }
    if (shards === undefined) return EVERY_SHARD;
    return shards[shardOf(inoHashLo, inoHashHi, shards.length)] ?? EVERY_SHARD;
  };
}
