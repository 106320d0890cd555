import {
  ENTRY_HEAD_BYTES,
  RECORD_PREFIX_BYTES,
  SCAN_STATS,
  SCAN_STATS_BYTES,
} from "@podheitor/hpc-wire";
import { paddedLength } from "../records/record";
import type { ScanCounts, ScanOptions } from "../scanner";
import { maxSlots, PATH_MAX, SLOT_BYTES, STACK_BYTES } from "./limits";

/** Words of the control block (Int32Array). Waited-on words are counters that only ever grow. */
export const Word = {
  /** 1: everybody ends. */
  STOP: 0,
  /** Pieces of work that exist anywhere and are not finished; 0 = the scan is complete. */
  PENDING: 1,
  /** Workers that wait for work. */
  HUNGRY: 2,
  /** Grows when work was given away, at the end, and on stop; hungry workers wait on it. */
  WORK: 3,
  /** Grows when a slot became free; workers with a full ring wait on it. */
  FREE: 4,
  /** Grows when a slot was filled or a worker ended; the consumer waits on it. */
  FILLED: 5,
  /** Workers that have not ended. */
  RUNNING: 6,
  /** Directories and files that are open. */
  OPEN: 7,
  /** Mutex of the stack. */
  LOCK: 8,
  STACK_TOP: 9,
  STACK_COUNT: 10,
  /** From here two words for each slot: state, length. */
  SLOTS: 16,
} as const;

/** Counters of one worker: a Float64Array, in the order of the native engine's. */
export const SCAN_COUNTERS = SCAN_STATS_BYTES / 8;

/** Where a counter lies among those of its worker. This engine never counts the last ones. */
export function counterIndex(counter: keyof ScanCounts): number {
  return SCAN_STATS[counter] / 8;
}

/** What main and workers share. */
export interface ScanMemory {
  readonly control: Int32Array;
  readonly counters: Float64Array;
  readonly stack: Uint8Array;
  readonly slots: Uint8Array;
  readonly slotBytes: number;
  readonly slotCount: number;
  readonly entriesPerSlot: number;
}

/**
 * Sizes for these options; `rootBytes` = room that the roots need on the stack: no root is longer.
 */
export function allocateMemory(
  options: ScanOptions,
  workers: number,
  rootBytes: number,
): ScanMemory {
  const largest =
    paddedLength(Math.max(PATH_MAX, rootBytes)) +
    RECORD_PREFIX_BYTES +
    ENTRY_HEAD_BYTES +
    2 * PATH_MAX +
    Math.max(0, options.inlineBytes);
  const slotBytes = Math.max(SLOT_BYTES, Math.ceil(largest / 4096) * 4096);
  const wanted = Math.floor(options.ringBytes / slotBytes);
  // Each worker holds one while it writes; one more lets the consumer get ahead.
  const slotCount = Math.min(maxSlots(workers), Math.max(workers + 1, wanted));
  return {
    control: new Int32Array(new SharedArrayBuffer(4 * (Word.SLOTS + 2 * slotCount))),
    counters: new Float64Array(new SharedArrayBuffer(8 * SCAN_COUNTERS * workers)),
    stack: new Uint8Array(new SharedArrayBuffer(STACK_BYTES + rootBytes)),
    slots: new Uint8Array(new SharedArrayBuffer(slotBytes * slotCount)),
    slotBytes,
    slotCount,
    entriesPerSlot: Math.max(1, Math.floor(options.ringEntries / slotCount)),
  };
}

/** Sums over the workers; peaks are peaks of all together already, so the largest counts. */
export function statsOf(counters: Float64Array): ScanCounts {
  const sum = (name: keyof ScanCounts) => {
    const each = counters.filter((_, i) => i % SCAN_COUNTERS === counterIndex(name));
    return name.endsWith("Peak") ? Math.max(...each) : each.reduce((a, b) => a + b, 0);
  };
  const names = Object.keys(SCAN_STATS) as (keyof ScanCounts)[];
  return Object.fromEntries(names.map((name) => [name, sum(name)])) as ScanCounts;
}

/**
 * Adds one to a counter word and wakes those who wait on it: all, or as many as there is something
 * for.
 */
export function signal(control: Int32Array, word: number, wake = Number.POSITIVE_INFINITY): void {
  Atomics.add(control, word, 1);
  Atomics.notify(control, word, wake);
}

export function stopAll(control: Int32Array): void {
  Atomics.store(control, Word.STOP, 1);
  for (const word of [Word.WORK, Word.FREE, Word.FILLED]) signal(control, word);
}
