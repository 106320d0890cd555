import { HpcError, printable } from "@podheitor/hpc-archive";
import { type StrategyName, splitOf } from "@podheitor/hpc-shard";
import type { GivenName } from "@podheitor/hpc-walker";
import { badValue, fieldOf, type KeyTable, type Values } from "./key-types";
import { KEYS } from "./keys";
import { nearest } from "./nearest";
import { type NestedRoot, withoutNested } from "./roots";

type Pairs = Iterable<readonly [key: string, value: GivenName]>;

/** What a job was asked to do, checked: a field for each key (`Values`), and what follows of them. */
export interface JobParams extends Omit<Values<typeof KEYS>, "strategy"> {
  /**
   * Roots, absolute, without a trailing `/` (but "/" itself), none twice; one inside another only
   * where something is left out.
   */
  readonly paths: readonly Buffer[];
  readonly strategy: StrategyName;
  /** Paths that were named as well and lie inside a root: they are saved with it. */
  readonly nested: readonly NestedRoot[];
  /** Things to say in the job log: nested roots that were dropped. */
  readonly notes: readonly string[];
  /** Values that work, but hardly as they were meant. */
  readonly warnings: readonly string[];
}

/**
 * Turns the pairs of a plugin string into a checked job. Pure: looks at no filesystem, so that it
 * works on a Director, too; whether the paths can be saved is for `requireRoots`.
 * Values are bytes, or text that means its UTF-8. Throws the first problem of `checkParams`.
 */
export function parseParams(pairs: Pairs): JobParams {
  const { params, problems } = checkParams(pairs);
  if (params === undefined) throw problems[0];
  return params;
}

/**
 * The same with all that is wrong: errors with `key` set to the name as it was given, in its order:
 * HPC_UNKNOWN_KEY, HPC_BAD_VALUE, HPC_BAD_PATH, HPC_NO_PATH. Without `params` there is one at least.
 */
export function checkParams(pairs: Pairs): {
  readonly params?: JobParams;
  readonly problems: readonly HpcError[];
} {
  const { values, problems, warnings } = readKeys(pairs, KEYS);
  const { paths: roots, strategy = values.shard === undefined ? "none" : "inode-hash" } = values;
  if (roots.length === 0 && !problems.some(({ key }) => key === "path"))
    problems.push(
      new HpcError(
        "HPC_NO_PATH",
        'key "path" is missing',
        "Say what to save: path=/absolute/directory.",
        { key: "path" },
      ),
    );
  if (values.shard !== undefined && values.shard.count > 1 && splitOf(strategy) === "none") {
    const { index, count } = values.shard;
    const other =
      strategy === "none" ? "inode-hash (the default with shard)" : "subtree+inode-hash";
    problems.push(
      badValue(
        "strategy",
        `strategy=${strategy} cannot make shard ${index}/${count}: every shard would hold everything`,
        `Use strategy=${other}, or leave shard out.`,
      ),
    );
  }
  if (values.otherPaths.length > 0 && values.tree === undefined)
    problems.push(
      badValue(
        "other-path",
        'key "other-path" is given without "tree"',
        "Say which directory is to be covered: tree=/directory.",
      ),
    );
  if (problems.length > 0) return { problems };
  return { params: { ...values, strategy, warnings, ...withoutNested(roots, values) }, problems };
}

/** The values of the keys of a table, each by itself; of a key that is not good, its default. */
export function readKeys<T extends KeyTable>(pairs: Pairs, table: T) {
  const rows = Object.entries(table);
  const names = new Map(
    rows.flatMap(([name, row]) => [name, ...(row.aliases ?? [])].map((each) => [each, name])),
  );
  const given = new Map<string, unknown[]>();
  const problems: HpcError[] = [];
  for (const [as, value] of pairs) {
    try {
      const name = names.get(as);
      const row = name === undefined ? undefined : table[name];
      if (name === undefined || row === undefined) throw unknownKey(as, Object.keys(table));
      const values = given.get(name) ?? [];
      if (values.length > 0 && !row.repeatable)
        throw badValue(as, `key "${as}" is given twice`, "Keep one of the two.");
      values.push(row.form.read(Buffer.from(value), as));
      given.set(name, values);
    } catch (error) {
      if (!(error instanceof HpcError)) throw error;
      problems.push(error);
    }
  }
  const warnings: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, row] of rows) {
    const list = given.get(name);
    const value = list === undefined ? row.default : row.repeatable ? list : list[0];
    values[fieldOf(name, row)] = value;
    const warning = row.warning?.(value);
    if (warning !== undefined) warnings.push(warning);
  }
  return { values: values as Values<T>, problems, warnings };
}

function unknownKey(name: string, known: readonly string[]): HpcError {
  const meant = nearest(name, known);
  const hint = meant === undefined ? "Remove it" : `Did you mean "${meant}"? Else remove it`;
  return new HpcError(
    "HPC_UNKNOWN_KEY",
    `unknown key "${printable(Buffer.from(name))}"`,
    `${hint}; the keys are: ${known.join(", ")}.`,
    { key: name },
  );
}
