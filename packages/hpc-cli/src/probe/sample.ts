import { randomInt } from "node:crypto";
import { parseShard, type Shard } from "@podheitor/hpc-shard";
import { usageError } from "../errors";

/** An estimate; the truth lies within `plusMinus` of it 19 times in 20. */
export interface Estimate {
  readonly value: number;
  readonly plusMinus: number;
}

/**
 * Standard deviations of an error bar: the normal 1.96, and some for sums of few large files
 * (sample.test.ts counts how often they hold).
 */
const Z = 2.1;
/**
 * Sampled files to a shard that the largest class of sizes needs before anything is said of its
 * bytes.
 */
const ENOUGH = 30;
/** Classes of sizes: 0 is empty, n is 2^(n-1) to 2^n - 1 bytes. */
const CLASSES = 64;

interface Class {
  files: number;
  bytes: number;
  /** Sum of the squares of the files' sizes. */
  squares: number;
}

/**
 * What can be said of all entries after one of `of` was looked at, chosen by lot (by the hash of
 * its inode). Entries: any number of them. Bytes: only those of files below {@link Sample.limit},
 * because a file that is larger than all that were seen may be of any size. Constant memory.
 */
export class Sample {
  readonly #of: number;
  readonly #shards: { entries: number; squares: number; readonly classes: Class[] }[];

  constructor(of: number, shards: number) {
    this.#of = of;
    this.#shards = Array.from({ length: shards }, () => ({
      entries: 0,
      squares: 0,
      classes: Array.from({ length: CLASSES }, () => ({ files: 0, bytes: 0, squares: 0 })),
    }));
  }

  /**
   * An entry of a shard: `size` bytes (0: no file) of an inode with `names` names, which are chosen
   * all together.
   */
  add(shard: number, size: number, names: number): void {
    const part = this.#shards[shard];
    if (part === undefined) return;
    part.entries++;
    part.squares += names;
    const of = part.classes[classOf(size)];
    if (of === undefined) return;
    of.files += 1 / names;
    of.bytes += size / names;
    of.squares += size * (size / names);
  }

  /** Names in the shard, those of sockets left out. */
  entries(shard: number): Estimate {
    const { entries, squares } = this.#shards[shard] ?? { entries: 0, squares: 0 };
    return this.#estimate(entries, squares + 2);
  }

  /** Bytes of the shard's files below `limit`. */
  bytes(shard: number): Estimate {
    const { limit } = this;
    const classes = this.#shards[shard]?.classes.slice(0, classOf(limit)) ?? [];
    const sum = (what: keyof Class) => classes.reduce((all, one) => all + one[what], 0);
    // One file more of the largest size: few may have been seen.
    return this.#estimate(sum("bytes"), sum("squares") + limit ** 2);
  }

  /**
   * Files of this many bytes, a power of two, and more are not in `bytes`. 0: too few files were
   * seen.
   */
  get limit(): number {
    for (let step = CLASSES - 1; step > 0; step--)
      if (this.#files(step) >= ENOUGH * this.#shards.length) return 2 ** step;
    return 0;
  }

  /** Files of `limit` bytes and more, in all shards. */
  get larger(): {
    readonly seen: number;
    readonly seenBytes: number;
    readonly least: number;
    readonly most: number;
  } {
    const from = this.limit === 0 ? 1 : classOf(this.limit);
    const classes = this.#shards.flatMap((one) => one.classes.slice(from));
    const seen = classes.reduce((sum, { files }) => sum + files, 0);
    const spread = Z * Math.sqrt(seen);
    return {
      seen: Math.round(seen),
      seenBytes: Math.round(classes.reduce((sum, { bytes }) => sum + bytes, 0)),
      least: Math.max(Math.round(seen), Math.floor(this.#of * (seen - spread))),
      most: Math.ceil(this.#of * (seen + spread + 4)),
    };
  }

  /** Each unit was seen with the probability 1/of, whatever the others were. */
  #estimate(seen: number, squares: number): Estimate {
    return {
      value: this.#of * seen,
      plusMinus: Z * Math.sqrt(this.#of * (this.#of - 1) * squares),
    };
  }

  #files(step: number): number {
    return this.#shards.reduce((sum, { classes }) => sum + (classes[step]?.files ?? 0), 0);
  }
}

/** Numbers by which the strategy divides the hashes that the sample is chosen by, too. */
function divisorsOf(strategy: string | undefined, count: number): number[] {
  if (strategy?.includes("lustre-mdt")) return Array.from({ length: count }, (_, at) => at + 1);
  return strategy?.includes("mtime-bucket") ? [] : [count];
}

/** Whether a hash modulo this says nothing of the hash modulo the other number. */
function independent(of: number, shards: number): boolean {
  return shards === 0 ? of === 1 : independent(shards, of % shards);
}

/**
 * The value of --sample: `20` (about one of twenty, a part by lot) or `7/23` (that part). Which
 * entries are seen must not depend on whose shard they are, so the number of parts has no divisor
 * in common with the numbers that the strategy divides hashes by: the next such number is taken.
 */
export function parseSample(text: string, strategy: string | undefined, shards: number): Shard {
  const divisors = divisorsOf(strategy, shards);
  const fits = (count: number) => divisors.every((divisor) => independent(count, divisor));
  if (/^\d{1,3}$/.test(text) && Number(text) >= 2) {
    let count = Number(text);
    while (!fits(count)) count++;
    return { index: randomInt(count), count };
  }
  const remedy =
    "Write --sample 20 for about one entry of twenty (2 to 999), or --sample 7/23 for one part of 23.";
  let sample: Shard;
  try {
    sample = parseShard(text);
  } catch {
    throw usageError(`--sample ${text} is no sample`, remedy);
  }
  if (sample.count < 2 || !fits(sample.count))
    throw usageError(
      `--sample ${text}: ${sample.count} parts have a divisor in common with the shards, so the sample would be of some of them only`,
      remedy,
    );
  return sample;
}

function classOf(size: number): number {
  return size === 0 ? 0 : Math.floor(Math.log2(size)) + 1;
}
