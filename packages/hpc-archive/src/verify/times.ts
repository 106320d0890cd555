import type { Looked } from "../restore/held-tree";

const SECOND = 1_000_000_000n;
/**
 * What filesystems keep times to, coarsest first: Lustre, ext3, NFS on such; some servers; NTFS;
 * the others.
 */
const GRAINS = [SECOND, 1000n, 100n, 1n] as const;
/** So many change times must be seen before all of them ending in a few zeros is no accident. */
const SEEN_MIN = 4;

interface Grain {
  /** Index into GRAINS: what all times seen so far are multiples of. */
  grain: number;
  seen: number;
  said: boolean;
}

/**
 * To what each filesystem of the tree keeps times, from those that are seen there: change times are
 * set by the filesystem itself, so on one that keeps nanoseconds hardly one ends in a whole second.
 */
export class Times {
  readonly #grains = new Map<bigint, Grain>();

  /**
   * `coarser`: hears once for each filesystem that times are compared to that many nanoseconds
   * only.
   */
  constructor(private readonly coarser: (nanoseconds: bigint) => void) {}

  /** Every entry that is compared. */
  see({ dev, ctimeNs, mtimeNs }: Looked): void {
    const known = this.#grains.get(dev) ?? { grain: 0, seen: 0, said: false };
    if (known.seen === 0) this.#grains.set(dev, known);
    known.seen++;
    while (ctimeNs % grainOf(known) !== 0n || mtimeNs % grainOf(known) !== 0n) known.grain++;
  }

  /** Whether the modification time is the archived one, as far as the filesystem keeps it. */
  same(archivedNs: bigint, stat: Looked): boolean {
    if (archivedNs === stat.mtimeNs) return true;
    const known = this.#grains.get(stat.dev);
    if (known === undefined || (known.grain > 0 && known.seen < SEEN_MIN)) return false;
    const grain = grainOf(known);
    if (grain === 1n || floor(archivedNs, grain) !== stat.mtimeNs) return false;
    if (!known.said) this.coarser(grain);
    known.said = true;
    return true;
  }
}

function grainOf({ grain }: Grain): bigint {
  return GRAINS[grain] ?? 1n;
}

/** Towards minus infinity, as filesystems cut times before 1970, too. */
function floor(ns: bigint, grain: bigint): bigint {
  return ns - (((ns % grain) + grain) % grain);
}
