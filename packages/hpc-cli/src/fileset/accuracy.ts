import type { GenerationPlan } from "../generation/plan";
import { formatCount } from "../text/format";

/** Whether the jobs are accurate, and why, as lines of a comment. */
export interface Accuracy {
  readonly is: boolean;
  readonly why: readonly string[];
}

/**
 * More names than this in a shard, and the File Daemon would need gigabytes for the list of each
 * job.
 */
const MOST_NAMES = 20_000_000;

/**
 * What the File Daemon holds of each name of an accurate job, in bytes: name, attributes, digest,
 * and their place in a table.
 */
const BYTES_A_NAME = [100, 200] as const;

const FINDS = [
  "A job that walks the tree learns by the list of the jobs before which names were deleted, and that a file",
  "or directory with old times was renamed or moved in.",
];
const WITHOUT = [
  "A job that is not accurate never records that a name was deleted, and a file or directory with old times",
  "that was renamed or moved in waits for the next Full.",
];

/**
 * @param given `--accurate`
 * @param names those of the largest shard by the last jobs; undefined: not known
 */
export function accuracyOf(given: string | undefined, names: number | undefined): Accuracy {
  const known =
    names === undefined
      ? ""
      : `, by the last jobs ${formatCount(names)} names in the largest shard`;
  if (given === "yes")
    return { is: true, why: [`As --accurate yes says${known}.`, ...FINDS, ...costs(names)] };
  if (given === "no") return { is: false, why: [`As --accurate no says${known}.`, ...WITHOUT] };
  if (names === undefined || names <= MOST_NAMES)
    return { is: true, why: [...FINDS, ...costs(names)] };
  return {
    is: false,
    why: [
      ...WITHOUT,
      ...costs(names),
      `That is beyond ${formatCount(MOST_NAMES)} names: more shards have fewer each; --accurate yes is accurate all the same.`,
    ],
  };
}

/** What an accurate job costs, with figures. */
function costs(names: number | undefined): string[] {
  const [least, most] = BYTES_A_NAME.map((bytes) =>
    (((names ?? MOST_NAMES) * bytes) / 1e9).toFixed(1),
  );
  const of =
    names === undefined
      ? `${formatCount(MOST_NAMES)} names, beyond which a shard should not be accurate (--catalog tells how many there are)`
      : `the ${formatCount(names)} names of the largest shard by the last jobs`;
  return [
    `An accurate job loads that list into the File Daemon, ${BYTES_A_NAME.join(" to ")} bytes a name:`,
    `${least} to ${most} GB of memory for ${of}.`,
  ];
}

/**
 * Names of the largest shard; of another number of shards, of an even one. A job after the Full
 * that has more was accurate about more.
 */
export function namesOfLargest(
  plan: GenerationPlan | undefined,
  shards: number,
): number | undefined {
  const each = (plan?.chains ?? []).map(({ jobs }) => Math.max(...jobs.map(({ files }) => files)));
  if (plan === undefined || each.length === 0) return undefined;
  if (plan.shards === shards) return Math.max(...each);
  return Math.ceil(each.reduce((sum, files) => sum + files, 0) / shards);
}
