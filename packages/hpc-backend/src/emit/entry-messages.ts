import { constants } from "node:os";
import { fullName, NoteOperation, printable } from "@podheitor/hpc-archive";
import { errnoText } from "@podheitor/hpc-base";
import type { RecordCursor } from "@podheitor/hpc-walker";
import type { Torn } from "../entry/content-reader";
import type { Attributes } from "../entry/file-ahead";

/*
 * What the job log says of the entry that the cursor stands on: one line each, which begins with
 * its name.
 */

const { E2BIG } = constants.errno;
/** Scan operations and notes have the same numbers for the same things. */
const OPERATIONS: Readonly<Record<NoteOperation, string>> = {
  [NoteOperation.STAT]: "stat",
  [NoteOperation.OPEN_DIRECTORY]: "open directory",
  [NoteOperation.LIST_DIRECTORY]: "list directory",
  [NoteOperation.OPEN]: "open",
  [NoteOperation.READ]: "read",
  [NoteOperation.READ_LINK]: "read the link target",
  [NoteOperation.READ_XATTRS]: "read extended attributes",
};

const LEFT_OUT = {
  socket: "sockets are not saved",
  ownOutput:
    "not saved, as every archive that is being written, its earlier version, and those of other shards",
  released: "HSM has released it to its archive: not saved (hsm=skip)",
  vanished: "vanished before it could be saved",
} as const;

export function leftOutText(cursor: RecordCursor, why: keyof typeof LEFT_OUT): string {
  return `${shown(cursor)}: ${LEFT_OUT[why]}`;
}

export function failedText(cursor: RecordCursor, operation: NoteOperation, errno: number): string {
  return `${shown(cursor)}: cannot ${OPERATIONS[operation]}: ${errnoText(errno)}`;
}

/** `sent`: bytes of its content that went before. */
export function readFailedText(cursor: RecordCursor, sent: number, errno: number): string {
  return `${shown(cursor)}: read failed after ${sent} bytes: ${errnoText(errno)}`;
}

/** Of a file that is saved as it is now. */
export function changedText(cursor: RecordCursor): string {
  return `${shown(cursor)}: changed since it was listed: it is saved as it is now`;
}

/** `saved`: bytes that there were, with its holes; of `size`, which its attributes promise. */
export function tornText(cursor: RecordCursor, how: Torn, saved: number, size: bigint): string {
  const name = shown(cursor);
  if (how === "shrank") return `${name}: shrank while it was read: ${saved} bytes saved of ${size}`;
  if (how === "grew") return `${name}: grew while it was read: the first ${size} bytes are saved`;
  return `${name}: changed while it was read: what is saved may be a mixture of before and after`;
}

/** Of extended attributes that are not, or not all of them, in the record. */
export function xattrsText(
  cursor: RecordCursor,
  { xattrs, xattrError: errno }: Attributes,
): string {
  const name = shown(cursor);
  if (errno === E2BIG)
    return `${name}: its extended attributes are too large together: those that fit are saved`;
  const which = xattrs.length > 0 ? "all of its" : "its";
  return `${name}: cannot read ${which} extended attributes: ${errnoText(errno)}`;
}

function shown(cursor: RecordCursor): string {
  return printable(fullName(cursor.dir, cursor.name));
}
