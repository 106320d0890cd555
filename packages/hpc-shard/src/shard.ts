import type { Sentence } from "@podheitor/hpc-base";
import { HpcError } from "./errors";
import { MAX_SHARDS } from "./limits";

/** One of `count` parts of a namespace; 0 <= index < count. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** The namespace as one part. */
export const WHOLE: Shard = { index: 0, count: 1 };

/** Reads "K/N". Throws HPC_BAD_SHARD with a message that names what is wrong. */
export function parseShard(text: string): Shard {
  const match = /^(\d{1,9})\/(\d{1,9})$/.exec(text);
  if (match === null) {
    throw bad(
      `shard "${text}" is not K/N`,
      "Write the shard as K/N with 0 <= K < N, for example shard=0/4.",
    );
  }
  const index = Number(match[1]);
  const count = Number(match[2]);
  if (count < 1 || count > MAX_SHARDS) {
    throw bad(
      `shard "${text}": shard count must be 1..${MAX_SHARDS}`,
      "Choose as many shards as there are jobs.",
    );
  }
  if (index >= count) {
    throw bad(
      `shard "${text}": shard index must be 0..${count - 1}`,
      `Shards are counted from 0: the ${count} jobs have shard=0/${count} to shard=${count - 1}/${count}.`,
    );
  }
  return { index, count };
}

export function formatShard({ index, count }: Shard): string {
  return `${index}/${count}`;
}

/**
 * hash modulo count, for a hash of 64 bits in two unsigned halves: the same as the C engine's `hash
 * % count`.
 * The high half is reduced first, so every intermediate value stays below count * 2^32 <= 2^53 and
 * is exact.
 */
export function shardOf(hashLo: number, hashHi: number, count: number): number {
  return ((hashHi % count) * 0x1_0000_0000 + hashLo) % count;
}

function bad(message: string, remedy: Sentence): HpcError {
  return new HpcError("HPC_BAD_SHARD", message, remedy);
}
