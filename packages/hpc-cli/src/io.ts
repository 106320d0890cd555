import type { Readable, Writable } from "node:stream";

/** A stream that may be a terminal. */
export type Sink = Writable & { isTTY?: boolean; columns?: number };

/** Everything that a command reaches of the process it runs in; tests pass their own. */
export interface Io {
  readonly stdin: Readable;
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** Aborted by SIGINT, SIGTERM or SIGHUP. */
  readonly signal: AbortSignal;
}
