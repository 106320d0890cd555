/** Constants of the archive format; docs/ptcomm.md describes it. */
export const ARCHIVE_MAGIC = Buffer.from("PHHPCAR1", "latin1");
export const ARCHIVE_VERSION = 1;
/** Magic, u32 version, u32 zero. */
export const ARCHIVE_HEADER = 16;

export function archiveHeader(): Buffer {
  const header = Buffer.alloc(ARCHIVE_HEADER);
  ARCHIVE_MAGIC.copy(header);
  header.writeUInt32LE(ARCHIVE_VERSION, ARCHIVE_MAGIC.length);
  return header;
}
