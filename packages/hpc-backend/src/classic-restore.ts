import {
  type ClassicStat,
  type Entry,
  EntryFlag,
  EntryKind,
  encodeDataEnd,
  encodeEntry,
  type Frame,
  type JobInfo,
  parseClassic,
} from "@podheitor/hpc-ptcomm";
import type { Emitter } from "./emitter";
import { unexpected } from "./hpc1-work";
import type { Messages } from "./messages";
import { isInside } from "./paths";
import { RestoreStream } from "./restore-stream";
import type { Work } from "./work";

const EMPTY = Buffer.alloc(0);

interface Attributes {
  name: Buffer;
  stat: ClassicStat | undefined;
  times: { atime: bigint; mtime: bigint; ctime: bigint };
  link: Buffer;
}

/** What the next `D` and `F` belong to. */
type Section = "none" | "attributes" | "data" | "ignored";

/**
 * Restore over the classic dialect: its commands become hpc/1 records for the same core. Hard links are left to the File Daemon (CORE),
 * because their leader's name does not travel. ACLs and extended attributes are not restored; that is said once.
 */
export class ClassicRestore implements Work {
  readonly #stream: RestoreStream;
  #section: Section = "none";
  #file: Attributes | undefined;
  /** The record whose content is due. */
  #open = false;
  #bytes = 0;
  #ignored = 0;

  constructor(
    private readonly emitter: Emitter,
    private readonly job: JobInfo,
    private readonly messages: Messages,
    signal: AbortSignal,
  ) {
    const { where: _, ...atRoot } = job;
    this.#stream = new RestoreStream(atRoot, messages, signal);
  }

  async run(): Promise<void> {
    await this.#stream.finished;
  }

  frame(frame: Frame): void {
    if (frame.status === "C") this.#command(frame);
    else if (frame.status === "D" && this.#section === "data") this.#data(frame);
    else if (frame.status === "F" && this.#section !== "none") this.#endOfSection();
    else if (frame.status !== "D" || this.#section !== "ignored") throw unexpected(frame);
  }

  #command(frame: Frame): void {
    const command = parseClassic(frame.payload);
    switch (command.command) {
      case "FNAME":
        this.#closeFile();
        this.#file = {
          name: this.#place(command.bytes),
          stat: undefined,
          times: { atime: 0n, mtime: 0n, ctime: 0n },
          link: EMPTY,
        };
        this.#section = "attributes";
        return;
      case "STAT":
        if ("stat" in command && this.#file) this.#file.stat = command.stat;
        return;
      case "TSTAMP":
        if (this.#file) this.#file.times = command;
        return;
      case "LSTAT":
        if (this.#file) this.#file.link = Buffer.from(command.bytes);
        return;
      case "DATA":
        this.#section = this.#open ? "data" : "ignored";
        return;
      case "ACL":
      case "XATTR":
        this.#ignored++;
        this.#section = "ignored";
        return;
      case "RESTOREOBJ":
        this.#section = "ignored";
        return;
      case "RESTOREOBJ_LEN":
        return;
      case "FINISH":
        this.#finish();
        return;
      default:
        throw unexpected(frame);
    }
  }

  #data(frame: Frame): void {
    this.#bytes += frame.payload.length;
    this.#stream.frame(frame);
  }

  #endOfSection(): void {
    const section = this.#section;
    this.#section = "none";
    if (section === "attributes") this.emitter.frames.command(this.#begin());
    else if (section === "data") this.#closeFile();
    if (section !== "attributes") this.emitter.frames.command("OK");
    this.emitter.flush();
  }

  /** The attributes are complete. */
  #begin(): "OK" | "SKIP" | "CORE" {
    const file = this.#file;
    if (file?.stat === undefined) return "SKIP";
    if (file.stat.type === "L") return "CORE";
    const entry = entryOf(file, file.stat);
    this.#open = (entry.flags & EntryFlag.HAS_DATA) !== 0;
    this.#stream.frame({ status: "M", payload: encodeEntry(entry) });
    if (!this.#open) this.#stream.flush();
    return "OK";
  }

  /** Content that is due ends here, also where the plugin had none to send. */
  #closeFile(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#stream.frame({ status: "Z", payload: encodeDataEnd({ bytes: BigInt(this.#bytes), errno: 0 }) });
    this.#bytes = 0;
    this.#stream.flush();
  }

  #finish(): void {
    this.#closeFile();
    if (this.#ignored > 0) {
      this.messages.say(
        "warning",
        `${this.#ignored} ACLs or extended attributes were not restored: not supported here`,
      );
    }
    this.#stream.end();
    this.emitter.frames.signal("F");
  }

  /** Names come with Where in front or without it; they are put below it either way. */
  #place(name: Buffer): Buffer {
    const where = this.job.where;
    const trimmed = name.length > 1 && name.at(-1) === 0x2f ? name.subarray(0, -1) : name;
    if (where === undefined || trimmed.equals(where) || isInside(trimmed, where)) return Buffer.from(trimmed);
    return Buffer.concat([where, trimmed]);
  }
}

function entryOf(file: Attributes, stat: ClassicStat): Entry {
  const kind = stat.type === "D" ? EntryKind.DIRECTORY : stat.type === "S" ? EntryKind.SYMLINK : EntryKind.REGULAR;
  return {
    kind,
    flags: stat.type === "F" ? EntryFlag.HAS_DATA : 0,
    name: file.name,
    link: kind === EntryKind.SYMLINK ? file.link : EMPTY,
    nlink: stat.nlink,
    ino: 0n,
    dev: 0n,
    size: stat.size,
    blocks: 0n,
    ...file.times,
    mtimeNs: 0,
    atimeNs: 0,
    ctimeNs: 0,
    mode: stat.mode,
    uid: stat.uid,
    gid: stat.gid,
    rdev: 0n,
    blksize: 4096,
    layout: 0,
    linkGroup: 0n,
    holes: [],
  };
}
