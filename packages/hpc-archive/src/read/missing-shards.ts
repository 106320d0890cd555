import { formatShard, parseShard } from "@podheitor/hpc-shard";
import { printable } from "../common/printable";
import { digestOf } from "../common/xxh";

/** Paths and shards that a sentence names. */
const NAMED = 4;
const NUL = Buffer.alloc(1);

/** What archives say of their jobs, as `ArchiveReader.facts` has it. */
type Facts = readonly (readonly [key: string, value: Buffer])[];

interface ShardsSeen {
  /** The paths, for people. */
  readonly tree: string;
  readonly count: number;
  readonly seen: Set<number>;
}

/** Which shards of the trees that archives were made of are not among them. */
export class MissingShards {
  /** By the number of shards and a digest of the paths. */
  readonly #sets = new Map<string, ShardsSeen>();

  /** An archive, whose facts are complete. */
  add(facts: Facts): void {
    const shard = shardIn(facts);
    if (shard === undefined || shard.count < 2) return;
    const paths = facts
      .flatMap(([key, value]) => (key === "path" ? [value] : []))
      .sort(Buffer.compare);
    const key = `${shard.count} ${digestOf(Buffer.concat(paths.flatMap((path) => [path, NUL])))}`;
    const set = this.#sets.get(key) ?? { tree: listed(paths), count: shard.count, seen: new Set() };
    this.#sets.set(key, set);
    set.seen.add(shard.index);
  }

  /** For each tree of which shards are missing, what they are: "1/3 and 2/3 of /data". */
  *missing(): Generator<string> {
    for (const { tree, count, seen } of this.#sets.values()) {
      const absent = Array.from({ length: count }, (_, index) => index).filter(
        (index) => !seen.has(index),
      );
      if (absent.length === 0) continue;
      const shards = absent.map((index) => Buffer.from(formatShard({ index, count })));
      yield `${listed(shards)} of ${tree}`;
    }
  }
}

function shardIn(facts: Facts): { readonly index: number; readonly count: number } | undefined {
  const [, value] = facts.find(([key]) => key === "shard") ?? [];
  try {
    return value === undefined ? undefined : parseShard(value.toString("latin1"));
  } catch {
    return undefined; // a later release may say it in another way
  }
}

/** "a, b and c"; of many the first ones, and how many more. */
function listed(names: readonly Buffer[]): string {
  const more = names.length > NAMED ? [`${names.length - NAMED + 1} more`] : [];
  const shown = [...names.slice(0, more.length === 0 ? NAMED : NAMED - 1).map(printable), ...more];
  return shown.length < 2
    ? (shown[0] ?? "")
    : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
}
