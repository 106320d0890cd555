import { constants } from "node:os";
import { protocolError } from "@podheitor/hpc-ptcomm";
import { digestOf } from "../common/xxh";

/** What the backup was about to do. */
export const NoteOperation = {
  STAT: 1,
  OPEN_DIRECTORY: 2,
  LIST_DIRECTORY: 3,
  OPEN: 4,
  READ: 5,
  READ_LINK: 6,
  READ_XATTRS: 7,
} as const;
export type NoteOperation = (typeof NoteOperation)[keyof typeof NoteOperation];

/**
 * What an archive says of a name that it lacks, or has in part: the payload of an `N` frame in an
 * archive.
 */
export interface Note {
  /** Positive. */
  readonly errno: number;
  readonly operation: NoteOperation;
  readonly name: Buffer;
}

const { ENOENT, ENOTDIR, ELOOP, ESTALE, ENXIO } = constants.errno;
const GONE: ReadonlySet<number> = new Set([ENOENT, ENOTDIR, ELOOP, ESTALE, ENXIO]);

/** What open(2) says of a name that is gone, or is no longer what it was. */
export function isGone(errno: number): boolean {
  return GONE.has(errno);
}

/** Of a file that HSM has released, and that was left out for it. node:os does not name it. */
export const EREMOTE = 66;

const HEAD = 8;
const DIGEST = 8;

export function encodeNote({ errno, operation, name }: Note): Buffer {
  const payload = Buffer.alloc(HEAD + name.length + DIGEST);
  payload.writeUInt32LE(errno, 0);
  payload.writeUInt32LE(operation, 4);
  name.copy(payload, HEAD);
  payload.writeBigUInt64LE(digestOf(payload.subarray(0, -DIGEST)), HEAD + name.length);
  return payload;
}

/**
 * The name is a view. undefined: it does not match its checksum. Throws HPC_PAYLOAD for what no
 * writer made.
 */
export function decodeNote(payload: Buffer): Note | undefined {
  if (payload.length <= HEAD + DIGEST)
    throw protocolError("HPC_PAYLOAD", `a note of ${payload.length} bytes`);
  if (payload.readBigUInt64LE(payload.length - DIGEST) !== digestOf(payload.subarray(0, -DIGEST)))
    return undefined;
  const operation = payload.readUInt32LE(4);
  if (operation < NoteOperation.STAT || operation > NoteOperation.READ_XATTRS)
    throw protocolError("HPC_PAYLOAD", `a note of operation ${operation}`);
  return {
    errno: payload.readUInt32LE(0),
    operation: operation as NoteOperation, // checked above
    name: payload.subarray(HEAD, -DIGEST),
  };
}
