import type { Sentence } from "@podheitor/hpc-base";
import { HpcError } from "./errors";
import { placeByMdt } from "./mdts";
import { GENERATION_WINDOW, placeByMtime } from "./mtime";
import { EVERY_SHARD, type Place, type Placed } from "./place";
import { formatShard, type Shard, shardOf } from "./shard";

/**
 * What the plugin string may say after `strategy=`. `subtree+X`: the paths of the job are part of a
 * tree, and X splits them.
 */
export const STRATEGY_NAMES = [
  "none",
  "inode-hash",
  "subtree",
  "subtree+inode-hash",
  "mtime-bucket",
  "subtree+mtime-bucket",
  "lustre-mdt",
  "subtree+lustre-mdt",
] as const;
export type StrategyName = (typeof STRATEGY_NAMES)[number];

/**
 * Decides which entries of a scan belong to a shard: a pure function over the ENTRY that the cursor
 * stands on.
 */
export interface ShardStrategy {
  readonly name: StrategyName;
  readonly shard: Shard;
  /** All names of one inode (below the paths of the set) land in the same shard. */
  readonly keepsHardLinks: boolean;
  /**
   * The split is inode-hash, which the scan engines apply themselves (`ScanOptions.shard`) before
   * they stat.
   */
  readonly byInode: boolean;
  /** It looks at the MDTs of directories, which the scan has to ask for (`ScanOptions.mdts`). */
  readonly byMdt: boolean;
  /** What it cannot promise, a sentence each for the job log. */
  readonly caveats: readonly string[];
  /** The shard, 0 to N-1, that takes the entry, or EVERY_SHARD. */
  place(entry: Placed): number;
  mine(entry: Placed): boolean;
}

/** What some strategies want to know beside the entry. */
export interface StrategyContext {
  /**
   * mtime-bucket: see `placeByMtime`; epoch seconds. Default: never, which suits a single scan that
   * looks at all shards at once.
   */
  readonly generationStart?: number;
  /**
   * lustre-mdt: the filesystem's, see `placeByMdt`; undefined when there is no MDT information,
   * which makes it inode-hash.
   */
  readonly mdts?: readonly number[] | undefined;
}

interface Split {
  readonly place: Place;
  readonly byInode: boolean;
  readonly caveats: readonly string[];
}

type SplitName = "none" | "inode-hash" | "mtime-bucket" | "lustre-mdt";

const byInode = (count: number): Place =>
  count === 1 ? () => 0 : ({ inoHashLo, inoHashHi }) => shardOf(inoHashLo, inoHashHi, count);

const SPLITS: Readonly<Record<SplitName, (count: number, context: StrategyContext) => Split>> = {
  none: () => ({ place: () => 0, byInode: true, caveats: [] }),
  "inode-hash": (count) => ({ place: byInode(count), byInode: true, caveats: [] }),
  "mtime-bucket": (count, { generationStart = Number.POSITIVE_INFINITY }) => ({
    place: placeByMtime(count, generationStart),
    byInode: false,
    caveats: [mtimeCaveat(generationStart)],
  }),
  "lustre-mdt": (count, { mdts }) => {
    if (mdts === undefined) return { place: byInode(count), byInode: true, caveats: [NO_MDTS] };
    return { place: placeByMdt(mdts, count), byInode: false, caveats: [MDT_CAVEAT] };
  },
};

/** Throws HPC_BAD_STRATEGY for a name that does not exist or cannot split. */
export function strategyOf(
  name: string,
  shard: Shard,
  context: StrategyContext = {},
): ShardStrategy {
  if (!isStrategyName(name)) {
    throw bad(`strategy "${name}" does not exist`, `Choose one of: ${STRATEGY_NAMES.join(", ")}.`);
  }
  if ((name === "none" || name === "subtree") && shard.count !== 1) {
    throw bad(
      `strategy "${name}" cannot split into ${shard.count} shards (shard=${formatShard(shard)})`,
      `Use strategy=${name === "none" ? "" : "subtree+"}inode-hash, or leave the shard key out.`,
    );
  }
  const { place, byInode, caveats } = SPLITS[splitOf(name)](shard.count, context);
  const ofSubtree = isSubtree(name) ? [SUBTREE_CAVEAT] : [];
  return {
    name,
    shard,
    keepsHardLinks: true,
    byInode,
    byMdt: splitOf(name) === "lustre-mdt" && !byInode,
    caveats: [...ofSubtree, ...(shard.count > 1 ? caveats : [])],
    place,
    mine: (entry) => {
      const at = place(entry);
      return at === shard.index || at === EVERY_SHARD;
    },
  };
}

export function isStrategyName(name: string): name is StrategyName {
  return (STRATEGY_NAMES as readonly string[]).includes(name);
}

/** The paths of such a job are a part of a larger tree. */
export function isSubtree(name: StrategyName): boolean {
  return name.startsWith("subtree");
}

/** A strategy without its `subtree+`. */
export function splitOf(name: StrategyName): SplitName {
  if (name === "subtree") return "none";
  return (isSubtree(name) ? name.slice("subtree+".length) : name) as SplitName;
}

const SUBTREE_CAVEAT =
  "subtree: a file with names in several subtrees is saved once in each of them, and restored as separate files; " +
  "one that moves to another subtree while their jobs run can be met twice or not at all";

const MDT_CAVEAT =
  "lustre-mdt: an entry that moves to a directory of another MDT (or loses or gains a second name) while the jobs of the set run can be met twice or not at all; " +
  "a directory whose MDT cannot be told is saved by every shard; all jobs must see the same MDTs";

const NO_MDTS =
  "lustre-mdt: there is no information about MDTs here, so this job splits by inode-hash; all jobs of the set must run where the same holds";

function mtimeCaveat(generationStart: number): string {
  const since = Number.isFinite(generationStart)
    ? new Date(generationStart * 1000).toISOString()
    : "its start";
  return (
    `mtime-bucket: entries modified since ${since} are saved by every shard, so that none is missed that is written while the jobs of the set run; ` +
    `this holds for jobs that the Director scheduled within ${GENERATION_WINDOW / 60} minutes of one another, ` +
    "and not for a file whose mtime is set to an older time meanwhile"
  );
}

function bad(message: string, remedy: Sentence): HpcError {
  return new HpcError("HPC_BAD_STRATEGY", message, remedy);
}
