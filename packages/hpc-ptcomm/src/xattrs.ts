import type { HpcError } from "@podheitor/hpc-base";
import { XATTR_BLOCK, XATTR_HEAD, XATTR_HEAD_BYTES, XATTR_NAME } from "@podheitor/hpc-wire";
import { protocolError } from "./errors";

/** An extended attribute: a POSIX or NFSv4 ACL is one, too. Bytes as the kernel has them. */
export interface Xattr {
  readonly name: Buffer;
  readonly value: Buffer;
}

/**
 * The payload of a B frame: { u16 name length, u16 zero, u32 value length, name, value } each.
 * Names and values are views into it. Throws HPC_PAYLOAD, before the first one is handed out, for
 * what the C decoder refuses.
 */
export function decodeXattrs(block: Buffer): Xattr[] {
  const xattrs: Xattr[] = [];
  for (let at = 0; at < block.length; ) {
    if (block.length - at < XATTR_HEAD_BYTES)
      throw refuse(`ends within attribute ${xattrs.length}`);
    const nameLength = block.readUInt16LE(at + XATTR_HEAD.nameLen);
    const valueLength = block.readUInt32LE(at + XATTR_HEAD.valueLen);
    if (block.readUInt16LE(at + XATTR_HEAD.flags) !== 0)
      throw refuse(`unknown flags of attribute ${xattrs.length}`);
    if (nameLength === 0 || nameLength > XATTR_NAME) throw refuse(`a name of ${nameLength} bytes`);
    const nameEnd = at + XATTR_HEAD_BYTES + nameLength;
    const end = nameEnd + valueLength;
    if (end > block.length) throw refuse(`ends within attribute ${xattrs.length}`);
    const name = block.subarray(nameEnd - nameLength, nameEnd);
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
      const head = Buffer.alloc(XATTR_HEAD_BYTES);
      head.writeUInt16LE(Math.min(name.length, 0xffff), XATTR_HEAD.nameLen);
      head.writeUInt32LE(value.length, XATTR_HEAD.valueLen);
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
