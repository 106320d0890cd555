import { createScanner, RecordCursor, RecordType } from "@podheitor/hpc-walker";

/** Walks `path` by the scan engine and looks at each record, as the backend does. Returns how many entries there were. */
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
  const cursor = new RecordCursor();
  let entries = 0;
  try {
    for (let batch = await scanner.next(); batch !== undefined; batch = await scanner.next())
      for (cursor.reset(batch.bytes); cursor.next(); ) if (cursor.type === RecordType.ENTRY) entries++;
  } finally {
    await scanner.close();
  }
  return entries;
}
