import { RunningDigest } from "@podheitor/hpc-archive";
import type { Emitter } from "./emitter";
import type { EntrySink, FrameSink, MoveContent, Outgoing } from "./entry-sink";

/**
 * Entries as hpc/1 frames. Over the pipe an entry's end carries its byte count only; an archive's
 * carries the xxh3 of the data too, unless the read failed: then there is an errno instead, so that
 * neither can turn into the other by one flipped bit.
 */
export class Hpc1Sink implements EntrySink {
  readonly frames: FrameSink;
  readonly stream: MoveContent | undefined;
  readonly #emitter: Emitter;
  readonly #digest: RunningDigest | undefined;

  constructor(emitter: Emitter, options: { readonly digests: boolean }) {
    this.#emitter = emitter;
    this.#digest = options.digests ? new RunningDigest() : undefined;
    // A digest needs every byte.
    const streams = emitter.canStream && !options.digests;
    this.stream = streams ? (fd, offset, length) => emitter.stream(fd, offset, length) : undefined;
    this.frames = {
      digests: options.digests,
      get empty() {
        return emitter.frames.byteLength === 0;
      },
      fill: emitter.fill,
    };
  }

  get full(): boolean {
    return this.#emitter.full;
  }

  drain(): Promise<void> {
    return this.#emitter.drain();
  }

  entry(entry: Outgoing): void {
    this.#emitter.frames.entry(entry);
  }

  attributes(block: Buffer): void {
    this.#emitter.frames.attributes(block);
  }

  data(bytes: Buffer): void {
    this.#digest?.update(bytes);
    this.#emitter.frames.data(bytes);
  }

  end(bytes: number, errno: number): void {
    const digest = this.#digest?.take();
    this.#emitter.frames.dataEnd(bytes, errno, errno === 0 ? digest : undefined);
  }

  deleted(name: Buffer): void {
    this.#emitter.frames.deleted(name);
  }
}
