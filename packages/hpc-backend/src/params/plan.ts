import { realpath } from "node:fs/promises";
import { counted, HpcError, printable } from "@podheitor/hpc-archive";
import { causeOf } from "@podheitor/hpc-base";
import {
  askFilesystem,
  defaultThreads,
  type Filesystem,
  filesystemByMounts,
  serverRole,
} from "@podheitor/hpc-native";
import { type ShardStrategy, WHOLE } from "@podheitor/hpc-shard";
import type { ScanOptions } from "@podheitor/hpc-walker";
import { RING_BYTES } from "../limits";
import { fieldOf, type KeyTable, type ScanFacts, type Values } from "./key-types";
import { KEYS } from "./keys";
import { mdtCount } from "./mdts";
import type { JobParams } from "./params";

/** The parts of a job that do not come from the plugin string. */
export interface JobScope {
  /**
   * Entries whose mtime and ctime are both before this epoch second are older; undefined:
   * everything.
   */
  readonly since: bigint | undefined;
  /** Hand older entries out (accurate jobs ask about them) instead of dropping them. */
  readonly keepOlder: boolean;
  /** Never older, with all that is below: what the job before could not see. */
  readonly whole?: readonly Buffer[];
  /** false: an estimate, no content at all. */
  readonly content: boolean;
  /** undefined: everything is wanted. */
  readonly sharding?: Pick<ShardStrategy, "byInode" | "byMdt" | "shard">;
}

/** A job ready to run: what the scanner is asked, and what the job log should say about it. */
export interface Plan {
  readonly scan: ScanOptions;
  readonly warnings: readonly string[];
  readonly notes: readonly string[];
  /** Of the roots, where they can be told. */
  readonly filesystems: readonly Filesystem[];
}

/**
 * Looks at the filesystems of the roots and settles what the parameters left open. Rejects with
 * HPC_ROOT_REFUSED when a root is the mount point of a parallel filesystem and `allow-root` is not
 * set. Waits for them and blocks nothing else.
 */
export async function planScan(params: JobParams, scope: JobScope): Promise<Plan> {
  const { found, warnings } = await checkRoots(params);
  const role = found.some(({ isParallel }) => isParallel) ? serverRole() : undefined;
  if (role !== undefined) warnings.push(serverWarning(role));
  const { byInode, byMdt, shard } = scope.sharding ?? { byInode: true, byMdt: false, shard: WHOLE };
  const whole = shard.count === 1;
  // Where the engine cannot tell whose an entry is, it must not read what another shard will:
  // contents are read later.
  const { projects, ...effects } = await effectsOf(KEYS, params, {
    filesystems: found,
    content: scope.content,
    knowsOwn: whole || byInode,
    suitingThreads: () => suitingThreads(found),
  });
  const scan: ScanOptions = {
    ...ASKED_BY_KEYS,
    ...effects,
    paths: params.paths,
    ...(byInode && !whole ? { shard } : {}),
    ...(scope.since !== undefined ? { since: scope.since } : {}),
    keepOlder: scope.keepOlder,
    ...(scope.whole === undefined ? {} : { whole: scope.whole }),
    readAhead: found.length === params.paths.length && found.every(({ isNetwork }) => !isNetwork),
    ...(params.xattrs && projects !== undefined ? { projects } : {}),
    ...(byMdt ? { mdts: true } : {}),
    ringBytes: RING_BYTES,
  };
  const notes = scan.xattrs && scan.projects === "directories" ? [PROJECTS_NOTE] : [];
  return {
    warnings: [...params.warnings, ...warnings],
    notes: [...params.notes, ...notes],
    filesystems: found,
    scan,
  };
}

/** What a scan cannot go without; the keys of it have defaults. */
const ASKED_BY_KEYS = { threads: 1, inlineBytes: 0, serialDirectories: false, ringEntries: 1 };

/** What the scan is asked because of the values of the keys of a table. */
export async function effectsOf<T extends KeyTable>(
  table: T,
  values: Values<T>,
  facts: ScanFacts,
): Promise<Partial<ScanOptions>> {
  const fields: Readonly<Record<string, unknown>> = values;
  const effects = Object.entries(table).map(([name, row]) =>
    row.effect?.(fields[fieldOf(name, row)], facts),
  );
  return Object.assign({}, ...(await Promise.all(effects)));
}

/** Which of them are asked is no secret: what a file has that is not asked is lost. */
const PROJECTS_NOTE =
  "project=auto: every directory is asked for its project id and flags, and every file in a directory that has a project; other files are not (project=yes asks all)";

/**
 * The most threads that one of the filesystems suits. `countMdts`: of the Lustre that is mounted
 * there.
 */
export async function suitingThreads(
  found: readonly Pick<Filesystem, "type" | "isNetwork" | "mountPoint">[],
  countMdts: (mountPoint: Buffer) => Promise<number | undefined> = mdtCount,
): Promise<number> {
  let most = 1;
  for (const { type, isNetwork, mountPoint } of found) {
    const mdts =
      type === "lustre" && mountPoint !== undefined ? await countMdts(mountPoint) : undefined;
    most = Math.max(most, defaultThreads({ isNetwork }, mdts));
  }
  return most;
}

/** For a File Daemon on a machine that also serves the filesystem it saves. */
function serverWarning(role: string): string {
  return `this File Daemon runs on a server of the filesystem (${role}): the backup takes memory and disk time from every client, and can lock up under load; run it on a client`;
}

function withoutUserXattrs({ mountPoint }: Filesystem): string {
  const mount = mountPoint === undefined ? "the filesystem" : printable(mountPoint);
  return `${mount} is mounted without user_xattr: extended attributes user.* are not shown there, and not saved; mount it with \`-o user_xattr\``;
}

/** The filesystem of each root, and what is odd about it. Throws HPC_ROOT_REFUSED. */
export async function checkRoots(
  params: JobParams,
): Promise<{ readonly found: Filesystem[]; readonly warnings: string[] }> {
  const found: Filesystem[] = [];
  const warnings: string[] = [];
  for (const path of params.paths) {
    let filesystem: Filesystem;
    let real: Buffer;
    try {
      filesystem = await counted(askFilesystem(path));
      real = await counted(realpath(path, { encoding: "buffer" }));
    } catch (error) {
      const known = filesystemByMounts(path);
      if (known?.isParallel) {
        // Its server is away: what is mounted there is no secret.
        found.push(known);
        continue;
      }
      warnings.push(
        `the filesystem of ${printable(path)} cannot be told (${causeOf(error)}): treated as posix`,
      );
      continue;
    }
    found.push(filesystem);
    if (filesystem.type === "lustre" && /(^|,)nouser_xattr(,|$)/.test(filesystem.options))
      warnings.push(withoutUserXattrs(filesystem));
    const warning = checkRoot({ path, real, filesystem }, params);
    if (warning !== undefined) warnings.push(warning);
  }
  return { found, warnings };
}

/**
 * One root by what is known of it: `real` is `path` without symlinks, for the mount table names
 * real paths. Returns a warning.
 * Throws HPC_ROOT_REFUSED.
 */
export function checkRoot(
  root: { readonly path: Buffer; readonly real: Buffer; readonly filesystem: Filesystem },
  { mode, allowRoot }: Pick<JobParams, "mode" | "allowRoot">,
): string | undefined {
  const { path, real, filesystem } = root;
  if (
    filesystem.isParallel &&
    filesystem.isWhole &&
    !allowRoot &&
    filesystem.mountPoint?.equals(real)
  ) {
    throw new HpcError(
      "HPC_ROOT_REFUSED",
      `path ${printable(path)} is the root of a whole ${filesystem.type} filesystem`,
      "Name the directories to save, or add allow-root=yes if you mean all of it.",
      { key: "path" },
    );
  }
  if (mode === "auto" || mode === "posix" || filesystem.type === mode) return undefined;
  const how =
    mode === "lustre" ? "a directory is read by one thread all the same" : "it is read as posix";
  return `mode=${mode}, but ${printable(path)} is on ${filesystem.type}: ${how}`;
}
