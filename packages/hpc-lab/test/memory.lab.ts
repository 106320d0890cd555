import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { shardOf } from "@podheitor/hpc-shard";
import { createScanner, RecordCursor, RecordType } from "@podheitor/hpc-walker";
import { runBackend } from "./support";

/* The backend's memory does not grow with the namespace: a million inodes, in two shapes. */

const ENTRIES = 1_000_000;
/** Peak resident memory of the backend process, bytes. */
const LIMIT = 96 * 2 ** 20;
const LONGEST_MS = 300_000; // a busy machine takes half a minute to make or remove a tree

/**
 * Inodes without blocks: memory is quickest, and takes about 1 KiB for each; elsewhere a disk does.
 */
const [memory, needed] = ["/dev/shm", 3 * 2 ** 30];
let root: string;

beforeAll(() => {
  root = mkdtempSync(join(hasRoom(memory) ? memory : tmpdir(), "hpc-memory-"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function hasRoom(path: string): boolean {
  try {
    const { bavail, bsize, ffree } = statfsSync(path);
    return bavail * bsize > needed && (ffree > 1.2 * ENTRIES || ffree === 0);
  } catch {
    return false;
  }
}

/** `directories` directories, and empty files in equal parts: ENTRIES inodes with the root. */
function makeFiles(tree: string, directories: number): void {
  mkdirSync(tree);
  const files = ENTRIES - 1 - directories;
  for (let d = 0, made = 0; d < Math.max(1, directories); d++) {
    const directory = directories === 0 ? tree : join(tree, `d${d}`);
    if (directories > 0) mkdirSync(directory);
    const upTo = Math.round((files * (d + 1)) / Math.max(1, directories));
    for (; made < upTo; made++) closeSync(openSync(`${directory}/f${made}`, "w"));
  }
}

const scan = {
  threads: 4,
  inlineBytes: 0,
  keepOlder: false,
  serialDirectories: false,
  ringEntries: 8192,
  ringBytes: 8 * 2 ** 20,
} as const;

describe.each([
  ["one directory", 0],
  ["ten thousand directories", 10_000],
])("a million entries in %s", (_shape, directories) => {
  let tree: string;
  beforeAll(() => {
    tree = join(root, `tree-${directories}`);
    makeFiles(tree, directories);
  }, LONGEST_MS);
  afterAll(() => rmSync(tree, { recursive: true, force: true }), LONGEST_MS);

  test(
    "are sent in less than 96 MiB",
    async () => {
      const { peak, entries, sums } = await runBackend(`--path=${tree}`);
      process.stderr.write(`peak of the backend: ${(peak / 2 ** 20).toFixed(1)} MiB\n`);
      expect(entries).toBe(ENTRIES);
      expect([sums.emitted, sums.failed, sums.vanished]).toEqual([ENTRIES, 0, 0]);
      expect(peak).toBeGreaterThan(2 ** 20);
      expect(peak).toBeLessThan(LIMIT);
    },
    LONGEST_MS,
  );

  test(
    "are dealt out fairly by inode-hash",
    async () => {
      const counts = [2, 4, 16, 64].map((shards) => new Array<number>(shards).fill(0));
      const scanner = createScanner({ ...scan, paths: [Buffer.from(tree)] });
      const cursor = new RecordCursor();
      for (let batch = await scanner.next(); batch !== undefined; batch = await scanner.next())
        for (cursor.reset(batch.bytes); cursor.next(); )
          if (cursor.type === RecordType.ENTRY)
            for (const sizes of counts) {
              const shard = shardOf(cursor.inoHashLo, cursor.inoHashHi, sizes.length);
              sizes[shard] = (sizes[shard] ?? 0) + 1;
            }
      await scanner.close();
      for (const sizes of counts) {
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(ENTRIES);
        const fair = 1 / sizes.length;
        const deviation = Math.sqrt(ENTRIES * fair * (1 - fair));
        const worst = Math.max(...sizes.map((size) => Math.abs(size - ENTRIES * fair) / deviation));
        process.stderr.write(
          `${sizes.length} shards: at most ${worst.toFixed(2)} standard deviations off\n`,
        );
        // The kernel's inode numbers are others each time: of so many shards one lies beyond 4 in
        // one run of 180. Fixed numbers keep to 4 (strategy.test.ts).
        expect(worst).toBeLessThan(5.5);
      }
    },
    LONGEST_MS,
  );
});
