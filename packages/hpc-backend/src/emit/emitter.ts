import { type ByteSink, counted } from "@podheitor/hpc-archive";
import { type Digest, FLUSH_BYTES, FLUSH_ROOM, FrameWriter } from "@podheitor/hpc-ptcomm";
import type { FillFrames, Streamed } from "@podheitor/hpc-walker";
import { FLUSH_IDLE_MS, MIB } from "../limits";
import { Pacer } from "./pacer";
import { Waits } from "./waits";

/**
 * The only owner of an output. Frames are appended to one buffer while the one before is being
 * written, so that the scan goes on during a write; nothing here blocks the event loop, but `fill`
 * while the descriptor is lent. What lies about for FLUSH_IDLE_MS is written.
 */
export class Emitter {
  /** Append frames here, synchronously. */
  readonly frames: FrameWriter;
  readonly #sink: ByteSink;
  readonly #flushBytes: number;
  #writing: Promise<void> | undefined;
  /** flush() was called during a write. */
  #asked = false;
  #failure: unknown;
  /** Those who wait in drain(): the job, and at the end whoever says good-bye. */
  #waiting: (() => void)[] = [];
  #lastWrite = performance.now();
  readonly #pacer = new Pacer();
  /** What whoever waits in drain() waits for, and what others of the same job add to it. */
  readonly waits = new Waits();
  readonly #timer: NodeJS.Timeout;

  constructor(sink: ByteSink, options: { readonly digest?: Digest } = {}) {
    this.#flushBytes = sink.flushBytes ?? FLUSH_BYTES;
    this.frames = new FrameWriter({ ...options, capacity: this.#flushBytes + FLUSH_ROOM });
    this.#sink = sink;
    this.#timer = setInterval(() => this.#write(), FLUSH_IDLE_MS);
    // Output alone does not keep a process alive; whoever waits for drain() or finish() does.
    this.#timer.unref();
  }

  get full(): boolean {
    return this.frames.byteLength >= this.#flushBytes;
  }

  /** Milliseconds since the receiver last took something; 0 while it is being given something. */
  get quietMs(): number {
    return this.#writing === undefined ? performance.now() - this.#lastWrite : 0;
  }

  /** A write waits for the receiver. */
  get writing(): boolean {
    return this.#writing !== undefined;
  }

  /** Starts writing what there is, now or when the write that is under way is done. Never waits. */
  flush(): void {
    this.#asked = this.#writing !== undefined;
    this.#write();
  }

  #write(): void {
    if (this.#writing !== undefined || this.#failure !== undefined || this.frames.byteLength === 0)
      return;
    const bytes = this.frames.takeBytes();
    this.#writing = this.#settled(
      this.#sink
        .write(bytes)
        .then(() => bytes.length)
        .finally(() => this.frames.recycle(bytes)),
    );
  }

  #settled(write: Promise<number>): Promise<void> {
    const begun = performance.now();
    return write
      .then((bytes) => {
        // From here on nobody waits for the receiver, but perhaps for the limit.
        this.#lastWrite = performance.now();
        return this.#pacer.spent(bytes, begun);
      })
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .then(() => {
        this.#writing = undefined;
        if (this.#asked) this.flush();
        this.#wake();
      });
  }

  /**
   * Lets `how` write frames behind those that wait, and send them away itself, if nothing else is
   * on its way and no limit is kept.
   */
  readonly fill: FillFrames = (how) => {
    const idle = this.#writing === undefined && this.#failure === undefined && !this.#pacer.limited;
    this.frames.fill((buffer, length) => {
      const filled = how(buffer, length, idle ? this.#sink.fd : undefined);
      if (filled.written > 0) this.#lastWrite = performance.now();
      return filled.length;
    });
  };

  /**
   * From now on at most so many MiB a second are written, on the average; undefined: as many as are
   * taken. May be called at any time, also while somebody waits for the limit before.
   */
  limit(mibPerSecond: number | undefined): void {
    this.#pacer.limit(mibPerSecond === undefined ? undefined : mibPerSecond * MIB);
  }

  /**
   * Gives the output up: whoever waits for a receiver that takes nothing gets `reason`, now and
   * from now on.
   */
  abandon(reason: unknown): void {
    this.#failure ??= reason;
    this.#sink.streamer?.stop();
    this.#wake();
  }

  /**
   * Settles when the write before is done and this one is on its way. Rejects when the receiver is
   * gone.
   */
  async drain(): Promise<void> {
    while (this.#writing !== undefined && this.#failure === undefined) {
      const begun = performance.now();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      this.waits.output(begun, this.#lastWrite);
    }
    if (this.#failure !== undefined) throw this.#failure;
    this.#write();
  }

  /** Whether `stream` can be used. */
  get canStream(): boolean {
    return this.#sink.streamer !== undefined;
  }

  /**
   * Moves up to `length` bytes, less with a limit, of an open file to the output as D frames,
   * behind everything appended before; what is appended meanwhile follows them. Rejects when the
   * receiver is gone or this emitter was given up.
   */
  async stream(fd: number, offset: number, length: number): Promise<Streamed> {
    const { streamer } = this.#sink;
    if (streamer === undefined) throw new Error("this output cannot be streamed to");
    do await this.drain();
    while (this.#writing !== undefined || this.frames.byteLength > 0);
    const begun = performance.now();
    const moved = counted(streamer.move(fd, offset, Math.min(length, this.#pacer.piece)));
    this.#writing = this.#settled(moved.then(({ bytes }) => bytes));
    const streamed = await moved;
    this.waits.content(begun, streamed.waitedMs);
    return streamed;
  }

  /** Settles when everything has been written. */
  async finish(): Promise<void> {
    do await this.drain();
    while (this.#writing !== undefined || this.frames.byteLength > 0);
  }

  /** No more timed writes. */
  close(): void {
    clearInterval(this.#timer);
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
