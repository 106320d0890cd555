import { decodeXattrs, type Xattr } from "@podheitor/hpc-ptcomm";
import { printable } from "../common/printable";
import { digestOf } from "../common/xxh";

/** What stands for the attributes of an entry: none, unknown, or a hash of all of them. */
export const NO_XATTRS = 0;
export const ANY_XATTRS = 1;

/** A u32 for a block: the same for the same attributes in any order. Never one of the two above. */
export function xattrsKey(block: Buffer): number {
  const xattrs = decodeXattrs(block);
  if (xattrs.length === 0) return NO_XATTRS;
  const sorted = xattrs
    .map(({ name, value }) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(value.length, 0);
      return Buffer.concat([name, Buffer.from([0]), length, value]);
    })
    .sort(Buffer.compare);
  return Math.max(2, Number(digestOf(Buffer.concat(sorted)) & 0xffff_ffffn));
}

/** For people: which there are. */
export function xattrNames(xattrs: readonly Xattr[]): string {
  return xattrs.length === 0 ? "none" : xattrs.map(({ name }) => printable(name)).join(", ");
}
