import type { HpcError } from "@podheitor/hpc-base";
import { protocolError } from "./errors";
import { XATTR_BLOCK, XATTR_NAME } from "./limits";

/**
 * Names of ours within a block: what is no xattr to the kernel, but travels with them. u32 values,
 * never 0.
 */
export const XATTR_FLAGS = "podheitor.flags";
export const XATTR_PROJECT = "podheitor.project";

/** An extended attribute: a POSIX or NFSv4 ACL is one, too. Bytes as the kernel has them. */
export interface Xattr {
  readonly name: Buffer;
  readonly value: Buffer;
}

const HEAD = 8;

/**
 * The payload of a B frame: { u16 name length, u16 zero, u32 value length, name, value } each.
 * Names and values are views into it. Throws HPC_PAYLOAD, before the first one is handed out, for
 * what the C decoder refuses.
 */
export function decodeXattrs(block: Buffer): Xattr[] {
  const xattrs: Xattr[] = [];
  for (let at = 0; at < block.length; ) {
    if (block.length - at < HEAD) throw refuse(`ends within attribute ${xattrs.length}`);
    const nameLength = block.readUInt16LE(at);
    const valueLength = block.readUInt32LE(at + 4);
    if (block.readUInt16LE(at + 2) !== 0)
      throw refuse(`unknown flags of attribute ${xattrs.length}`);
    if (nameLength === 0 || nameLength > XATTR_NAME) throw refuse(`a name of ${nameLength} bytes`);
    const nameEnd = at + HEAD + nameLength;
    const end = nameEnd + valueLength;
    if (end > block.length) throw refuse(`ends within attribute ${xattrs.length}`);
    const name = block.subarray(at + HEAD, nameEnd);
    if (name.includes(0)) throw refuse("NUL in a name");
    xattrs.push({ name, value: block.subarray(nameEnd, end) });
    at = end;
  }
  return xattrs;
}

/** The block of these attributes. Throws HPC_PAYLOAD for what a receiver would refuse. */
export function encodeXattrs(xattrs: readonly Xattr[]): Buffer {
  const block = Buffer.concat(
    xattrs.flatMap(({ name, value }) => {
      const head = Buffer.alloc(HEAD);
      head.writeUInt16LE(Math.min(name.length, 0xffff), 0);
      head.writeUInt32LE(value.length, 4);
      return [head, name, value];
    }),
  );
  if (block.length > XATTR_BLOCK)
    throw refuse(`${block.length} bytes, at most ${XATTR_BLOCK} travel`);
  decodeXattrs(block);
  return block;
}

function refuse(what: string): HpcError {
  return protocolError("HPC_PAYLOAD", `xattr block: ${what}`);
}
