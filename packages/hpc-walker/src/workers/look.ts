import { type BigIntStats, lstatSync, statSync } from "node:fs";
import { errnoOf } from "@podheitor/hpc-base";
import { EntryFlag, EntryKind, kindOfMode, ScanOp } from "@podheitor/hpc-wire";
import type { DirectoryExcludes } from "../excludes/exclude";
import type { EntryFields } from "../records/record-writer";
import type { ScanCounts } from "../scanner";
import { ENOENT, ENOTDIR, ESTALE } from "../system-error";
import { inodeHash } from "./inode-hash";
import { LOOKS_MAX } from "./limits";
import { counterIndex, SCAN_COUNTERS } from "./memory";
import { CHANGED, NO_PAYLOAD, type Payload, PayloadReader } from "./payload";
import type { WorkerSetup } from "./setup";
import type { SlotWriter } from "./slots";

const SECOND = 1_000_000_000n;

/**
 * One name at a time: stat it, decide whether it is wanted, read what belongs to it, write its
 * record.
 */
export class Looker {
  readonly #setup: WorkerSetup;
  readonly #slots: SlotWriter;
  readonly #payloads: PayloadReader;
  readonly #counters: Float64Array;

  constructor(setup: WorkerSetup, slots: SlotWriter) {
    this.#setup = setup;
    this.#slots = slots;
    this.#payloads = new PayloadReader(setup.inlineBytes, setup.memory.control);
    this.#counters = setup.memory.counters.subarray(
      setup.index * SCAN_COUNTERS,
      (setup.index + 1) * SCAN_COUNTERS,
    );
  }

  /**
   * `name` in `dir`, whole path `path`; an empty name is a root, and never excluded. The stats when
   * it is a directory.
   */
  look(
    dir: Buffer,
    name: Buffer,
    path: Buffer,
    excludes?: DirectoryExcludes,
  ): BigIntStats | undefined {
    this.count("scanned");
    const verdict = excludes?.(name, undefined) ?? "kept";
    if (verdict === "excluded") return this.#excluded();
    for (let looks = 1; ; looks++) {
      const last = looks === LOOKS_MAX;
      const stats = statOf(path, name.length === 0);
      if (typeof stats === "number") {
        if (stats === ESTALE && !last) continue;
        this.#notThere(dir, name, stats);
        return undefined;
      }
      if (verdict === "depends" && excludes?.(name, stats.isDirectory()) === "excluded")
        return this.#excluded();
      if (this.#handOut(dir, name, path, stats, last))
        return stats.isDirectory() ? stats : undefined;
    }
  }

  #excluded(): undefined {
    this.count("filteredExcluded");
    return undefined;
  }

  /** A directory whose listing is missing or incomplete. */
  notListed(dir: Buffer, op: ScanOp, errno: number, name: Buffer): void {
    this.count("dirsFailed");
    this.#slots.error(dir, op, errno, name);
  }

  count(counter: keyof ScanCounts, by = 1): void {
    const index = counterIndex(counter);
    this.#counters[index] = (this.#counters[index] ?? 0) + by;
  }

  peak(counter: "pendingPeak" | "fdsPeak", now: number): void {
    const index = counterIndex(counter);
    if (now > (this.#counters[index] ?? 0)) this.#counters[index] = now;
  }

  /** False: it changed under our hands, look again. */
  #handOut(dir: Buffer, name: Buffer, path: Buffer, stats: BigIntStats, last: boolean): boolean {
    const { shard, keepOlder } = this.#setup;
    const hash = inodeHash(stats.ino);
    if (
      shard !== undefined &&
      shard.count > 1 &&
      Number(hash % BigInt(shard.count)) !== shard.index
    ) {
      this.count("filteredShard");
      return true;
    }
    const older = this.#isOlder(stats);
    if (older && !keepOlder) {
      this.count("filteredOlder");
      return true;
    }
    let payload = this.#payload(path, stats, older, name.length === 0);
    if (payload === CHANGED) {
      if (!last) return false;
      payload = { ...NO_PAYLOAD, error: ESTALE };
    }
    this.#slots.entry(dir, fieldsOf(name, stats, hash, older, payload));
    this.count("handedOut");
    this.count("contentBytes", payload.content?.length ?? 0);
    return true;
  }

  /**
   * An older file's content is left out; its link target stays, for it costs no open and the entry
   * may be wanted after all.
   */
  #payload(
    path: Buffer,
    stats: BigIntStats,
    older: boolean,
    isRoot: boolean,
  ): Payload | typeof CHANGED {
    if (stats.isSymbolicLink()) return this.#payloads.link(path);
    return stats.isFile() && !older ? this.#payloads.content(path, stats, isRoot) : NO_PAYLOAD;
  }

  #isOlder(stats: BigIntStats): boolean {
    const { since } = this.#setup;
    return since !== undefined && stats.mtimeNs < since * SECOND && stats.ctimeNs < since * SECOND;
  }

  #notThere(dir: Buffer, name: Buffer, errno: number): void {
    if (name.length > 0 && (errno === ENOENT || errno === ENOTDIR)) {
      this.count("vanished");
    } else {
      this.count("failed");
      this.#slots.error(dir, ScanOp.STAT, errno, name);
    }
  }
}

/** lstat, or stat for a root; errno when it fails. */
export function statOf(path: Buffer, follow: boolean): BigIntStats | number {
  try {
    // A vanished name is ordinary, and making an Error for it costs more than the call.
    const stats = (follow ? statSync : lstatSync)(path, { bigint: true, throwIfNoEntry: false });
    return stats ?? ENOENT;
  } catch (error) {
    return errnoOf(error);
  }
}

function fieldsOf(
  name: Buffer,
  stats: BigIntStats,
  inoHash: bigint,
  older: boolean,
  payload: Payload,
): EntryFields {
  const mode = Number(stats.mode);
  const kind = kindOfMode(mode) ?? EntryKind.SOCKET;
  const isDevice = kind === EntryKind.CHARDEV || kind === EntryKind.BLOCKDEV;
  // Division of bigints rounds towards zero; before 1970 the seconds are to be rounded down.
  const seconds = (ns: bigint) => (ns < 0n ? (ns - SECOND + 1n) / SECOND : ns / SECOND);
  const [mtimeSeconds, atimeSeconds, ctimeSeconds] = [
    seconds(stats.mtimeNs),
    seconds(stats.atimeNs),
    seconds(stats.ctimeNs),
  ];
  return {
    kind,
    flags: older ? EntryFlag.OLDER : 0,
    name,
    link: payload.link,
    content: payload.content,
    error: payload.error,
    inoHash,
    nlink: Number(stats.nlink),
    ino: stats.ino,
    dev: stats.dev,
    size: stats.size,
    blocks: stats.blocks,
    mtimeSeconds,
    atimeSeconds,
    ctimeSeconds,
    mtimeNanoseconds: Number(stats.mtimeNs - mtimeSeconds * SECOND),
    atimeNanoseconds: Number(stats.atimeNs - atimeSeconds * SECOND),
    ctimeNanoseconds: Number(stats.ctimeNs - ctimeSeconds * SECOND),
    mode,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    rdev: isDevice ? stats.rdev : 0n,
    blksize: Number(stats.blksize),
  };
}
