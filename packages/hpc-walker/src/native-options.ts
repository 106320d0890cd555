import { WalkerError } from "./errors";
import type { ScanOptions } from "./scanner";

const HEAD = 48;
const MIN_I64 = -(2n ** 63n);
const Flag = { SERIAL_DIRS: 1, KEEP_OLDER: 2 } as const;

const SLASH = 0x2f;

/** `struct hpc_scan_options` and the paths behind it. Throws HPC_SCAN_OPTIONS for what does not fit, and for a path that is not absolute. */
export function encodeScanOptions(options: ScanOptions): Buffer {
  const { shard } = options;
  const head = Buffer.alloc(HEAD);
  const flags = (options.serialDirectories ? Flag.SERIAL_DIRS : 0) | (options.keepOlder ? Flag.KEEP_OLDER : 0);
  try {
    head.writeUInt32LE(1, 0);
    head.writeUInt32LE(options.threads, 4);
    head.writeUInt32LE(options.inlineBytes, 8);
    head.writeUInt32LE(flags, 12);
    head.writeUInt32LE(shard?.index ?? 0, 16);
    head.writeUInt32LE(shard?.count ?? 0, 20);
    head.writeBigInt64LE(options.since ?? MIN_I64, 24);
    head.writeUInt32LE(options.ringEntries, 32);
    head.writeUInt32LE(options.ringBytes, 36);
    head.writeUInt32LE(options.paths.length, 40);
  } catch (cause) {
    throw badOptions(cause instanceof Error ? cause.message : String(cause), cause);
  }
  const parts: Buffer[] = [head];
  for (const path of options.paths) {
    // The scan goes on while the process may change its directory.
    if (path[0] !== SLASH) throw badOptions(`the path ${JSON.stringify(path.toString())} is not absolute`);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(path.length);
    parts.push(length, path);
  }
  return Buffer.concat(parts);
}

export function badOptions(why: string, cause?: unknown): WalkerError {
  return new WalkerError("HPC_SCAN_OPTIONS", `scan options: ${why}`, "Correct the options of the scan.", { cause });
}
