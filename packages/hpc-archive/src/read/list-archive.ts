import { decodeXattrs, type Entry, EntryFlag, type Xattr } from "@podheitor/hpc-ptcomm";
import type { JobEvents } from "../job/job-events";
import { type ArchiveItem, ArchiveReader } from "./archive-reader";
import { MissingShards } from "./missing-shards";

/** An entry as `listArchive` hands it out: its Buffers are its own. */
export type ListedEntry = Entry & {
  /** Extended attributes, ACLs among them. */
  readonly xattrs: readonly Xattr[];
  /** Why this entry cannot be restored, or not in full; undefined: its checksums hold. */
  readonly damage: string | undefined;
};

/**
 * The entries of an archive in its order ("-": standard input), each after its content was read and
 * checked. Constant memory.
 * Throws HpcError (HPC_ARCHIVE_…, HPC_NOT_AN_ARCHIVE) where the archive cannot be read further,
 * after the last entry that was begun.
 */
export async function* listArchive(
  archive: string,
  events?: Pick<JobEvents, "message">,
): AsyncGenerator<ListedEntry, void, undefined> {
  const reader = await ArchiveReader.open(archive);
  yield* listEntries(reader);
  const shards = new MissingShards();
  shards.add(reader.facts);
  for (const text of shards.missing())
    events?.message?.(
      "info",
      `this is a part of the tree: the rest is in the archives of shard ${text}`,
    );
}

/** The same of a reader that is open, which is closed at the end. */
export async function* listEntries(
  reader: ArchiveReader,
): AsyncGenerator<ListedEntry, void, undefined> {
  const pending = new Pending();
  try {
    for (let items = await reader.next(); items !== undefined; items = await reader.next())
      yield* items.flatMap((item) => pending.take(item));
    yield* pending.rest();
  } catch (error) {
    yield* pending.cutOff();
    throw error;
  } finally {
    await reader.close();
  }
}

/** The entry that is being read: what follows it in the archive says whether it is whole. */
class Pending {
  #entry: ListedEntry | undefined;
  /** Its attributes or content have not come to their end. */
  #incomplete = false;

  /** The entries that are complete with this item. */
  take(item: ArchiveItem): ListedEntry[] {
    if (item.type === "entry") {
      const before = this.rest();
      const { entry, damage } = item;
      const { name, link, flags } = entry;
      this.#entry = {
        ...entry,
        name: Buffer.from(name),
        link: Buffer.from(link),
        xattrs: [],
        damage,
      };
      this.#incomplete =
        damage === undefined && (flags & (EntryFlag.ATTRS | EntryFlag.HAS_DATA)) !== 0;
      return before;
    }
    const open = this.#entry;
    if (open === undefined) return [];
    if (item.type === "attributes") {
      this.#entry = { ...open, xattrs: decodeXattrs(Buffer.from(item.block)), damage: item.damage };
      this.#incomplete = (open.flags & EntryFlag.HAS_DATA) !== 0;
    } else if (item.type === "end") {
      const incomplete =
        item.errno === 0 ? undefined : "it was read incompletely when it was saved";
      this.#entry = { ...open, damage: item.damage ?? incomplete ?? open.damage };
      return this.rest();
    }
    return [];
  }

  rest(): ListedEntry[] {
    const last = this.#entry;
    this.#entry = undefined;
    return last === undefined ? [] : [last];
  }

  /** The archive cannot be read further. */
  cutOff(): ListedEntry[] {
    return this.rest().map((entry) =>
      this.#incomplete
        ? { ...entry, damage: "the archive ends, or is damaged, in the middle of it" }
        : entry,
    );
  }
}
