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
  const scanner = createScanner({
    engine: "native",
    paths: [path],
    threads,
    inlineBytes: 0,
    keepOlder: false,
    serialDirectories: false,
    ringEntries: 8192,
    ringBytes: 8 * 2 ** 20,
  });
  try {
    while ((await scanner.next()) !== undefined) signal?.throwIfAborted();
    return scanner.stats().handedOut;
  } finally {
    await scanner.close();
  }
}
