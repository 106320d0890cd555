import { createScanner } from "@podheitor/hpc-walker";

/**
 * Walks `path` by the scan engine and takes every batch of records, which nobody then reads: as
 * scanlimit does. Returns how many entries there were. Rejects with the signal's reason.
 */
export async function scanOnce(
  path: Buffer,
  threads: number,
  signal?: AbortSignal,
): Promise<number> {
  const scanner = createScanner({ paths: [path], threads });
  for await (const _ of scanner) signal?.throwIfAborted();
  return scanner.stats().handedOut;
}
