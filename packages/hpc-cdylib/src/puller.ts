import {
  type Accounting,
  decodeAccounting,
  decodeCheck,
  decodeDataEnd,
  decodeEntry,
  type Entry,
  EntryFlag,
  encodeCheckAnswer,
  type Frame,
  isBalanced,
  type MessageLevel,
  protocolError,
} from "@podheitor/hpc-ptcomm";
import { type BackendCommand, backendCommand } from "./child";
import type { PluginConf } from "./conf";
import { Dialogue, unexpected } from "./dialogue";
import { GREET_LIMIT_MS, STALL_MS } from "./limits";

/** What the Director would say of a job. */
export interface PullJob {
  readonly name?: string;
  readonly id?: number;
  /** Full by default. */
  readonly level?: "F" | "I" | "D";
  /** Epoch second. */
  readonly since?: bigint;
  readonly accurate?: boolean;
  readonly previousJobName?: string;
  /** No content: entries and sizes only. */
  readonly estimate?: boolean;
}

export interface PullOptions {
  /** Program and arguments of the backend; `backendCommand` makes it from a configuration. */
  readonly command: BackendCommand;
  /** Pairs of the plugin string, in order; values are bytes. */
  readonly params: Iterable<readonly [key: string, value: Buffer]>;
  readonly job?: PullJob;
  /** Accurate jobs: is this older entry wanted all the same? No, if not given. It has no data. */
  readonly wanted?: (entry: Entry) => boolean;
  readonly onMessage?: (level: MessageLevel, text: string) => void;
  /** Names that no longer exist. */
  readonly onDeleted?: (name: Buffer) => void;
  readonly stallMs?: number;
  readonly signal?: AbortSignal;
}

/** One entry and its data, which may be read once, before the next entry is asked for. */
export class PulledFile {
  /**
   * errno of a read that ended the data early, 0 if it is complete; known when `data` has ended.
   */
  errno: number | undefined;
  private readonly dialogue: Dialogue;
  private bytes = 0n;

  constructor(
    readonly entry: Entry,
    dialogue: Dialogue,
  ) {
    this.dialogue = dialogue;
    if ((entry.flags & EntryFlag.HAS_DATA) === 0) this.errno = 0;
  }

  /** The file's bytes, in order; what is not read is skipped. */
  readonly data: AsyncIterable<Buffer> = { [Symbol.asyncIterator]: () => this.pieces() };

  /** @internal Reads what the consumer left. */
  async skip(): Promise<void> {
    while ((await this.piece()) !== undefined);
  }

  private async *pieces(): AsyncGenerator<Buffer, void> {
    for (let piece = await this.piece(); piece !== undefined; piece = await this.piece())
      if (piece.length > 0) yield piece;
  }

  private async piece(): Promise<Buffer | undefined> {
    if (this.errno !== undefined) return undefined;
    const frame = await this.dialogue.next();
    if (frame.status === "D") {
      this.bytes += BigInt(frame.payload.length);
      return frame.payload;
    }
    if (frame.status !== "Z") throw unexpected(frame, "data or its end");
    const end = decodeDataEnd(frame.payload);
    if (end.bytes !== this.bytes)
      throw protocolError(
        "HPC_COUNT_MISMATCH",
        `${end.bytes} bytes of ${JSON.stringify(this.entry.name.toString())} were announced, ${this.bytes} came`,
      );
    this.errno = end.errno;
    return undefined;
  }
}

/**
 * The consumer's side of a backup in TypeScript, as the plugin is in C: starts a backend and hands
 * out what it sends.
 *
 * const puller = new FilePuller({ command: ["/usr/bin/node", backend], params: [["path",
 * Buffer.from("/data")]] });
 *     for await (const { entry, data } of puller) …
 *     puller.accounting.emitted
 *
 * Slow consumers slow the backend down: nothing is read ahead beyond a pipe's worth. Leaving the
 * loop early ends the backend. Errors:
 * HpcError HPC_BACKEND_START, _DIED, _SILENT, _REFUSED, HPC_PULL_CANCELLED; HpcError for
 * bytes that make no sense.
 */
export class FilePuller implements AsyncIterable<PulledFile> {
  private sums: Accounting | undefined;
  private received = 0;
  private backend = 0;

  constructor(private readonly options: PullOptions) {}

  /**
   * The backend's account, checked against what came; only when the loop has ended without an
   * error.
   */
  get accounting(): Accounting {
    if (this.sums === undefined) throw new ReferenceError("the backend has not finished");
    return this.sums;
  }

  /** Process id of the backend once the loop has begun; 0 before. */
  get pid(): number {
    return this.backend;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<PulledFile, void> {
    const { command, stallMs = STALL_MS, signal, onMessage } = this.options;
    const dialogue = await Dialogue.open({ command, stallMs, signal, onMessage });
    this.backend = dialogue.pid;
    let finished = false;
    try {
      await this.begin(dialogue);
      let sums: Accounting | undefined;
      for (let frame = await dialogue.next(); frame.status !== "F"; frame = await dialogue.next()) {
        if (frame.status === "M") {
          const file = new PulledFile(decodeEntry(frame.payload), dialogue);
          this.received++;
          yield file;
          await file.skip();
        } else if (frame.status === "U") sums = decodeAccounting(frame.payload);
        else this.other(frame, dialogue);
      }
      this.sums = this.checked(sums);
      await dialogue.exchange("END", (writer) => writer.command("END"));
      finished = true;
    } finally {
      await dialogue.close(finished ? "finished" : "failed");
    }
  }

  private async begin(dialogue: Dialogue): Promise<void> {
    const { job = {}, params } = this.options;
    await dialogue.exchange("the job", (writer) => {
      writer.command("Job");
      for (const pair of jobPairs(job)) writer.command(pair);
      writer.signal("F");
    });
    await dialogue.exchange("the parameters", (writer) => {
      writer.command("Params");
      for (const [key, value] of params) writer.command(key, "=", value);
      writer.signal("F");
    });
    const start = job.estimate === true ? "EstimateStart" : "BackupStart";
    await dialogue.exchange(start, (writer) => writer.command(start));
  }

  private other(frame: Frame, dialogue: Dialogue): void {
    if (frame.status === "K") {
      const { batch, entries } = decodeCheck(frame.payload);
      const answer = encodeCheckAnswer(
        batch,
        entries.map((entry) => this.options.wanted?.(entry) ?? false),
      );
      dialogue.send((writer) => writer.frame("K", answer));
    } else if (frame.status === "G") this.options.onDeleted?.(Buffer.from(frame.payload));
    else throw unexpected(frame, "an entry");
  }

  private checked(sums: Accounting | undefined): Accounting {
    if (sums === undefined)
      throw protocolError("HPC_COUNT_MISMATCH", "the backend ended without its account");
    if (sums.emitted !== this.received)
      throw protocolError(
        "HPC_COUNT_MISMATCH",
        `the backend sent ${sums.emitted} entries, ${this.received} came`,
      );
    if (!isBalanced(sums))
      throw protocolError(
        "HPC_COUNT_MISMATCH",
        `the backend's sums do not add up: ${JSON.stringify(sums)}`,
      );
    return sums;
  }
}

function jobPairs(job: PullJob): string[] {
  const pairs = [
    `Name=${job.name ?? "pull"}`,
    `JobID=${job.id ?? 0}`,
    `Type=${job.estimate === true ? "E" : "B"}`,
    `Level=${job.level ?? "F"}`,
  ];
  if (job.since !== undefined) pairs.push(`Since=${job.since}`);
  if (job.previousJobName !== undefined) pairs.push(`PrevJobName=${job.previousJobName}`);
  if (job.accurate === true) pairs.push("Accurate=1");
  return pairs;
}

/**
 * Starts the backend of a configuration, greets it and lets it go: does it run at all? Rejects with
 * HpcError HPC_BACKEND_START, _DIED, _REFUSED, or _SILENT after `stallMs` without a byte; with
 * HpcError HPC_DIALECT for one of another release, and HPC_FRAME or HPC_FRAME_TOO_LONG for
 * bytes that are no frames.
 */
export async function greetBackend(conf: PluginConf, stallMs = GREET_LIMIT_MS): Promise<void> {
  const dialogue = await Dialogue.open({ command: backendCommand(conf), stallMs });
  await dialogue.close("dismissed");
}
