import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { runBackend } from "./support";

/* The backend's memory does not grow with the namespace: twice the inodes take no more of it. */

/** The long tier shows a million; the slope is the same. */
const ENTRIES = process.env["PODHEITOR_HPC_LONG"] === "1" ? 1_000_000 : 200_000;
/** Peak resident memory of the backend process, bytes. */
const LIMIT = 96 * 2 ** 20;
/** What two runs may differ by, because V8 collects when it likes: 40 bytes for each entry more. */
const NOISE = 4 * 2 ** 20;
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

/** `directories` directories, and empty files in equal parts: `entries` inodes with the root. */
function makeFiles(tree: string, entries: number, directories: number): void {
  mkdirSync(tree);
  const files = entries - 1 - directories;
  for (let d = 0, made = 0; d < Math.max(1, directories); d++) {
    const directory = directories === 0 ? tree : join(tree, `d${d}`);
    if (directories > 0) mkdirSync(directory);
    const upTo = Math.round((files * (d + 1)) / Math.max(1, directories));
    for (; made < upTo; made++) closeSync(openSync(`${directory}/f${made}`, "w"));
  }
}

/** The most memory that the backend takes to send such a tree. */
async function peakOfTree(entries: number, directories: number): Promise<number> {
  const tree = join(root, `tree-${entries}-${directories}`);
  makeFiles(tree, entries, directories);
  const { peak, entries: sent, sums } = await runBackend(`--path=${tree}`);
  rmSync(tree, { recursive: true });
  process.stderr.write(`peak of the backend, ${entries}: ${(peak / 2 ** 20).toFixed(1)} MiB\n`);
  expect([sent, sums.emitted, sums.failed, sums.vanished]).toEqual([entries, entries, 0, 0]);
  expect(peak).toBeGreaterThan(2 ** 20);
  return peak;
}

test.each([
  ["one directory", 0],
  ["a hundred to a directory", 100],
])(
  "entries in %s are sent in less than 96 MiB, and twice as many in no more",
  async (_shape, perDirectory) => {
    const directories = (entries: number) => (perDirectory === 0 ? 0 : entries / perDirectory);
    const half = await peakOfTree(ENTRIES / 2, directories(ENTRIES / 2));
    const whole = await peakOfTree(ENTRIES, directories(ENTRIES));
    expect(whole).toBeLessThan(LIMIT);
    expect(whole - half).toBeLessThan(NOISE);
  },
  LONGEST_MS,
);
