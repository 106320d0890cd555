import { type Shard, WHOLE } from "@podheitor/hpc-shard";
import { openNativeScanner, RecordCursor, RecordType } from "@podheitor/hpc-walker";
import { requireDescriptors } from "../params/descriptors";
import type { JobParams } from "../params/params";
import { planScan } from "../params/plan";
import { requireRoots } from "../params/roots";

/**
 * What looks at a tree without saving it. The cursor stands on an ENTRY, and is valid during the
 * call only.
 */
export interface Surveyor {
  /** The entries that follow are in this directory; a directory may come more than once. */
  directory(path: Buffer): void;
  entry(cursor: RecordCursor): void;
}

/** What the scan met beside the entries that it handed out. */
export interface Surveyed {
  readonly scanned: number;
  readonly excluded: number;
  readonly vanished: number;
  readonly failed: number;
  /** Directories that could not be listed, or not in full. */
  readonly unlistable: number;
  /** Entries that a sample left out. */
  readonly unsampled: number;
  readonly seconds: number;
}

/**
 * Scans all that the parameters name, whichever shard they say, with no content and no extended
 * attributes. `sample`: looks only at the entries whose inode's hash modulo `count` is `index`;
 * where `readdir` tells the inode, the others cost no stat. `byMdt`: the cursor tells the MDTs of
 * directories. Constant memory. Rejects with the scanner's error, HPC_DESCRIPTORS,
 * HPC_ROOT_REFUSED, and the signal's reason.
 */
export async function surveyTree(
  params: JobParams,
  surveyor: Surveyor,
  options: {
    readonly signal?: AbortSignal;
    readonly progress?: () => void;
    readonly sample?: Shard | undefined;
    readonly byMdt?: boolean;
  } = {},
): Promise<Surveyed> {
  const whole: JobParams = { ...params, shard: undefined, strategy: "none" };
  const sharding = { byInode: true, byMdt: options.byMdt ?? false, shard: options.sample ?? WHOLE };
  const scope = { since: undefined, keepOlder: false, content: false, sharding };
  const started = performance.now();
  requireDescriptors("a scan");
  await requireRoots(whole);
  const scanner = openNativeScanner({
    ...(await planScan(whole, scope)).scan,
    signal: options.signal,
  });
  const cursor = new RecordCursor();
  try {
    for await (const batch of scanner) {
      for (cursor.reset(batch.bytes); cursor.next(); ) {
        if (cursor.type === RecordType.DIR) surveyor.directory(cursor.dir);
        else if (cursor.type === RecordType.ENTRY) surveyor.entry(cursor);
      }
      options.progress?.();
    }
    const stats = scanner.stats();
    return {
      scanned: stats.scanned,
      excluded: stats.filteredExcluded,
      vanished: stats.vanished,
      failed: stats.failed,
      unlistable: stats.dirsFailed,
      unsampled: stats.filteredShard,
      seconds: (performance.now() - started) / 1000,
    };
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error;
  }
}
