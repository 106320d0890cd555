import { constants } from "node:fs";
import { type FileHandle, open, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type ByteSink, fileSink, sinkOf } from "./byte-sink";
import { causeOf, HpcError } from "./errors";
import { rememberOutput } from "./own-outputs";

/** Where an archive is written. Exactly one of `commit` and `discard` ends it. */
export interface ArchiveOutput {
  readonly sink: ByteSink;
  /** Makes it durable, and lets a regular file appear under its name. */
  commit(): Promise<void>;
  /** Leaves no partial file; what went to a pipe or device cannot be taken back. */
  discard(): Promise<void>;
}

/**
 * Opens `archive` for writing: "-" is standard output; a device, fifo or socket is written in place; anything else is written
 * as `archive.partial-<pid>` in the same directory and renamed when it is complete. Throws HPC_ARCHIVE_OPEN.
 */
export async function openArchiveOutput(archive: string): Promise<ArchiveOutput> {
  if (archive === "-") {
    const forget = rememberOutput(1);
    return { sink: sinkOf(1), commit: async () => forget(), discard: async () => forget() };
  }
  try {
    const existing = await stat(archive).catch((error: unknown) => {
      if (causeOf(error) === "ENOENT") return undefined;
      throw error;
    });
    if (existing?.isDirectory()) {
      throw new HpcError("HPC_ARCHIVE_OPEN", `archive ${archive} is a directory`, "Name a file in it.");
    }
    if (existing !== undefined && !existing.isFile()) return inPlace(await open(archive, constants.O_WRONLY));
    return await partial(archive);
  } catch (error) {
    if (error instanceof HpcError) throw error;
    throw new HpcError(
      "HPC_ARCHIVE_OPEN",
      `archive ${archive} cannot be created: ${causeOf(error)}`,
      "Check that its directory exists, is writable and has room.",
    );
  }
}

function inPlace(handle: FileHandle): ArchiveOutput {
  return { sink: fileSink(handle.fd), commit: () => handle.close(), discard: () => handle.close() };
}

async function partial(archive: string): Promise<ArchiveOutput> {
  const name = join(dirname(archive), `${basename(archive)}.partial-${process.pid}`);
  const handle = await open(name, "wx", 0o600);
  const forget = rememberOutput(handle.fd);
  return {
    sink: fileSink(handle.fd),
    async commit() {
      forget();
      try {
        await handle.sync();
        await handle.close();
        await rename(name, archive);
        // The name is durable only when its directory is.
        const directory = await open(dirname(archive), constants.O_RDONLY | constants.O_DIRECTORY);
        await directory.sync().finally(() => directory.close());
      } catch (error) {
        await unlink(name).catch(() => undefined);
        throw error;
      }
    },
    async discard() {
      forget();
      await handle.close();
      await unlink(name).catch(() => undefined);
    },
  };
}
