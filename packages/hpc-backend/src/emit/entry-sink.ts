import type { Note } from "@podheitor/hpc-archive";
import type { EntryParts } from "@podheitor/hpc-ptcomm";
import type { FillFrames, Streamed } from "@podheitor/hpc-walker";

/**
 * An entry on its way out. One object serves a whole job: a sink takes what it needs before it
 * returns.
 */
export type Outgoing = { -readonly [K in keyof EntryParts]: EntryParts[K] };

/** Takes whole frames. */
export interface FrameSink {
  /** Records, xattr blocks and content carry digests (archives). */
  readonly digests: boolean;
  /** Nothing waits to be written: there is as much room as there ever is. */
  readonly empty: boolean;
  readonly fill: FillFrames;
}

/**
 * Moves up to `length` bytes from `offset` on; fewer at the end of the file, or where reading
 * failed. Rejects when the receiver is gone.
 */
export type MoveContent = (fd: number, offset: number, length: number) => Promise<Streamed>;

/** Where entries go: the pipe, or an archive. Calls only append; `full` says when to wait. */
export interface EntrySink {
  entry(entry: Outgoing): void;
  /** Takes ready frames of many entries at once. Absent: entries only come one at a time. */
  readonly frames?: FrameSink;
  /** The xattr block of the entry just given, whose flags said so; before its content. */
  attributes(block: Buffer): void;
  /** Content of the last entry, any length. */
  data(bytes: Buffer): void;
  /**
   * Moves content of the last entry from an open file without reading it; what was given before
   * comes first. Absent: this sink looks at every byte.
   */
  readonly stream?: MoveContent | undefined;
  /**
   * End of the content: how many bytes were given, and the errno of a read that failed (0:
   * complete).
   */
  end(bytes: number, errno: number): void;
  /** A name that is gone, absolute; between entries. */
  deleted(name: Buffer): void;
  /**
   * What is missing, and why; between entries. Archives keep it, a receiver at the other end of a
   * pipe gets messages.
   */
  note?(note: Note): void;
  /** True when `drain` must be awaited before more is appended. */
  readonly full: boolean;
  /** Settles when there is room again. Rejects when the receiver is gone. */
  drain(): Promise<void>;
}
