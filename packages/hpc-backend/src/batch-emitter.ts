import { constants } from "node:os";
import { EntryFlag, EntryKind, RecordCursor, RecordType, ScanOp } from "@podheitor/hpc-walker";
import type { BackupJob } from "./backup-types";
import type { Checks } from "./checks";
import { fullName, type Outgoing } from "./entry-sink";
import { nameOfErrno } from "./errno";
import { errnoName, errnoOf } from "./errors";
import { FileAhead, isWanted } from "./file-ahead";
import { FileReader, Vanished } from "./file-reader";
import { LinkGroups } from "./links";
import { isOwnOutput } from "./own-outputs";
import { unreadableRoot } from "./params";
import { printable } from "./printable";

const EMPTY = Buffer.alloc(0);
const { ENOENT, ENOTDIR, ELOOP, ESTALE, ENXIO } = constants.errno;
/** What open(2) says of a name that is gone, or is no longer a regular file. */
const GONE: ReadonlySet<number> = new Set([ENOENT, ENOTDIR, ELOOP, ESTALE, ENXIO]);
const OPERATIONS = {
  [ScanOp.STAT]: "stat",
  [ScanOp.OPENDIR]: "open directory",
  [ScanOp.READDIR]: "list directory",
} as const;

type Job = Pick<BackupJob, "params" | "sink" | "sums" | "messages" | "content" | "signal">;

/** One way through a batch. There are two, because answers are worked off while a scan batch is half way through. */
class Pass {
  readonly cursor = new RecordCursor();
  readonly ahead = new FileAhead();
}

/** Turns scan batches into entries with their content, in order, and counts what becomes of each. */
export class BatchEmitter {
  readonly #job: Job;
  readonly #scan = new Pass();
  readonly #answers = new Pass();
  readonly #links = new LinkGroups();
  readonly #out: Outgoing = { bytes: EMPTY, headStart: 0, dir: EMPTY, name: EMPTY, link: EMPTY, flags: 0, group: 0 };

  constructor(job: Job) {
    this.#job = job;
  }

  /** One batch of the scan. Older entries go to `checks`, whose answers may have to be worked off first. */
  async batch(bytes: Buffer, checks: Checks | undefined): Promise<void> {
    await this.#each(this.#scan, bytes, undefined, checks);
  }

  /** Waits for the oldest CHECK answer and emits the entries that are wanted. */
  async answer(checks: Checks): Promise<void> {
    const answered = await checks.oldest();
    if (answered === undefined) return;
    checks.shift();
    await this.#each(this.#answers, answered.records, answered.wanted, undefined);
  }

  async close(): Promise<void> {
    await Promise.all([this.#scan.ahead.close(), this.#answers.ahead.close()]);
  }

  async #each(pass: Pass, bytes: Buffer, wanted: Uint8Array | undefined, checks: Checks | undefined): Promise<void> {
    const { cursor, ahead } = pass;
    const { sink, sums, signal } = this.#job;
    cursor.reset(bytes);
    if (this.#job.content) ahead.reset(bytes, wanted);
    for (let index = -1; cursor.next(); ) {
      const type = cursor.type;
      if (type === RecordType.DIR) continue;
      if (sink.full) {
        await sink.drain();
        signal?.throwIfAborted();
      }
      if (type === RecordType.ERROR) {
        this.#scanError(cursor);
        continue;
      }
      index++;
      if (isWanted(wanted, index, cursor.flags)) {
        if (!this.#withoutReading(cursor, bytes)) await this.#file(pass, bytes);
      } else if (checks === undefined) {
        sums.filteredUnchanged++;
      } else {
        while (checks.full) await this.answer(checks);
        checks.add(cursor, bytes);
      }
    }
  }

  /** Deals with every entry whose content need not be read from disk; false: read it. */
  #withoutReading(cursor: RecordCursor, bytes: Buffer): boolean {
    const { sink, sums, messages, content: withContent } = this.#job;
    const kind = cursor.kind;
    if (kind === EntryKind.SOCKET) {
      sums.filteredSockets++;
      messages.entry("info", `${shown(cursor)}: sockets are not saved`);
      return true;
    }
    if (kind === EntryKind.REGULAR && isOwnOutput(cursor)) {
      sums.filteredOther++;
      messages.entry("info", `${shown(cursor)}: an archive that is being written is not saved`);
      return true;
    }
    const special = kind === EntryKind.FIFO || kind === EntryKind.CHARDEV || kind === EntryKind.BLOCKDEV;
    if (special && !sink.carriesSpecials) {
      sums.filteredDialect++;
      messages.entry("info", `${shown(cursor)}: the classic dialect cannot carry fifos and devices`);
      return true;
    }
    if (sink.carries?.(this.#fill(cursor, bytes)) === false) {
      sums.filteredDialect++;
      messages.entry("warning", `${shown(cursor)}: the classic dialect cannot carry a name that ends in a blank`);
      return true;
    }
    const linked = cursor.nlink > 1 && kind !== EntryKind.DIRECTORY;
    if (linked && this.#laterName(cursor, bytes)) return true;
    if (cursor.error !== 0) {
      this.#unreadable(cursor, cursor.error, kind === EntryKind.SYMLINK ? "read the link target" : "read");
      return true;
    }
    if (kind !== EntryKind.REGULAR || !withContent) {
      this.#emit(cursor, bytes, 0);
      return true;
    }
    const content = cursor.content;
    if (content === undefined && cursor.size > 0) return false;
    if (content === undefined || (content.length === 0 && cursor.size === 0)) {
      this.#emit(cursor, bytes, 0);
      return true;
    }
    this.#emit(cursor, bytes, EntryFlag.HAS_DATA);
    if (content.length > 0) sink.data(content);
    sink.end(content.length, 0);
    sums.bytes += content.length;
    return true;
  }

  /** Emits the name as a LINK when its inode was sent before. */
  #laterName(cursor: RecordCursor, bytes: Buffer): boolean {
    const later = this.#links.later(cursor.inoLo, cursor.inoHi, cursor.devLo, cursor.devHi);
    if (later === undefined) return false;
    this.#fill(cursor, bytes);
    this.#out.link = later.leader;
    this.#out.group = later.group;
    this.#out.flags = EntryFlag.LINK | (later.last ? EntryFlag.LAST_LINK : 0);
    this.#job.sink.entry(this.#out);
    this.#job.sums.emitted++;
    this.#job.sums.hardlinks++;
    return true;
  }

  #emit(cursor: RecordCursor, bytes: Buffer, flags: number): void {
    const { sums, sink } = this.#job;
    const kind = cursor.kind;
    const out = this.#fill(cursor, bytes);
    out.flags = flags;
    if (cursor.nlink > 1 && kind !== EntryKind.DIRECTORY) {
      const name = fullName(out.dir, out.name);
      out.group = this.#links.lead(cursor.inoLo, cursor.inoHi, cursor.devLo, cursor.devHi, cursor.nlink, name);
      out.flags |= EntryFlag.LEADER;
    }
    sink.entry(out);
    sums.emitted++;
    if (kind === EntryKind.REGULAR) sums.files++;
    else if (kind === EntryKind.DIRECTORY) sums.directories++;
    else if (kind === EntryKind.SYMLINK) sums.symlinks++;
    else sums.specials++;
  }

  #fill(cursor: RecordCursor, bytes: Buffer): Outgoing {
    const out = this.#out;
    out.bytes = bytes;
    out.headStart = cursor.headStart;
    out.dir = cursor.dir;
    out.name = cursor.name;
    out.link = cursor.linkLength === 0 ? EMPTY : cursor.link;
    out.flags = 0;
    out.group = 0;
    return out;
  }

  /** A regular file whose content is read now. */
  async #file({ cursor, ahead }: Pass, bytes: Buffer): Promise<void> {
    let reader: FileReader;
    try {
      reader = await ahead.take(cursor.headStart, () =>
        FileReader.open(fullName(cursor.dir, cursor.name), cursor.exact("dev"), cursor.exact("ino"), cursor.size),
      );
    } catch (error) {
      this.#unreadable(cursor, error instanceof Vanished ? ENOENT : errnoOf(error), "open");
      return;
    }
    try {
      await this.#content(cursor, bytes, reader);
    } finally {
      await reader.close();
    }
  }

  async #content(cursor: RecordCursor, bytes: Buffer, reader: FileReader): Promise<void> {
    const { sink, signal, sums, messages } = this.#job;
    this.#emit(cursor, bytes, EntryFlag.HAS_DATA);
    let sent = 0;
    let errno = 0;
    for (;;) {
      let block: Buffer | undefined;
      try {
        block = await reader.next();
      } catch (error) {
        errno = errnoOf(error);
        sums.incomplete++;
        messages.entry("not-saved", `${shown(cursor)}: read failed after ${sent} bytes: ${errnoName(error)}`);
      }
      if (block === undefined) break;
      sink.data(block);
      sent += block.length;
      if (sink.full) await sink.drain();
      signal?.throwIfAborted();
    }
    sink.end(sent, errno);
    sums.bytes += sent;
  }

  #unreadable(cursor: RecordCursor, errno: number, what: string): void {
    const { sums, messages } = this.#job;
    if (GONE.has(errno)) {
      sums.vanished++;
      messages.entry("info", `${shown(cursor)}: vanished before it could be saved`);
    } else {
      sums.failed++;
      messages.entry("not-saved", `${shown(cursor)}: cannot ${what}: ${nameOfErrno(errno)}`);
    }
  }

  /** The scan counted it; here it only gets its message. A root that became unreadable since the job was checked ends the job. */
  #scanError(cursor: RecordCursor): void {
    const name = fullName(cursor.dir, cursor.name);
    if (cursor.op !== ScanOp.READDIR && this.#job.params.paths.some((root) => root.equals(name)))
      throw unreadableRoot(name, nameOfErrno(cursor.error));
    const text = `${shown(cursor)}: cannot ${OPERATIONS[cursor.op]}: ${nameOfErrno(cursor.error)}`;
    this.#job.messages.entry("not-saved", text);
  }
}

function shown(cursor: RecordCursor): string {
  return printable(fullName(cursor.dir, cursor.name));
}
