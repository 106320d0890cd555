/** `tree.1-of-4.hpc`, as `podheitor-hpc backup --shards` names archives. */
const SHARD_NAME = /^(.*\.)(\d{1,4})-of-(\d{1,4})((?:\.[^.]*)?)$/s;

/** The archives that belong together with one of a shard. */
export interface ShardArchives {
  /** Of the other shards. */
  readonly names: readonly Buffer[];
  /** Whether a name is one of the set, or of a file that is to become one. */
  isOne(name: Buffer): boolean;
}

/** The set of which `name` is one; undefined: it is not named as a shard's archive. */
export function shardSetOf(name: Buffer): ShardArchives | undefined {
  const [, stem, own, count, end] = SHARD_NAME.exec(name.toString("latin1")) ?? [];
  if (stem === undefined || count === undefined || end === undefined) return undefined;
  const others = Array.from({ length: Number(count) }, (_, index) => String(index)).filter(
    (index) => index !== own,
  );
  const rest = new RegExp(`^\\d{1,4}-of-${count}(.*)$`, "s");
  return {
    names: others.map((index) => Buffer.from(`${stem}${index}-of-${count}${end}`, "latin1")),
    isOne(other) {
      const text = other.toString("latin1");
      const [, tail] = text.startsWith(stem) ? (rest.exec(text.slice(stem.length)) ?? []) : [];
      return tail !== undefined && (tail === end || tail.startsWith(`${end}.partial-`));
    },
  };
}
