import type { HpcError } from "@podheitor/hpc-base";
import { DATA_END, DATA_END_BYTES, DataEndFlag } from "@podheitor/hpc-wire";
import { putU32, putU64 } from "./bytes";
import { protocolError } from "./errors";

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
  if (typeof bytes === "bigint") to.writeBigUInt64LE(bytes, at + DATA_END.bytes);
  else putU64(to, at + DATA_END.bytes, bytes);
  putU32(to, at + DATA_END.error, errno);
  putU32(to, at + DATA_END.flags, digest === undefined ? 0 : DataEndFlag.DIGEST);
  if (digest === undefined) putU64(to, at + DATA_END.digest, 0);
  else to.writeBigUInt64LE(digest, at + DATA_END.digest);
}

export function encodeDataEnd(end: DataEnd): Buffer {
  const payload = Buffer.alloc(DATA_END_BYTES);
  putDataEnd(payload, 0, end.bytes, end.errno, end.digest);
  return payload;
}

/** Throws HPC_PAYLOAD. */
export function decodeDataEnd(payload: Buffer): DataEnd {
  if (payload.length !== DATA_END_BYTES)
    throw refuse(`${payload.length} bytes instead of ${DATA_END_BYTES}`);
  const errno = payload.readInt32LE(DATA_END.error);
  const flags = payload.readUInt32LE(DATA_END.flags);
  if (errno < 0) throw refuse(`errno ${errno}`);
  if (flags & ~DataEndFlag.DIGEST) throw refuse(`unknown flags 0x${flags.toString(16)}`);
  const end = { bytes: payload.readBigUInt64LE(DATA_END.bytes), errno };
  return flags & DataEndFlag.DIGEST
    ? { ...end, digest: payload.readBigUInt64LE(DATA_END.digest) }
    : end;
}

function refuse(what: string): HpcError {
  return protocolError("HPC_PAYLOAD", `end of data: ${what}`);
}
