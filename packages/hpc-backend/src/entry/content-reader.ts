import type { FilesystemType } from "@podheitor/hpc-native";
import type { OpenedEntry, Streamed } from "@podheitor/hpc-walker";
import type { MoveContent } from "../emit/entry-sink";

export interface ReadOptions {
  /** Skip the holes of a file that has fewer blocks than its size needs. */
  readonly holes: boolean;
  /** Reject with EREMOTE instead of bringing back what HSM has released. */
  readonly skipReleased?: boolean;
  /** Leave long runs of data behind the first block to `stream`. */
  readonly streams?: boolean;
  /** Let go of its pages in the page cache once they were read, whoever brought them there. */
  readonly dropBehind?: boolean;
  /** Bytes of one read, at most 999,999. Default: READ_SIZE. */
  readonly readBytes?: number;
}

/** How a file changed while it was read: what was read is of no one moment. */
export type Torn = "grew" | "shrank" | "changed";

/** The content of one regular file that was opened for its turn, in order. */
export interface ContentReader {
  /** Bytes, when it was opened. */
  readonly size: bigint;
  /** The hole map (16 bytes each, as in a record); bytes in a hole do not come. */
  readonly holes: Buffer;
  readonly holeBytes: number;
  /** What to save of the file instead of what the scan saw; undefined: that. */
  readonly now: OpenedEntry | undefined;
  /** Number of its layout, which restore makes it with; 0 or absent: the directory's default. */
  readonly layout?: number;
  /** The next block, valid until the next call; undefined at the end. Rejects as read(2) does. */
  next(): Promise<Buffer | undefined>;
  /** Whether `stream`, not `next`, has what comes now. */
  readonly streamable: boolean;
  /** Moves a piece to the output. Rejects only as `move` does. */
  stream(move: MoveContent): Promise<Streamed>;
  /** After the last piece: how the file changed meanwhile. Rejects as fstat(2) does. */
  torn(): Promise<Torn | undefined>;
  /** Must be called; closes the descriptor that the reader was given. */
  close(): Promise<void>;
}

/** A way to read files. */
export interface ContentDriver {
  readonly name: string;
  /** Whether it reads this file; `filesystem`: that of the root, undefined where it is not known. */
  canRead(entry: OpenedEntry, filesystem: FilesystemType | undefined): boolean;
  /** Begins to read. `fresh`: its attributes are to be saved, not what the scan saw. */
  open(entry: OpenedEntry, options: ReadOptions, fresh: boolean): ContentReader;
}
