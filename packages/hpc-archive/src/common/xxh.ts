import { xxh3 } from "@node-rs/xxhash";

/** xxh3_64 with seed 0. */
export const digestOf = (bytes: Buffer): bigint => xxh3.xxh64(bytes);

/** xxh3_64 over data that arrives in blocks; one block costs one call. */
export class RunningDigest {
  #hash: ReturnType<typeof xxh3.Xxh3.withSeed> | undefined;

  update(bytes: Buffer): void {
    this.#hash ??= xxh3.Xxh3.withSeed();
    this.#hash.update(bytes);
  }

  /** The digest so far, and a new beginning. */
  take(): bigint {
    const digest = this.#hash?.digest() ?? digestOf(Buffer.alloc(0));
    this.#hash = undefined;
    return digest;
  }
}
