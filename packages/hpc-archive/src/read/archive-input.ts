import { type FileHandle, open } from "node:fs/promises";
import { causeOf, errnoRemedy } from "@podheitor/hpc-base";
import { HpcError } from "../common/errors";
import { readBuffer } from "../common/read-buffer";
import { ARCHIVE_READ_SIZE } from "../limits";

/** The bytes of an archive, block by block. */
export interface ArchiveInput {
  /**
   * The next block, valid until the next call; undefined at the end. Rejects with HPC_ARCHIVE_READ.
   */
  next(): Promise<Buffer | undefined>;
  close(): Promise<void>;
}

/** Opens an archive for reading; "-" is standard input. Throws HPC_ARCHIVE_OPEN. */
export async function openArchiveInput(archive: string): Promise<ArchiveInput> {
  if (archive === "-") return standardInput();
  try {
    const handle = await open(archive, "r");
    if ((await handle.stat()).isDirectory()) {
      await handle.close();
      throw new HpcError(
        "HPC_ARCHIVE_OPEN",
        `archive ${archive} is a directory`,
        "Name the archive file in it.",
      );
    }
    return new FileInput(archive, handle);
  } catch (error) {
    if (error instanceof HpcError) throw error;
    const cause = causeOf(error);
    throw new HpcError(
      "HPC_ARCHIVE_OPEN",
      `archive ${archive} cannot be opened: ${cause}`,
      errnoRemedy(cause) ?? "Check its name and permissions.",
    );
  }
}

class FileInput implements ArchiveInput {
  readonly #archive: string;
  readonly #handle: FileHandle;
  readonly #buffer = readBuffer(ARCHIVE_READ_SIZE);

  constructor(archive: string, handle: FileHandle) {
    this.#archive = archive;
    this.#handle = handle;
  }

  async next(): Promise<Buffer | undefined> {
    try {
      const { bytesRead } = await this.#handle.read(this.#buffer, 0, this.#buffer.length, null);
      return bytesRead === 0 ? undefined : this.#buffer.subarray(0, bytesRead);
    } catch (error) {
      throw unreadable(this.#archive, error);
    }
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

function standardInput(): ArchiveInput {
  const chunks: AsyncIterator<Buffer> = process.stdin[Symbol.asyncIterator]();
  return {
    async next() {
      try {
        const { value, done } = await chunks.next();
        return done ? undefined : value;
      } catch (error) {
        throw unreadable("-", error);
      }
    },
    async close() {
      process.stdin.destroy();
    },
  };
}

function unreadable(archive: string, error: unknown): HpcError {
  const what = archive === "-" ? "standard input" : archive;
  return new HpcError(
    "HPC_ARCHIVE_READ",
    `archive ${what} cannot be read: ${causeOf(error)}`,
    "Check its name and permissions, and the medium it is on.",
  );
}
