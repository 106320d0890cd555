import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { reportOf } from "../errors";
import { type Finding, failed, ok } from "./finding";

/**
 * Backs a small tree up into an archive, restores it elsewhere and compares: whether the native
 * libraries are there and work is better tried than guessed from files.
 */
export async function selfTest(): Promise<Finding[]> {
  const scratch = await mkdtemp(join(tmpdir(), "podheitor-hpc-doctor-"));
  try {
    await roundTrip(scratch);
    return [ok("self-test", "a tree was backed up, restored and compared")];
  } catch (error) {
    const { message, remedy } = reportOf(error);
    return [failed("self-test", message, remedy)];
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function roundTrip(scratch: string): Promise<void> {
  const { backupToArchive, parseParams } = await import("@podheitor/hpc-backend");
  const { restoreArchive } = await import("@podheitor/hpc-archive");
  const tree = join(scratch, "tree");
  const content = randomBytes(100_000);
  await mkdir(tree);
  await writeFile(join(tree, "small"), content.subarray(0, 10));
  await writeFile(join(tree, "large"), content);
  const archive = join(scratch, "archive");
  await backupToArchive({
    params: parseParams([["path", Buffer.from(tree)]]),
    archive,
  });
  const where = join(scratch, "restored");
  await restoreArchive({ archive, where });
  for (const [name, expected] of [
    ["small", content.subarray(0, 10)],
    ["large", content],
  ] as const) {
    const back = await readFile(join(where, tree, name));
    if (!back.equals(expected)) throw new Error(`the file "${name}" came back different`);
  }
}
