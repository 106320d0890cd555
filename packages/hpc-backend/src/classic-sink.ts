import { type ClassicType, classicCarries, encodeClassic } from "@podheitor/hpc-ptcomm";
import { ENTRY_OFFSETS as AT, EntryFlag, EntryKind } from "@podheitor/hpc-walker";
import type { Emitter } from "./emitter";
import { type EntrySink, fullName, type Outgoing } from "./entry-sink";

const SLASH = Buffer.from("/");

/** Asks the plugin a question whose answer is a number; only where the next file could begin. */
export type AskFileIndex = () => Promise<number>;

/**
 * Entries as the text commands of the classic dialect. A later name of an inode needs the file index of its leader, which only the
 * plugin knows: behind every leader it is asked, and the sink is full until the answer is there.
 */
export class ClassicSink implements EntrySink {
  readonly carriesSpecials = false;
  readonly carriesXattrs = false;
  readonly carriesHoles = false;
  readonly #emitter: Emitter;
  readonly #content: boolean;
  readonly #askFileIndex: AskFileIndex;
  /** File index of the leader by link group; forgotten with the group's last name. */
  readonly #fileIndex = new Map<number, number>();
  #leader = 0;
  #asked: Promise<void> | undefined;
  #dataBegun = false;

  constructor(emitter: Emitter, options: { readonly content: boolean; readonly askFileIndex: AskFileIndex }) {
    this.#emitter = emitter;
    this.#content = options.content;
    this.#askFileIndex = options.askFileIndex;
  }

  get full(): boolean {
    return this.#emitter.full || this.#asked !== undefined;
  }

  async drain(): Promise<void> {
    if (this.#asked !== undefined) {
      this.#emitter.flush();
      await this.#asked;
    }
    if (this.#emitter.full) await this.#emitter.drain();
  }

  carries(entry: Outgoing): boolean {
    return (
      classicCarries(entry.name.length === 0 ? entry.dir : entry.name) &&
      (!isSymlink(entry) || classicCarries(entry.link))
    );
  }

  entry(entry: Outgoing): void {
    const { frames } = this.#emitter;
    for (const command of attributes(entry, fullName(entry.dir, entry.name), this.#fileIndex.get(entry.group))) {
      frames.command(command);
    }
    frames.signal("F");
    if (entry.flags & EntryFlag.LAST_LINK) this.#fileIndex.delete(entry.group);
    this.#leader = entry.flags & EntryFlag.LEADER ? entry.group : 0;
    if ((entry.flags & EntryFlag.HAS_DATA) === 0) this.#finished();
  }

  /** Never called: this sink carries none. */
  attributes(): void {}

  data(bytes: Buffer): void {
    if (!this.#dataBegun) this.#emitter.frames.command("DATA");
    this.#dataBegun = true;
    this.#emitter.frames.data(bytes);
  }

  end(): void {
    this.#dataBegun = false;
    this.#finished();
  }

  /** The end of the content, or that there is none. */
  #finished(): void {
    if (this.#content) this.#emitter.frames.signal("F");
    const group = this.#leader;
    if (group === 0) return;
    this.#leader = 0;
    this.#emitter.frames.command("FileIndex");
    this.#asked = this.#askFileIndex().then((index) => {
      this.#fileIndex.set(group, index);
      this.#asked = undefined;
    });
    this.#asked.catch(() => undefined);
  }
}

function isSymlink({ bytes, headStart, flags }: Outgoing): boolean {
  return bytes[headStart + AT.kind] === EntryKind.SYMLINK && (flags & EntryFlag.LINK) === 0;
}

/** The commands that describe an entry, in their order; `name` comes as FNAME or, for a question, as CHECK. */
export function attributes(
  entry: Outgoing,
  name: Buffer,
  linkFI: number | undefined,
  keyword: "FNAME" | "CHECK" = "FNAME",
): Buffer[] {
  const { bytes, headStart: at } = entry;
  const kind = bytes[at + AT.kind];
  const size = bytes.readBigUInt64LE(at + AT.size);
  const type = typeOf(kind, size, (entry.flags & EntryFlag.LINK) !== 0);
  const stat = {
    type,
    size,
    uid: bytes.readUInt32LE(at + AT.uid),
    gid: bytes.readUInt32LE(at + AT.gid),
    mode: bytes.readUInt32LE(at + AT.mode),
    nlink: bytes.readUInt32LE(at + AT.nlink),
    ...(type === "L" && linkFI !== undefined ? { linkFI } : {}),
  };
  // The catalog knows a directory by the slash at its end.
  const directory = kind === EntryKind.DIRECTORY && name.length > 1;
  const commands = [
    encodeClassic({ command: keyword, bytes: directory ? Buffer.concat([name, SLASH]) : name }),
    encodeClassic({ command: "STAT", stat }),
    encodeClassic({
      command: "TSTAMP",
      atime: bytes.readBigInt64LE(at + AT.atime_s),
      mtime: bytes.readBigInt64LE(at + AT.mtime_s),
      ctime: bytes.readBigInt64LE(at + AT.ctime_s),
    }),
  ];
  if (type === "S" && keyword === "FNAME") commands.push(encodeClassic({ command: "LSTAT", bytes: entry.link }));
  return commands;
}

function typeOf(kind: number | undefined, size: bigint, isLink: boolean): ClassicType {
  if (isLink) return "L";
  if (kind === EntryKind.DIRECTORY) return "D";
  if (kind === EntryKind.SYMLINK) return "S";
  return size === 0n ? "E" : "F";
}
