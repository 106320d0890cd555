import { tmpdir } from "node:os";
import {
  EREMOTE,
  fullName,
  isGone,
  isOwnOutput,
  LinkGroups,
  NoteOperation,
} from "@podheitor/hpc-archive";
import { errnoName, errnoOf } from "@podheitor/hpc-base";
import type { Filesystem } from "@podheitor/hpc-native";
import {
  ENTRY_HEAD,
  ENTRY_HEAD_BYTES,
  EntryFlag,
  EntryKind,
  RecordCursor,
  RecordType,
  ScanOp,
} from "@podheitor/hpc-walker";
import type { Checks } from "../dialogue/checks";
import type { ContentReader, ReadOptions } from "../entry/content-reader";
import {
  type Attributes,
  FileAhead,
  isWanted,
  type LookAhead,
  type Looked,
} from "../entry/file-ahead";
import { SeenFiles } from "../entry/seen-files";
import { UnchangedLinks } from "../entry/unchanged-links";
import type { BackupJob } from "../job/backup-types";
import { unreadableRoot } from "../params/roots";
import type { EntrySource } from "../source/source";
import { ContentSender } from "./content-sender";
import { changedText, failedText, leftOutText, xattrsText } from "./entry-messages";
import type { Outgoing } from "./entry-sink";
import { FrameRuns } from "./frame-runs";

const EMPTY = Buffer.alloc(0);

type Job = Pick<
  BackupJob,
  | "params"
  | "sink"
  | "sums"
  | "messages"
  | "content"
  | "signal"
  | "workDirectory"
  | "stream"
  | "contentDrivers"
  | "progress"
  | "trouble"
>;

/**
 * One way through a batch. There are two, because answers are worked off while a scan batch is half
 * way through.
 */
class BatchPass {
  readonly cursor = new RecordCursor();
  readonly ahead: FileAhead;

  constructor(look: LookAhead) {
    this.ahead = new FileAhead(look);
  }
}

/**
 * Turns scan batches into entries with their content, in order, and counts what becomes of each.
 */
export class BatchEmitter {
  readonly #job: Job;
  readonly #reading: ReadOptions;
  readonly #files: SeenFiles;
  readonly #scan: BatchPass;
  readonly #answers: BatchPass;
  readonly #content: ContentSender;
  readonly #links: LinkGroups;
  /** Only over batches of the native engine, where the sink takes frames. */
  readonly #runs: FrameRuns | undefined;
  /** Only where older entries are asked about. */
  readonly #unchanged: UnchangedLinks | undefined;
  #saidOwn = false;
  readonly #out: Outgoing = {
    bytes: EMPTY,
    headStart: 0,
    dir: EMPTY,
    name: EMPTY,
    link: EMPTY,
    flags: 0,
    group: 0,
    holes: EMPTY,
  };

  /**
   * asks: older entries are asked about; native: the batches are the native engine's, and its
   * library may make frames of them.
   */
  constructor(
    job: Job,
    options: {
      readonly asks?: boolean;
      readonly native?: boolean;
      readonly skipReleased?: boolean;
      readonly projects?: boolean;
      readonly filesystems?: readonly Filesystem[];
    } = {},
  ) {
    this.#job = job;
    this.#runs = options.native ? FrameRuns.over(job) : undefined;
    this.#unchanged = options.asks ? new UnchangedLinks(job.workDirectory ?? tmpdir()) : undefined;
    this.#reading = {
      holes: true,
      streams: job.sink.stream !== undefined,
      dropBehind: job.params.dropBehind,
      skipReleased: options.skipReleased ?? false,
    };
    this.#files = new SeenFiles(job.params.paths, {
      ...options,
      ...(job.contentDrivers && { drivers: job.contentDrivers }),
    });
    const ahead: LookAhead = (cursor, bytes) =>
      // Of a hard-linked inode only the leader is looked at, which is not known ahead.
      this.#needsLook(cursor) && !isLinked(cursor) ? this.#look(cursor, bytes) : undefined;
    this.#scan = new BatchPass(ahead);
    this.#answers = new BatchPass(ahead);
    this.#content = new ContentSender(job);
    this.#links = new LinkGroups({
      ...(job.workDirectory !== undefined && { directory: job.workDirectory }),
      ...(job.stream !== undefined && { stream: job.stream }),
    });
  }

  /**
   * Ordinary entries straight from the scan. Settles false when its `next()` has what comes then;
   * always, where frames cannot be made so.
   */
  async pull(source: EntrySource): Promise<boolean> {
    return this.#runs?.pull(source, this.#job.signal) ?? false;
  }

  /** Names that are gone. */
  async deleted(names: readonly Buffer[]): Promise<void> {
    const { sink, sums, signal } = this.#job;
    for (const name of names) {
      if (sink.full) {
        await sink.drain();
        signal?.throwIfAborted();
      }
      sink.deleted(name);
      sums.deleted++;
    }
  }

  /**
   * One batch of the scan. Older entries go to `checks`, whose answers may have to be worked off
   * first.
   */
  async batch(bytes: Buffer, checks: Checks | undefined): Promise<void> {
    await this.#each(this.#scan, bytes, undefined, checks);
  }

  /** Waits for the oldest CHECK answer and emits the entries that are wanted. */
  async answer(checks: Checks): Promise<void> {
    const begun = performance.now();
    const answered = await checks.oldest();
    this.#job.sums.waits.answer(begun);
    if (answered === undefined) return;
    checks.shift();
    await this.#each(this.#answers, answered.records, answered.wanted, undefined);
  }

  /**
   * After the last answer: names that are unchanged, but whose inode was sent under another one.
   */
  async unchangedLinks(): Promise<void> {
    for (const { records, count } of this.#unchanged?.due() ?? []) {
      this.#job.sums.filteredUnchanged -= count;
      await this.#each(
        this.#answers,
        records,
        new Uint8Array(Math.ceil(count / 8)).fill(0xff),
        undefined,
      );
    }
  }

  async close(): Promise<void> {
    this.#unchanged?.close();
    await Promise.all([this.#scan.ahead.close(), this.#answers.ahead.close()]);
    await this.#files.close();
    this.#links.close();
  }

  async #each(
    pass: BatchPass,
    bytes: Buffer,
    wanted: Uint8Array | undefined,
    checks: Checks | undefined,
  ): Promise<void> {
    const { cursor, ahead } = pass;
    const { sink, sums, signal } = this.#job;
    cursor.reset(bytes);
    if (this.#job.content) ahead.reset(bytes, wanted);
    const runs = wanted === undefined ? this.#runs : undefined;
    for (let index = -1; ; ) {
      if (sink.full) {
        await sink.drain();
        signal?.throwIfAborted();
      }
      if (runs?.due) await runs.run(cursor, bytes, signal);
      if (!cursor.next()) break;
      const type = cursor.type;
      if (type === RecordType.DIR) continue;
      if (type === RecordType.ERROR) {
        this.#scanError(cursor);
        continue;
      }
      index++;
      if (isWanted(wanted, index, cursor.flags)) {
        if (!this.#withoutLooking(cursor, bytes)) await this.#looked(pass, bytes);
      } else if (checks === undefined) {
        sums.filteredUnchanged++;
        if (isLinked(cursor)) this.#unchanged?.keep(cursor, bytes);
      } else {
        while (checks.full) await this.answer(checks);
        checks.add(cursor, bytes);
      }
    }
  }

  /** Deals with every entry that need not be looked at again; false: it must be. */
  #withoutLooking(cursor: RecordCursor, bytes: Buffer): boolean {
    const { sums, messages, content: withContent } = this.#job;
    const kind = cursor.kind;
    if (kind === EntryKind.SOCKET) {
      sums.filteredSockets++;
      messages.entry("info", leftOutText(cursor, "socket"));
      return true;
    }
    if (kind === EntryKind.REGULAR && isOwnOutput(cursor)) {
      sums.filteredOther++;
      if (!this.#saidOwn) messages.entry("info", leftOutText(cursor, "ownOutput"));
      this.#saidOwn = true; // once: it is one and the same reason for all of them
      return true;
    }
    if (isLinked(cursor)) {
      this.#unchanged?.sent(cursor);
      if (this.#laterName(cursor, bytes)) return true;
    }
    if (cursor.error !== 0) {
      this.#unreadable(
        cursor,
        cursor.error,
        kind === EntryKind.SYMLINK ? NoteOperation.READ_LINK : NoteOperation.OPEN,
      );
      return true;
    }
    if (this.#needsLook(cursor)) return false;
    const content = withContent && kind === EntryKind.REGULAR ? cursor.content : undefined;
    if (content === undefined || (content.length === 0 && cursor.size === 0)) {
      this.#emit(cursor, bytes, 0);
      return true;
    }
    this.#emit(cursor, bytes, EntryFlag.HAS_DATA);
    this.#content.ready(cursor, content);
    return true;
  }

  /** Emits the name as a LINK when its inode was sent before. */
  #laterName(cursor: RecordCursor, bytes: Buffer): boolean {
    const later = this.#links.later(cursor);
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

  /**
   * `attributes`: its own, or what a later look found. `head`: what it is now, where it has changed
   * since the scan.
   */
  #emit(
    cursor: RecordCursor,
    bytes: Buffer,
    flags: number,
    {
      holes = EMPTY,
      attributes = cursor,
      head,
    }: { holes?: Buffer; attributes?: Attributes; head?: Buffer } = {},
  ): void {
    const { sums, sink } = this.#job;
    const kind = cursor.kind;
    const xattrs = attributes === cursor && cursor.xattrLength === 0 ? EMPTY : attributes.xattrs;
    if (attributes.xattrError !== 0) this.#xattrError(cursor, attributes);
    const out = this.#fill(cursor, bytes);
    if (head !== undefined) {
      out.bytes = head;
      out.headStart = 0;
    }
    out.flags = flags;
    out.holes = holes;
    if (xattrs.length > 0) out.flags |= EntryFlag.ATTRS;
    if (isLinked(cursor)) {
      out.group = this.#links.lead(cursor, cursor.nlink, fullName(out.dir, out.name));
      out.flags |= EntryFlag.LEADER;
    }
    sink.entry(out);
    if (out.flags & EntryFlag.ATTRS) {
      sink.attributes(xattrs);
      sums.xattrBlocks++;
    }
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
    out.holes = EMPTY;
    return out;
  }

  /**
   * Content that is not in the batch; and the attributes of an older entry, which the scan does not
   * ask for: few of them are saved.
   */
  #needsLook(cursor: RecordCursor): boolean {
    const { content, params } = this.#job;
    if (!content || cursor.error !== 0) return false;
    return this.#hasContent(cursor) || (params.xattrs && (cursor.flags & EntryFlag.OLDER) !== 0);
  }

  #hasContent({ kind, contentLength, size }: RecordCursor): boolean {
    return kind === EntryKind.REGULAR && contentLength < 0 && size > 0;
  }

  #look(cursor: RecordCursor, bytes: Buffer): Promise<Looked> {
    if (!this.#hasContent(cursor)) return this.#files.attributes(cursor, bytes);
    const older = (cursor.flags & EntryFlag.OLDER) !== 0;
    const xattrs = !this.#job.params.xattrs ? "no" : older ? "always" : "changed";
    return this.#files.open(cursor, bytes, this.#reading, xattrs);
  }

  /** An entry of which the scan left something out. */
  async #looked({ cursor, ahead }: BatchPass, bytes: Buffer): Promise<void> {
    const { waits } = this.#job.sums;
    const begun = performance.now();
    let looked: Looked;
    try {
      looked = await ahead.take(cursor.headStart, () => this.#look(cursor, bytes));
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === EREMOTE && this.#reading.skipReleased) this.#released(cursor);
      else this.#unreadable(cursor, errno, NoteOperation.OPEN);
      return;
    } finally {
      waits.content(begun);
    }
    if ("next" in looked) await this.#file(cursor, bytes, looked);
    else this.#emit(cursor, bytes, 0, { attributes: looked });
  }

  async #file(cursor: RecordCursor, bytes: Buffer, reader: ContentReader): Promise<void> {
    const { sums, messages } = this.#job;
    const { holes, now } = reader;
    try {
      if (now?.changed) {
        sums.changed++;
        messages.entry("info", changedText(cursor));
      }
      const fresh = now === undefined ? {} : { attributes: now, head: now.head };
      const head = reader.layout ? withLayout(now?.head, cursor, bytes, reader.layout) : now?.head;
      this.#emit(cursor, bytes, EntryFlag.HAS_DATA, { holes, ...fresh, ...(head && { head }) });
      await this.#content.read(cursor, reader);
    } finally {
      await reader.close();
    }
  }

  #released(cursor: RecordCursor): void {
    const { sums, messages } = this.#job;
    sums.filteredOther++;
    sums.released++;
    messages.entry("info", leftOutText(cursor, "released"));
    this.#note(cursor, EREMOTE, NoteOperation.OPEN);
  }

  #unreadable(cursor: RecordCursor, errno: number, operation: NoteOperation): void {
    const { sums, messages } = this.#job;
    if (isGone(errno)) {
      sums.vanished++;
      messages.entry("info", leftOutText(cursor, "vanished"));
    } else {
      sums.fail(errno);
      messages.entry("not-saved", failedText(cursor, operation, errno));
    }
    this.#note(cursor, errno, operation);
  }

  /**
   * The scan counted it; here it gets its message, and its errno a count. A root that became
   * unreadable since the job was checked ends the job.
   */
  #scanError(cursor: RecordCursor): void {
    const { op, error } = cursor;
    const name = fullName(cursor.dir, cursor.name);
    if (op !== ScanOp.READDIR && this.#job.params.paths.some((root) => root.equals(name)))
      throw unreadableRoot(name, errnoName(error));
    this.#job.messages.entry("not-saved", failedText(cursor, op, error));
    if (op === ScanOp.STAT) this.#job.sums.failedFor(error);
    this.#note(cursor, error, op);
  }

  /** The entry travels without what could not be read. */
  #xattrError(cursor: RecordCursor, attributes: Attributes): void {
    const { sums, messages } = this.#job;
    sums.xattrsFailed++;
    messages.entry("warning", xattrsText(cursor, attributes));
    this.#note(cursor, attributes.xattrError, NoteOperation.READ_XATTRS);
  }

  #note(cursor: RecordCursor, errno: number, operation: NoteOperation): void {
    const name = fullName(cursor.dir, cursor.name);
    this.#job.trouble?.(errno, operation, name);
    this.#job.sink.note?.({ errno, operation, name });
  }
}

/** A head of its own, `fresh` or the scan's, with that layout. */
function withLayout(
  fresh: Buffer | undefined,
  { headStart }: RecordCursor,
  bytes: Buffer,
  layout: number,
): Buffer {
  const head = Buffer.from(fresh ?? bytes.subarray(headStart, headStart + ENTRY_HEAD_BYTES));
  head.writeUInt32LE(layout, ENTRY_HEAD.layout);
  return head;
}

/** A name of an inode that has others. */
function isLinked({ nlink, kind }: RecordCursor): boolean {
  return nlink > 1 && kind !== EntryKind.DIRECTORY;
}
