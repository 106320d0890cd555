import { callFailed } from "@podheitor/hpc-native";
import { STREAM_CONTROL, STREAM_CONTROL_BYTES } from "@podheitor/hpc-wire";
import { type ScanLibrary, scanLibrary } from "../native-library";

/** What became of a piece. */
export interface Streamed {
  /** Moved, as whole D frames. */
  readonly bytes: number;
  /**
   * 0, or errno of the input; then fewer bytes may have been moved than were asked for. EINVAL with
   * no bytes: this input cannot be spliced, read it.
   */
  readonly errno: number;
  /** Milliseconds of it in which the output was full. */
  readonly waitedMs?: number;
}

const STOP = STREAM_CONTROL.stop / 4;
const ERROR = STREAM_CONTROL.error / 4;
const WAITED_MS = STREAM_CONTROL.waitedMs / 4;

/**
 * Moves bulk data from a file, a pipe or a socket to a pipe as D frames, by splice(2): no byte is
 * copied into this process, and a gibibyte takes a tenth of a second. Each move runs in a thread of
 * libuv's pool and waits there as long as the output is full.
 *
 *     const { bytes, errno } = await streamerTo(1).move(fd, 0, 2 ** 26);
 */
export class Streamer {
  readonly #to: number;
  readonly #library: ScanLibrary;
  readonly #control = new Int32Array(STREAM_CONTROL_BYTES / 4);
  readonly #bytes = Buffer.from(this.#control.buffer);

  /** `to`: the pipe. */
  constructor(library: ScanLibrary, to: number) {
    this.#library = library;
    this.#to = to;
  }

  /**
   * Moves up to `length` bytes; fewer only at the end of the input or where it failed. `offset`: in
   * a file, whose own offset stays; -1: a pipe or a socket, from where it is. One move at a time,
   * and nobody else may write to the output meanwhile. Rejects with HpcError when the output
   * fails (EPIPE: the receiver is gone), and with ECANCELED after `stop`; the last frame may be cut
   * off then.
   */
  async move(from: number, offset: number, length: number): Promise<Streamed> {
    const moved = await this.#library.stream(from, offset, length, this.#to, this.#bytes);
    if (moved < 0) throw callFailed("hpc_stream", moved);
    const waitedMs = Atomics.load(this.#control, WAITED_MS);
    return { bytes: moved, errno: Atomics.load(this.#control, ERROR), waitedMs };
  }

  /** Ends the move that is under way, and all later ones. */
  stop(): void {
    Atomics.store(this.#control, STOP, 1);
  }
}

/** A Streamer to that pipe. */
export const streamerTo = (pipe: number) => new Streamer(scanLibrary(), pipe);
