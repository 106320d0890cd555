import { decodeXattrs, type Entry, type Xattr } from "@podheitor/hpc-ptcomm";
import { ArchiveReader } from "./archive-reader";

/** An entry as `listArchive` hands it out: its Buffers are its own. */
export type ListedEntry = Entry & {
  /** Extended attributes, ACLs among them. */
  readonly xattrs: readonly Xattr[];
  /** Why this entry cannot be restored, or not in full; undefined: its checksums hold. */
  readonly damage: string | undefined;
};

/**
 * The entries of an archive in its order ("-": standard input), each after its content was read and checked. Constant memory.
 * Throws HpcError (HPC_ARCHIVE_…, HPC_NOT_AN_ARCHIVE) where the archive cannot be read further.
 */
export async function* listArchive(archive: string): AsyncGenerator<ListedEntry, void, undefined> {
  yield* listEntries(await ArchiveReader.open(archive));
}

/** The same of a reader that is open, which is closed at the end. */
export async function* listEntries(reader: ArchiveReader): AsyncGenerator<ListedEntry, void, undefined> {
  let open: ListedEntry | undefined;
  try {
    for (let items = await reader.next(); items !== undefined; items = await reader.next()) {
      const listed: ListedEntry[] = [];
      for (const item of items) {
        if (item.type === "entry") {
          if (open !== undefined) listed.push(open);
          const { entry, damage } = item;
          open = { ...entry, name: Buffer.from(entry.name), link: Buffer.from(entry.link), xattrs: [], damage };
        } else if (item.type === "attributes" && open !== undefined) {
          open = { ...open, xattrs: decodeXattrs(Buffer.from(item.block)), damage: item.damage };
        } else if (item.type === "end" && open !== undefined) {
          const incomplete = item.errno === 0 ? undefined : "it was read incompletely when it was saved";
          listed.push({ ...open, damage: item.damage ?? incomplete ?? open.damage });
          open = undefined;
        }
      }
      yield* listed;
    }
    if (open !== undefined) yield open;
  } finally {
    await reader.close();
  }
}
