import { fullName, NoteOperation } from "@podheitor/hpc-archive";
import { errnoOf } from "@podheitor/hpc-base";
import type { RecordCursor, Streamed } from "@podheitor/hpc-walker";
import type { ContentReader, Torn } from "../entry/content-reader";
import type { BackupJob } from "../job/backup-types";
import { readFailedText, tornText } from "./entry-messages";

/**
 * Sends the content of the entry that the sink was given last, counts it, and says what is wrong
 * with it.
 */
export class ContentSender {
  constructor(
    private readonly job: Pick<BackupJob, "sink" | "sums" | "messages" | "signal" | "progress">,
  ) {}

  /** Content that came with the scan. */
  ready(cursor: RecordCursor, content: Buffer): void {
    const { sink, sums } = this.job;
    if (content.length > 0) sink.data(content);
    sink.end(content.length, 0);
    sums.bytes += content.length;
    // A file that somebody cut off under us is saved as it is now, which is less than its
    // attributes promise.
    if (content.length < cursor.size)
      this.#torn(cursor, "shrank", content.length, cursor.exact("size"));
  }

  /**
   * What the reader has, to its end or to where reading fails, which is said, not thrown. Rejects
   * when the receiver is gone, and with the signal's reason.
   */
  async read(cursor: RecordCursor, reader: ContentReader): Promise<void> {
    const { sink, signal, sums, messages } = this.job;
    sums.holeBytes += reader.holeBytes;
    let sent = 0;
    let errno = 0;
    let file: Buffer | undefined;
    let torn: Torn | undefined;
    for (;;) {
      const piece = await this.#piece(reader);
      if (piece === undefined) break;
      sent += piece.bytes;
      if (piece.errno !== 0) {
        errno = piece.errno;
        sums.incomplete++;
        messages.entry("not-saved", readFailedText(cursor, sent, errno));
        break;
      }
      if (sink.full) await sink.drain();
      signal?.throwIfAborted();
      if (this.job.progress !== undefined && sent < cursor.size) {
        file ??= fullName(cursor.dir, cursor.name);
        sums.reading = { file, bytes: sent };
        this.job.progress();
      }
    }
    sums.reading = undefined;
    sink.end(sent, errno);
    sums.bytes += sent;
    if (errno === 0) torn = await reader.torn().catch(() => "changed" as const);
    if (torn !== undefined) this.#torn(cursor, torn, sent + reader.holeBytes, reader.size);
    if (errno !== 0)
      sink.note?.({
        errno,
        operation: NoteOperation.READ,
        name: fullName(cursor.dir, cursor.name),
      });
  }

  /**
   * Gives the sink what comes next of a file; undefined at its end. Rejects when the receiver is
   * gone.
   */
  async #piece(reader: ContentReader): Promise<Streamed | undefined> {
    const { sink } = this.job;
    if (sink.stream !== undefined && reader.streamable) return reader.stream(sink.stream);
    let block: Buffer | undefined;
    const begun = performance.now();
    try {
      block = await reader.next();
    } catch (error) {
      return { bytes: 0, errno: errnoOf(error) };
    } finally {
      this.job.sums.waits.content(begun);
    }
    if (block === undefined) return undefined;
    sink.data(block);
    return { bytes: block.length, errno: 0 };
  }

  #torn(cursor: RecordCursor, how: Torn, saved: number, size: bigint): void {
    const { sums, messages } = this.job;
    sums.changed++;
    sums.torn++;
    messages.entry("warning", tornText(cursor, how, saved, size));
  }
}
