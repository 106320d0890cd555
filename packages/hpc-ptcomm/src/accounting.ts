import type { HpcError } from "@podheitor/hpc-base";
import { COUNTERS, COUNTERS_LEAST } from "@podheitor/hpc-wire";
import { protocolError } from "./errors";

const VERSION = 1;

/** What became of everything a job saw. Numbers are exact to 2^53. */
export type Accounting = Readonly<Record<(typeof COUNTERS)[number], number>>;

export function emptyAccounting(): Record<keyof Accounting, number> {
  return Object.fromEntries(COUNTERS.map((name) => [name, 0])) as Record<keyof Accounting, number>;
}

/** Payload of a U frame. Counters that are not given are 0. */
export function encodeAccounting(counters: Partial<Accounting>): Buffer {
  const payload = Buffer.alloc(8 + 8 * COUNTERS.length);
  payload.writeUInt32LE(VERSION, 0);
  payload.writeUInt32LE(COUNTERS.length, 4);
  COUNTERS.forEach((name, i) => {
    payload.writeBigUInt64LE(BigInt(counters[name] ?? 0), 8 + 8 * i);
  });
  return payload;
}

/**
 * Counters of a later release are ignored, those that an older one did not send are 0. Throws
 * HPC_PAYLOAD.
 */
export function decodeAccounting(payload: Buffer): Accounting {
  if (payload.length < 8 || payload.readUInt32LE(0) !== VERSION) throw refuse("not version 1");
  const count = payload.readUInt32LE(4);
  if (count < COUNTERS_LEAST || payload.length !== 8 + 8 * count) {
    throw refuse(`${count} counters in ${payload.length} bytes`);
  }
  const accounting = emptyAccounting();
  COUNTERS.slice(0, count).forEach((name, i) => {
    accounting[name] = Number(payload.readBigUInt64LE(8 + 8 * i));
  });
  return accounting;
}

/**
 * True when every entry that was seen is in exactly one place: the sums of docs/ptcomm.md, for a
 * backup.
 */
export function isBalanced(a: Accounting): boolean {
  const filtered =
    a.filteredShard +
    a.filteredSince +
    a.filteredUnchanged +
    a.filteredSockets +
    a.filteredDialect +
    a.filteredOther;
  const kinds = a.files + a.directories + a.symlinks + a.hardlinks + a.specials;
  return a.scanned === a.emitted + filtered + a.vanished + a.failed && a.emitted === kinds;
}

function refuse(what: string): HpcError {
  return protocolError("HPC_PAYLOAD", `accounting: ${what}`);
}
