import { parseShard, STRATEGY_NAMES, type StrategyName, splitOf } from "@podheitor/hpc-shard";
import { excludeProblem, type GivenName, markerProblem } from "@podheitor/hpc-walker";
import { HpcError } from "../errors";
import { BANDWIDTH_MIB, CHANNEL_DEPTH, INLINE_KIB, METADATA_OPS, THREADS } from "../limits";
import { printable } from "../printable";
import { absolutePath } from "./paths";
import { type NestedRoot, withoutNested } from "./roots";

export const MODES = ["auto", "posix", "lustre", "gpfs", "cephfs", "beegfs", "weka"] as const;
export type Mode = (typeof MODES)[number];

export const PROJECT_CHOICES = ["auto", "yes", "no"] as const;
export type ProjectChoice = (typeof PROJECT_CHOICES)[number];
export const HSM_CHOICES = ["skip", "recall"] as const;
export type HsmChoice = (typeof HSM_CHOICES)[number];

/** What a job was asked to do, checked. */
export interface JobParams {
  /**
   * Roots, absolute, without a trailing `/` (but "/" itself), none twice; one inside another only
   * where something is left out.
   */
  readonly paths: readonly Buffer[];
  /** undefined: the whole namespace. */
  readonly shard: { readonly index: number; readonly count: number } | undefined;
  readonly strategy: StrategyName;
  readonly mode: Mode;
  /** undefined: what suits the filesystem. */
  readonly threads: number | undefined;
  /** Stats and opens of the scan, a second; undefined: no limit. */
  readonly metadataOps: number | undefined;
  /**
   * Whether the scan gives way to a filesystem that grows slow; undefined: where it is on a
   * network.
   */
  readonly backOff: boolean | undefined;
  /** Files beyond `inlineKib` leave the page cache once they were read. */
  readonly dropBehind: boolean;
  /** MiB that are sent, a second; undefined: no limit. */
  readonly bandwidthMib: number | undefined;
  readonly inlineKib: number;
  /** Entries that may wait between the scan and the receiver. */
  readonly channelDepth: number;
  readonly allowRoot: boolean;
  /** Patterns of what is left out, in their order (gitignore's rules; docs/plugin.md). */
  readonly excludes: readonly Buffer[];
  /** A directory that holds one of these names is saved without its content. */
  readonly markers: readonly Buffer[];
  /** Directories on which another filesystem is mounted are saved without their content. */
  readonly oneFilesystem: boolean;
  /** Extended attributes, ACLs, inode flags. */
  readonly xattrs: boolean;
  /**
   * Whether a server is asked for project ids and flags, one request an entry; auto: where one can
   * be expected on Lustre.
   */
  readonly project: ProjectChoice;
  /** Whether files that HSM has released are brought back to be saved. */
  readonly hsm: HsmChoice;
  /** Goes on while an MDT of Lustre is inactive, without what lies on it. */
  readonly degraded: boolean;
  /** The directory that the paths of all jobs of a generation are parts of; undefined: not said. */
  readonly tree: Buffer | undefined;
  /** What of it other jobs save, or nobody should. */
  readonly otherPaths: readonly Buffer[];
  /** Paths that were named as well and lie inside a root: they are saved with it. */
  readonly nested: readonly NestedRoot[];
  /** Things to say in the job log: nested roots that were dropped. */
  readonly notes: readonly string[];
}

interface Draft {
  paths: Buffer[];
  shard: { index: number; count: number } | undefined;
  strategy: StrategyName | undefined;
  mode: Mode;
  threads: number | undefined;
  metadataOps: number | undefined;
  backOff: boolean | undefined;
  dropBehind: boolean;
  bandwidthMib: number | undefined;
  inlineKib: number;
  channelDepth: number;
  allowRoot: boolean;
  excludes: Buffer[];
  markers: Buffer[];
  oneFilesystem: boolean;
  xattrs: boolean;
  project: ProjectChoice;
  hsm: HsmChoice;
  degraded: boolean;
  tree: Buffer | undefined;
  otherPaths: Buffer[];
}

/** One line per key: what to do with its value. A key exists when it works. */
const KEYS: Readonly<Record<string, (draft: Draft, value: Buffer, key: string) => void>> = {
  path: (draft, value) => void draft.paths.push(absolutePath(value, "path")),
  shard: (draft, value, key) => {
    draft.shard = shard(value.toString("latin1"), key);
  },
  strategy: (draft, value, key) => {
    draft.strategy = oneOf(STRATEGY_NAMES, value, key);
  },
  mode: (draft, value, key) => {
    draft.mode = oneOf(MODES, value, key);
  },
  threads: (draft, value, key) => {
    draft.threads = integer(value, key, THREADS);
  },
  "metadata-ops": (draft, value, key) => {
    draft.metadataOps = integer(value, key, METADATA_OPS);
  },
  "back-off": (draft, value, key) => {
    draft.backOff = yesOrNo(value, key);
  },
  "drop-behind": (draft, value, key) => {
    draft.dropBehind = yesOrNo(value, key);
  },
  bandwidth: (draft, value, key) => {
    draft.bandwidthMib = integer(value, key, BANDWIDTH_MIB);
  },
  inline_kib: (draft, value, key) => {
    draft.inlineKib = integer(value, key, INLINE_KIB);
  },
  channel_depth: (draft, value, key) => {
    draft.channelDepth = integer(value, key, CHANNEL_DEPTH);
  },
  "allow-root": (draft, value, key) => {
    draft.allowRoot = yesOrNo(value, key);
  },
  exclude: (draft, value, key) => void draft.excludes.push(excludePattern(value, key)),
  "exclude-marker": (draft, value, key) => void draft.markers.push(markerName(value, key)),
  "one-filesystem": (draft, value, key) => {
    draft.oneFilesystem = yesOrNo(value, key);
  },
  xattrs: (draft, value, key) => {
    draft.xattrs = yesOrNo(value, key);
  },
  project: (draft, value, key) => {
    draft.project = oneOf(PROJECT_CHOICES, value, key);
  },
  hsm: (draft, value, key) => {
    draft.hsm = oneOf(HSM_CHOICES, value, key);
  },
  degraded: (draft, value, key) => {
    draft.degraded = yesOrNo(value, key);
  },
  tree: (draft, value, key) => {
    draft.tree = absolutePath(value, key);
  },
  "other-path": (draft, value, key) => void draft.otherPaths.push(absolutePath(value, key)),
};
const REPEATABLE: ReadonlySet<string> = new Set([
  "path",
  "exclude",
  "exclude-marker",
  "other-path",
]);

/** The keys that parseParams knows. */
export const KNOWN_KEYS: readonly string[] = Object.keys(KEYS);

/**
 * Turns the pairs of a plugin string into a checked job. Looks at no filesystem: whether its paths
 * can be saved is for `requireRoots`. Only `path`, `exclude`, `exclude-marker` and `other-path` may
 * be given more than once.
 * Values are bytes, or text that means its UTF-8. Throws HpcError with `key` set: HPC_UNKNOWN_KEY,
 * HPC_BAD_VALUE, HPC_NO_PATH, HPC_BAD_PATH.
 */
export function parseParams(pairs: Iterable<readonly [key: string, value: GivenName]>): JobParams {
  const draft: Draft = {
    paths: [],
    shard: undefined,
    strategy: undefined,
    mode: "auto",
    threads: undefined,
    metadataOps: undefined,
    backOff: undefined,
    dropBehind: false,
    bandwidthMib: undefined,
    inlineKib: INLINE_KIB.fallback,
    channelDepth: CHANNEL_DEPTH.fallback,
    allowRoot: false,
    excludes: [],
    markers: [],
    oneFilesystem: false,
    xattrs: true,
    project: "auto",
    hsm: "skip",
    degraded: false,
    tree: undefined,
    otherPaths: [],
  };
  const seen = new Set<string>();
  for (const [key, value] of pairs) {
    const apply = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
    if (apply === undefined) {
      throw new HpcError(
        "HPC_UNKNOWN_KEY",
        `unknown key "${printable(Buffer.from(key))}"`,
        `Remove it; the keys are: ${KNOWN_KEYS.join(", ")}.`,
        key,
      );
    }
    if (!REPEATABLE.has(key) && seen.has(key)) {
      throw new HpcError(
        "HPC_BAD_VALUE",
        `key "${key}" is given twice`,
        "Keep one of the two.",
        key,
      );
    }
    seen.add(key);
    apply(draft, Buffer.from(value), key);
  }
  if (draft.paths.length === 0) {
    throw new HpcError(
      "HPC_NO_PATH",
      'key "path" is missing',
      "Say what to save: path=/absolute/directory.",
      "path",
    );
  }
  if (
    draft.strategy !== undefined &&
    splitOf(draft.strategy) === "none" &&
    (draft.shard?.count ?? 1) > 1
  ) {
    throw new HpcError(
      "HPC_BAD_VALUE",
      `strategy=${draft.strategy} cannot make shard ${draft.shard?.index}/${draft.shard?.count}: every shard would hold everything`,
      `Use strategy=${draft.strategy === "none" ? "inode-hash (the default with shard)" : "subtree+inode-hash"}, or leave shard out.`,
      "strategy",
    );
  }
  if (draft.otherPaths.length > 0 && draft.tree === undefined)
    throw new HpcError(
      "HPC_BAD_VALUE",
      'key "other-path" is given without "tree"',
      "Say which directory is to be covered: tree=/directory.",
      "other-path",
    );
  const { paths, nested, notes } = withoutNested(draft.paths, draft);
  const strategy = draft.strategy ?? (draft.shard === undefined ? "none" : "inode-hash");
  return { ...draft, paths, nested, strategy, notes };
}

function shard(text: string, key: string): { index: number; count: number } {
  try {
    return parseShard(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new HpcError(
      "HPC_BAD_VALUE",
      `shard=${printable(Buffer.from(text))}: ${reason}`,
      "Write shard=K/N with 0 <= K < N.",
      key,
    );
  }
}

function excludePattern(value: Buffer, key: string): Buffer {
  const problem = excludeProblem(value);
  if (problem === undefined) return value;
  throw new HpcError(
    "HPC_BAD_VALUE",
    `exclude "${printable(value)}" ${problem}`,
    "Write a gitignore pattern, such as *.tmp or /scratch/; a backslash takes the next character as it is.",
    key,
  );
}

function markerName(value: Buffer, key: string): Buffer {
  const problem = markerProblem(value);
  if (problem === undefined) return value;
  throw new HpcError(
    "HPC_BAD_VALUE",
    `exclude-marker "${printable(value)}" ${problem}`,
    "Write the name of a file, such as .nobackup or CACHEDIR.TAG.",
    key,
  );
}

function yesOrNo(value: Buffer, key: string): boolean {
  return oneOf(["yes", "no"] as const, value, key) === "yes";
}

function oneOf<T extends string>(choices: readonly T[], value: Buffer, key: string): T {
  const text = value.toString("latin1");
  const choice = choices.find((candidate) => candidate === text);
  if (choice === undefined) {
    throw new HpcError(
      "HPC_BAD_VALUE",
      `${key}=${printable(value)} is not known`,
      `Use one of: ${choices.join(", ")}.`,
      key,
    );
  }
  return choice;
}

function integer(
  value: Buffer,
  key: string,
  range: { readonly min: number; readonly max: number },
): number {
  const text = value.toString("latin1");
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= range.min && number <= range.max)) {
    throw new HpcError(
      "HPC_BAD_VALUE",
      `${key}=${printable(value)} is out of range`,
      `Use a whole number from ${range.min} to ${range.max}.`,
      key,
    );
  }
  return number;
}
