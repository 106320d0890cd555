import { createScanner } from "@podheitor/hpc-walker";

/** Walks `path` by the scan engine and takes every batch of records, which nobody then reads: as scanlimit does. Returns how many entries there were. */
export async function scanOnce(path: Buffer, threads: number): Promise<number> {
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
    while ((await scanner.next()) !== undefined);
    return scanner.stats().handedOut;
  } finally {
    await scanner.close();
  }
}
