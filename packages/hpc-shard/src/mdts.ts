import { EntryKind } from "@podheitor/hpc-walker";
import { EVERY_SHARD, type Place } from "./place";
import { shardOf } from "./shard";

/**
 * The shards of each MDT, in the order of the MDTs. With M MDTs and N shards the MDT of rank r has
 *
 *     N <= M: shard r mod N           (several MDTs for a shard)
 *     N >  M: shards r, r+M, r+2M …   (several shards for an MDT)
 */
export function mdtShards(mdts: number, count: number): readonly (readonly number[])[] {
  return Array.from({ length: mdts }, (_, rank) => {
    if (count <= mdts) return [rank % count];
    return Array.from(
      { length: Math.ceil((count - rank) / mdts) },
      (_, turn) => rank + turn * mdts,
    );
  });
}

/**
 * The entries of a directory go to the shards of its MDT, by inode-hash where there are several,
 * and those of a striped directory to the shards of all its MDTs. Names of an inode that has others
 * may lie in directories of different MDTs, so they go by inode-hash over all shards. A directory
 * whose MDTs are not known is taken by everybody: twice is better than never.
 * `mdts`: indices of all MDTs of the filesystem, ascending; holes are allowed. All jobs of a set
 * must see the same.
 */
export function placeByMdt(mdts: readonly number[], count: number): Place {
  const table = mdtShards(mdts.length, count);
  const all = Array.from({ length: count }, (_, shard) => shard);
  const rank = new Map(mdts.map((mdt, at) => [mdt, at]));
  const shardsOf = (some: readonly number[]): readonly number[] => {
    const shards = new Set(some.flatMap((mdt) => table[rank.get(mdt) ?? -1] ?? all));
    return [...shards].sort((a, b) => a - b);
  };
  let last: readonly number[] = [];
  let shards: readonly number[] = [];
  return (entry) => {
    const { nlink, kind, inoHashLo, inoHashHi } = entry;
    if (nlink > 1 && kind !== EntryKind.DIRECTORY) return shardOf(inoHashLo, inoHashHi, count);
    const of = entry.mdts;
    if (of.length === 0) return EVERY_SHARD;
    if (of !== last) {
      last = of;
      shards = shardsOf(of);
    }
    return shards[shardOf(inoHashLo, inoHashHi, shards.length)] ?? EVERY_SHARD;
  };
}
