import type { HpcError } from "@podheitor/hpc-base";
import { putU32, putU64 } from "./bytes";
import { protocolError } from "./errors";

/** Bytes of a Z payload. */
export const DATA_END = 24;
const HAS_DIGEST = 1;

/** The end of an entry's data, against which a receiver checks what it got. */
export interface DataEnd {
  /** Bytes in the D frames before. */
  readonly bytes: bigint;
  /** errno of the read that ended it early; 0: the file was read to its end. */
  readonly errno: number;
  /** xxh3_64 of the data (archives). */
  readonly digest?: bigint;
}

export function putDataEnd(
  to: Buffer,
  at: number,
  bytes: number | bigint,
  errno: number,
  digest: bigint | undefined,
): void {
  if (typeof bytes === "bigint") to.writeBigUInt64LE(bytes, at);
  else putU64(to, at, bytes);
  putU32(to, at + 8, errno);
  putU32(to, at + 12, digest === undefined ? 0 : HAS_DIGEST);
  if (digest === undefined) putU64(to, at + 16, 0);
  else to.writeBigUInt64LE(digest, at + 16);
}

export function encodeDataEnd(end: DataEnd): Buffer {
  const payload = Buffer.alloc(DATA_END);
  putDataEnd(payload, 0, end.bytes, end.errno, end.digest);
  return payload;
}

/** Throws HPC_PAYLOAD. */
export function decodeDataEnd(payload: Buffer): DataEnd {
  if (payload.length !== DATA_END) throw refuse(`${payload.length} bytes instead of ${DATA_END}`);
  const errno = payload.readInt32LE(8);
  const flags = payload.readUInt32LE(12);
  if (errno < 0) throw refuse(`errno ${errno}`);
  if (flags & ~HAS_DIGEST) throw refuse(`unknown flags 0x${flags.toString(16)}`);
  const end = { bytes: payload.readBigUInt64LE(0), errno };
  return flags & HAS_DIGEST ? { ...end, digest: payload.readBigUInt64LE(16) } : end;
}

function refuse(what: string): HpcError {
  return protocolError("HPC_PAYLOAD", `end of data: ${what}`);
}
