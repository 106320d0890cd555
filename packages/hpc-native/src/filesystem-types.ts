import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Sentence } from "@podheitor/hpc-base";
import { HpcError } from "./errors";
import { untrusted } from "./trust";

/** The filesystems that we treat differently or name in messages; everything else is "other". */
export type FilesystemType =
  | "lustre"
  | "lustre-target"
  | "gpfs"
  | "cephfs"
  | "beegfs"
  | "weka"
  | "nfs"
  | "cifs"
  | "fuse"
  | "ext4"
  | "xfs"
  | "btrfs"
  | "zfs"
  | "tmpfs"
  | "overlay"
  | "other";

/** Beside the plugin and its configuration file. */
export const FILESYSTEM_TYPES_NAME = "filesystem-types";

/** A file of a few lines. */
const BYTES_MAX = 64 * 1024;
/** What a type of mounts may be declared as: filesystems whose own means are then used on it. */
const DECLARABLE = [
  "lustre",
  "gpfs",
  "cephfs",
  "beegfs",
  "weka",
] as const satisfies readonly FilesystemType[];

export type FilesystemTypes = ReadonlyMap<string, FilesystemType>;

/**
 * Types of mounts, as mountinfo names them, that an administrator declares to be a filesystem that
 * we know: lines `fuse.lustre = lustre`, comments from `#` at the start of a line. undefined: there
 * is no such file. The file decides what root asks of a filesystem, so it must be root's alone,
 * like the plugin's configuration.
 * Throws HpcError HPC_FILESYSTEM_TYPES, naming the file and the line.
 */
export function readFilesystemTypes(directory: string): FilesystemTypes | undefined {
  const file = join(directory, FILESYSTEM_TYPES_NAME);
  if (!existsSync(file)) return undefined;
  const doubt = untrusted(file);
  if (doubt !== undefined)
    throw refused(
      file,
      doubt,
      "Give the file and every directory above it to root, and let nobody else write there.",
    );
  return parseFilesystemTypes(contentOf(file), file);
}

export function parseFilesystemTypes(text: string, file: string): FilesystemTypes {
  const types = new Map<string, FilesystemType>();
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const [, fstype, value] = /^([^\s=]+)\s*=\s*([^\s=]+)$/.exec(line) ?? [];
    const type = DECLARABLE.find((name) => name === value);
    if (fstype === undefined || type === undefined)
      throw refused(
        file,
        `line ${index + 1} is not "TYPE = ${DECLARABLE.join(" | ")}"`,
        "Write the type of the mounts as /proc/self/mountinfo names it, such as fuse.lustre = lustre.",
      );
    types.set(fstype, type);
  }
  return types;
}

let declared: FilesystemTypes = new Map();

/**
 * From now on mounts of these types count as what they are declared to be, in this whole process.
 */
export function declareFilesystemTypes(types: FilesystemTypes): void {
  declared = types;
}

export function declaredType(fstype: string): FilesystemType | undefined {
  return declared.get(fstype);
}

function contentOf(file: string): string {
  try {
    const stat = statSync(file);
    if (!stat.isFile() || stat.size > BYTES_MAX)
      throw refused(
        file,
        "it is no file of a few lines",
        "Write lines such as fuse.lustre = lustre.",
      );
    return readFileSync(file, "latin1");
  } catch (error) {
    if (error instanceof HpcError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw refused(file, code, "Make the file readable to root, or remove it.");
  }
}

function refused(file: string, why: string, remedy: Sentence): HpcError {
  return new HpcError("HPC_FILESYSTEM_TYPES", `${file} cannot be used: ${why}`, remedy);
}
