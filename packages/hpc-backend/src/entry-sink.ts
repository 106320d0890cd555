import type { EntryParts } from "@podheitor/hpc-ptcomm";

/** An entry on its way out. One object serves a whole job: a sink takes what it needs before it returns. */
export type Outgoing = { -readonly [K in keyof EntryParts]: EntryParts[K] };

/** Where entries go: the pipe in either dialect, or an archive. Calls only append; `full` says when to wait. */
export interface EntrySink {
  /** false: fifos and devices cannot travel (classic). */
  readonly carriesSpecials: boolean;
  /** false: this entry's names cannot be said in the dialect. Absent: all can. */
  carries?(entry: Outgoing): boolean;
  entry(entry: Outgoing): void;
  /** Content of the last entry, any length. */
  data(bytes: Buffer): void;
  /** End of the content: how many bytes were given, and the errno of a read that failed (0: complete). */
  end(bytes: number, errno: number): void;
  /** True when `drain` must be awaited before more is appended. */
  readonly full: boolean;
  /** Settles when there is room again. Rejects when the receiver is gone. */
  drain(): Promise<void>;
}

const SLASH = Buffer.from("/");

/** The full name of an entry, as one new Buffer. */
export function fullName(dir: Buffer, name: Buffer): Buffer {
  if (name.length === 0) return Buffer.from(dir);
  // "/" is the only directory that ends in a slash.
  return dir.length === 1 ? Buffer.concat([dir, name]) : Buffer.concat([dir, SLASH, name]);
}
