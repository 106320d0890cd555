import {
  type Accounting,
  commandText,
  decodeAccounting,
  decodeDataEnd,
  decodeEntry,
  decodeXattrs,
  ENTRY_HEAD,
  ENTRY_HEAD_BYTES,
  type Entry,
  EntryFlag,
  EntryKind,
  type Frame,
  FrameDecoder,
  isProtocolError,
  type Params,
  parsePair,
} from "@podheitor/hpc-ptcomm";
import { HpcError } from "../common/errors";
import { printable } from "../common/printable";
import { digestOf, RunningDigest } from "../common/xxh";
import { ARCHIVE_HEADER, ARCHIVE_MAGIC, ARCHIVE_VERSION } from "../format/header";
import { decodeNote, type Note } from "../format/note";
import { FACT_COST, FACTS_BYTES } from "../limits";
import { type ArchiveInput, openArchiveInput } from "./archive-input";

/**
 * An entry's record. `damage`: it is not what was written; its name may be wrong, and its content
 * is left out.
 */
export interface EntryItem {
  readonly type: "entry";
  readonly entry: Entry;
  /** The record as it stands in the archive. */
  readonly payload: Buffer;
  readonly damage: string | undefined;
}
export interface DataItem {
  readonly type: "data";
  readonly payload: Buffer;
}
/** End of an entry's content. */
export interface EndItem {
  readonly type: "end";
  readonly payload: Buffer;
  /** errno of the read that failed when the archive was made; 0: complete. */
  readonly errno: number;
  /** xxh3_64 of the content; undefined with an errno. */
  readonly digest: bigint | undefined;
  /** Why the content must not be used. */
  readonly damage: string | undefined;
}
/** The xattr block of the entry just named, before its content. */
export interface AttributesItem {
  readonly type: "attributes";
  readonly block: Buffer;
  /** The block must not be used; it is empty then. */
  readonly damage: string | undefined;
}
/** What the archive lacks, and why: the backup's own words. */
export interface NoteItem {
  readonly type: "note";
  readonly note: Note;
}
export type ArchiveItem = EntryItem | AttributesItem | DataItem | EndItem | NoteItem;

/**
 * Reads an archive front to back in constant memory and checks every digest, count and sequence:
 *
 * for (let items = await reader.next(); items !== undefined; items = await reader.next()) for
 * (const item of items) …
 *
 * Items, and all Buffers in them, are valid until the next call. Damage inside one entry is
 * reported with the entry; damage that hides where the next entry begins throws
 * HPC_ARCHIVE_DAMAGED, a missing end HPC_ARCHIVE_TRUNCATED; both name the last good entry and the
 * offset.
 */
export class ArchiveReader {
  /** What the archive says of the job that made it: complete once the first item has come. */
  readonly facts: (readonly [key: string, value: Buffer])[] = [];
  /** The sums of that job; there once `next` has returned undefined. */
  accounting: Accounting | undefined;
  readonly #input: ArchiveInput;
  readonly #archive: string;
  readonly #decoder = new FrameDecoder();
  #headerLeft = Buffer.alloc(0);
  #inHeader = true;
  #ended = false;
  /**
   * between entries; before an entry's attributes; inside its content; behind a damaged record,
   * where either may follow.
   */
  #state: "between" | "attributes" | "content" | "unsure" = "between";
  /** Content follows the attributes. */
  #contentNext = false;
  readonly #factsDigest = new RunningDigest();
  #factBytes = 0;
  #badFacts = false;
  #badNote = false;
  readonly #digest = new RunningDigest();
  #bytes = 0;
  #entries = 0;
  #totalBytes = 0;
  #damaged = false;
  #lastName: Buffer | undefined;
  #failure: unknown;

  /** `archive` is what messages call it. */
  constructor(archive: string, input: ArchiveInput) {
    this.#archive = archive;
    this.#input = input;
  }

  static async open(archive: string): Promise<ArchiveReader> {
    return new ArchiveReader(
      archive === "-" ? "standard input" : archive,
      await openArchiveInput(archive),
    );
  }

  async next(): Promise<ArchiveItem[] | undefined> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const chunk = await this.#input.next();
      if (chunk === undefined) {
        this.#checkEnd();
        return undefined;
      }
      const items = this.#read(chunk);
      if (items.length > 0) return items;
    }
  }

  close(): Promise<void> {
    return this.#input.close();
  }

  #read(chunk: Buffer): ArchiveItem[] {
    const items: ArchiveItem[] = [];
    try {
      this.#decoder.push(this.#inHeader ? this.#header(chunk) : chunk);
      for (let frame = this.#decoder.next(); frame !== undefined; frame = this.#decoder.next()) {
        const item = this.#frame(frame);
        if (item !== undefined) items.push(item);
      }
    } catch (error) {
      // What came before it is good and is handed out first.
      this.#failure = isProtocolError(error) ? this.#damage(error.message) : error;
    }
    return items;
  }

  /** Takes the 16 bytes of the header off the stream; what is left belongs to the frames. */
  #header(chunk: Buffer): Buffer {
    const seen = Buffer.concat([this.#headerLeft, chunk]);
    const magic = seen.subarray(0, ARCHIVE_MAGIC.length);
    if (!magic.equals(ARCHIVE_MAGIC.subarray(0, magic.length))) {
      throw new HpcError(
        "HPC_NOT_AN_ARCHIVE",
        `${this.#archive} is not a podheitor-hpc archive`,
        "Name a file that `podheitor-hpc backup --archive` wrote.",
      );
    }
    if (seen.length < ARCHIVE_HEADER) {
      this.#headerLeft = seen;
      return Buffer.alloc(0);
    }
    const version = seen.readUInt32LE(ARCHIVE_MAGIC.length);
    if (version !== ARCHIVE_VERSION || seen.readUInt32LE(ARCHIVE_MAGIC.length + 4) !== 0) {
      throw new HpcError(
        "HPC_ARCHIVE_VERSION",
        `archive ${this.#archive} has format version ${version}; this program reads version ${ARCHIVE_VERSION}`,
        "Read it with the release that wrote it, or a later one; if that wrote version 1, its header is damaged.",
      );
    }
    this.#inHeader = false;
    return seen.subarray(ARCHIVE_HEADER);
  }

  #frame({ status, payload }: Frame): ArchiveItem | undefined {
    if (this.#ended) throw this.#damage("data after its end");
    switch (status) {
      case "C":
        if (this.#entries > 0 || this.#accounted) break;
        this.#factBytes += payload.length + FACT_COST;
        if (this.#factBytes > FACTS_BYTES)
          throw this.#damage("it says more of its job than an archive can");
        this.#factsDigest.update(payload);
        this.facts.push(copied(parsePair(commandText(payload))));
        return undefined;
      case "M":
        if (this.#within || this.#accounted) break;
        return this.#entry(payload);
      case "B":
        if (this.#state === "unsure") return undefined;
        if (this.#state !== "attributes") break;
        return this.#attributes(payload);
      case "D":
        if (this.#state === "unsure") return undefined;
        if (this.#state !== "content") break;
        this.#bytes += payload.length;
        this.#digest.update(payload);
        return { type: "data", payload };
      case "Z":
        if (this.#state === "between" || this.#state === "attributes") break;
        return this.#end(payload);
      case "N":
        if (this.#within || this.#accounted) break;
        return this.#note(payload);
      case "U":
        if (this.#within || this.#accounted) break;
        this.#account(payload);
        return undefined;
      case "F":
        if (!this.#accounted) break;
        this.#checkSums();
        // The entries are good, all of them; what the archive says of others is not.
        if (this.#badFacts)
          throw this.#damage("what it says of its job and the sums do not match their checksum");
        if (this.#badNote)
          throw this.#damage("a note of what could not be saved does not match its checksum");
        this.#ended = true;
        return undefined;
      default:
    }
    throw this.#damage(`a frame ${status} where none belongs`);
  }

  /** The sums, closed by a digest of themselves and of the job's facts. */
  #account(payload: Buffer): void {
    const sums = payload.subarray(0, -8);
    this.accounting = decodeAccounting(sums);
    this.#factsDigest.update(sums);
    this.#badFacts = payload.readBigUInt64LE(payload.length - 8) !== this.#factsDigest.take();
  }

  /** Inside an entry, of which more must come. */
  get #within(): boolean {
    return this.#state === "content" || this.#state === "attributes";
  }

  get #accounted(): boolean {
    return this.accounting !== undefined;
  }

  #entry(payload: Buffer): EntryItem {
    const { entry, damage } = decoded(payload);
    this.#entries++;
    const intact = entry.digest !== undefined && entry.digest === digestOf(payload.subarray(0, -8));
    if (!intact) {
      this.#damaged = true;
      this.#state = "unsure";
      return { type: "entry", entry, payload, damage };
    }
    this.#lastName = Buffer.from(entry.name);
    this.#contentNext = (entry.flags & EntryFlag.HAS_DATA) !== 0;
    if (entry.flags & EntryFlag.ATTRS) this.#state = "attributes";
    else this.#state = this.#contentNext ? "content" : "between";
    return { type: "entry", entry, payload, damage: undefined };
  }

  #attributes(payload: Buffer): AttributesItem {
    this.#state = this.#contentNext ? "content" : "between";
    const damage = attributesDamage(payload);
    if (damage !== undefined) this.#damaged = true;
    return {
      type: "attributes",
      block: payload.subarray(0, damage === undefined ? -8 : 0),
      damage,
    };
  }

  #note(payload: Buffer): NoteItem | undefined {
    // Behind a damaged record of an entry without content.
    this.#state = "between";
    const note = decodeNote(payload);
    if (note !== undefined) return { type: "note", note };
    this.#badNote = true;
    return undefined;
  }

  #end(payload: Buffer): EndItem | undefined {
    const unsure = this.#state === "unsure";
    this.#state = "between";
    const bytes = this.#bytes;
    const digest = this.#digest.take();
    this.#bytes = 0;
    this.#totalBytes += bytes;
    if (unsure) return undefined;
    const { errno, damage } = checkedEnd(payload, bytes, digest);
    if (damage !== undefined) this.#damaged = true;
    const whole = damage === undefined && errno === 0;
    return { type: "end", payload, errno, digest: whole ? digest : undefined, damage };
  }

  /**
   * Entries and bytes as the job counted them, against what came; after damage the numbers may
   * differ.
   */
  #checkSums(): void {
    const sums = this.accounting;
    if (this.#damaged || sums === undefined) return;
    if (sums.emitted !== this.#entries || sums.bytes !== this.#totalBytes) {
      throw this.#damage(
        `it should hold ${sums.emitted} entries with ${sums.bytes} bytes, but holds ${this.#entries} with ${this.#totalBytes}`,
      );
    }
  }

  #checkEnd(): void {
    if (this.#ended) return;
    throw new HpcError(
      "HPC_ARCHIVE_TRUNCATED",
      `archive ${this.#archive} ends before its end${this.#where()}`,
      "The copy is incomplete or the backup was interrupted: copy it again, or use an earlier backup.",
    );
  }

  #damage(what: string): HpcError {
    return new HpcError(
      "HPC_ARCHIVE_DAMAGED",
      `archive ${this.#archive} is damaged${this.#where()}: ${what}`,
      "Use another copy of the archive; entries before this place are good.",
    );
  }

  #where(): string {
    const offset = this.#inHeader ? this.#headerLeft.length : ARCHIVE_HEADER + this.#decoder.offset;
    const after = this.#lastName === undefined ? "" : `, after ${printable(this.#lastName)}`;
    return ` near byte ${offset}${after}`;
  }
}

/**
 * A record that one flipped bit made senseless is damage to one entry: its frame still says where
 * the next one begins.
 */
function decoded(payload: Buffer): { readonly entry: Entry; readonly damage: string } {
  try {
    return { entry: decodeEntry(payload), damage: "its record does not match its checksum" };
  } catch (error) {
    if (!isProtocolError(error)) throw error;
    return { entry: unreadable(payload), damage: `its record cannot be read: ${error.message}` };
  }
}

/** Nothing but the name, if that much can be made out. */
function unreadable(payload: Buffer): Entry {
  const length = payload.length < ENTRY_HEAD_BYTES ? 0 : payload.readUInt32LE(ENTRY_HEAD.nameLen);
  const name = payload.subarray(ENTRY_HEAD_BYTES, ENTRY_HEAD_BYTES + length);
  const whole = length > 0 && name.length === length && !name.includes(0);
  return {
    kind: EntryKind.REGULAR,
    flags: 0,
    name: whole ? name : Buffer.from("(no name)"),
    link: Buffer.alloc(0),
    nlink: 1,
    ino: 0n,
    dev: 0n,
    size: 0n,
    blocks: 0n,
    mtime: 0n,
    atime: 0n,
    ctime: 0n,
    mtimeNs: 0,
    atimeNs: 0,
    ctimeNs: 0,
    mode: 0,
    uid: 0,
    gid: 0,
    rdev: 0n,
    blksize: 0,
    layout: 0,
    linkGroup: 0n,
    holes: [],
  };
}

function attributesDamage(payload: Buffer): string | undefined {
  if (
    payload.length < 8 ||
    payload.readBigUInt64LE(payload.length - 8) !== digestOf(payload.subarray(0, -8))
  ) {
    return "its extended attributes do not match their checksum";
  }
  try {
    decodeXattrs(payload.subarray(0, -8));
    return undefined;
  } catch (error) {
    if (isProtocolError(error)) return error.message;
    throw error;
  }
}

/**
 * What an entry's end says, checked against the content that came. One that does not fit it has no
 * errno (0).
 */
function checkedEnd(
  payload: Buffer,
  bytes: number,
  digest: bigint,
): Pick<EndItem, "errno" | "damage"> {
  const damaged = (damage: string) => ({ errno: 0, damage });
  try {
    const end = decodeDataEnd(payload);
    if (end.bytes !== BigInt(bytes))
      return damaged(`${end.bytes} bytes were written, ${bytes} came back`);
    // A complete file has a digest, an incomplete one an errno: never both, never neither.
    if ((end.digest === undefined) === (end.errno === 0))
      return damaged("its end record is damaged");
    if (end.digest !== undefined && end.digest !== digest)
      return damaged("its content does not match its checksum");
    return { errno: end.errno, damage: undefined };
  } catch (error) {
    if (isProtocolError(error)) return damaged("its end record is damaged");
    throw error;
  }
}

function copied([key, value]: Params[number]): Params[number] {
  return [key, Buffer.from(value)];
}
