import { encodeAccounting, type FrameWriter } from "@podheitor/hpc-ptcomm";
import { HpcError } from "../common/errors";
import { RunningDigest } from "../common/xxh";
import { encodeNote, type Note } from "../format/note";
import { FACT_COST, FACTS_BYTES, MIB } from "../limits";

/** What an archive holds beside its entries: facts of its job first, notes, the accounting last. */
export class ArchiveWriter {
  readonly #frames: FrameWriter;
  /** Of the facts, and then of the accounting: what no entry's own checksum covers. */
  readonly #digest = new RunningDigest();
  #factBytes = 0;

  /** `frames`: behind `archiveHeader`. */
  constructor(frames: FrameWriter) {
    this.#frames = frames;
  }

  /** Throws HPC_BAD_VALUE when there are more than a reader takes. */
  fact(key: string, value: Buffer | string): void {
    const payload = Buffer.concat([Buffer.from(`${key}=`), Buffer.from(value), Buffer.from("\n")]);
    this.#factBytes += payload.length + FACT_COST;
    if (this.#factBytes > FACTS_BYTES) throw tooMuchSaid();
    this.#digest.update(payload);
    this.#frames.frame("C", payload);
  }

  /** Between entries. */
  note(note: Note): void {
    this.#frames.frame("N", encodeNote(note));
  }

  end(accounting: Parameters<typeof encodeAccounting>[0]): void {
    const sums = encodeAccounting(accounting);
    this.#digest.update(sums);
    const digest = Buffer.alloc(8);
    digest.writeBigUInt64LE(this.#digest.take());
    this.#frames.frame("U", Buffer.concat([sums, digest]));
    this.#frames.signal("F");
  }
}

function tooMuchSaid(): HpcError {
  return new HpcError(
    "HPC_BAD_VALUE",
    `the paths and patterns are more than the ${FACTS_BYTES / MIB} MiB that an archive can name`,
    "Name the directories that they lie in.",
    { key: "path" },
  );
}
