import {
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  opendirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { FramesStop, RecordType } from "@podheitor/hpc-wire";
import { NativeFrames } from "../src/native/frames";
import { openNativeScanner } from "../src/native/native-scanner";
import { RecordCursor } from "../src/records/record";
import type { Scanner } from "../src/scanner";

/* Frames straight from a scan; what they hold, bit by bit, is hpc-backend's and shim-c/scan's to test. */

const FILES = 300;
const CONTENT = Buffer.alloc(1000, "content ");
let scratch: string;
let tree: string;

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-frames-"));
  tree = join(scratch, "tree");
  mkdirSync(tree);
  for (let i = 0; i < FILES; i++) writeFileSync(join(tree, `file-${i}`), CONTENT);
  linkSync(join(tree, firstOf(tree)), join(scratch, "other-name"));
});
afterAll(() => rmSync(scratch, { recursive: true }));

const start = (
  options: { readonly threads?: number; readonly ringEntries?: number } = {},
): Scanner =>
  openNativeScanner({
    ...{
      paths: [Buffer.from(tree)],
      threads: 2,
      inlineBytes: 4096,
      keepOlder: false,
      serialDirectories: false,
    },
    ...{ ringEntries: 64, ringBytes: 1 << 20, ...options },
  });
const framesOf = (scanner: Scanner) => {
  if (scanner.frames === undefined) throw new Error("the native engine makes frames");
  return scanner.frames.bind(scanner);
};
const none = new Set<never>();

/** The name that a scan meets first. */
function firstOf(folder: string): string {
  const listing = opendirSync(folder);
  const name = listing.readSync()?.name ?? "";
  listing.closeSync();
  return name;
}

test.each([
  ["a descriptor, each time that the buffer is full", true],
  ["the caller, who takes what the buffer holds", false],
])("go to %s; what needs a decision comes with the next batch", async (_, direct) => {
  const scanner = start();
  const frames = framesOf(scanner);
  const maker = new NativeFrames({ content: true, digests: false });
  const buffer = Buffer.alloc(64 * 1024);
  const file = join(scratch, "frames");
  const fd = openSync(file, "w");
  const taken: Buffer[] = [];
  const others: string[] = [];
  let held = 0;
  let entries = 0;
  for (let stop: FramesStop = FramesStop.MORE; stop !== FramesStop.END; ) {
    stop = await frames(
      maker,
      (how) => {
        const { length, written } = how(buffer, held, direct ? fd : undefined);
        if (!direct) expect(written).toBe(0);
        held = length;
      },
      none,
    );
    const { files, directories } = maker.counts;
    entries += files + directories;
    if (direct) expect(stop).not.toBe(FramesStop.FULL);
    if (stop === FramesStop.FULL || stop === FramesStop.END) {
      taken.push(Buffer.from(buffer.subarray(0, held)));
      held = 0;
    }
    if (stop !== FramesStop.OTHER) continue;
    const cursor = new RecordCursor();
    const { bytes } = (await scanner.next()) ?? { bytes: Buffer.alloc(0) };
    for (cursor.reset(bytes); cursor.next(); )
      if (cursor.type === RecordType.ENTRY) others.push(cursor.name.toString());
  }
  expect(await scanner.next()).toBeUndefined();
  await scanner.close();
  closeSync(fd);
  expect(others[0]).toBe(firstOf(tree));
  expect(entries + others.length).toBe(FILES + 1);
  const all = Buffer.concat([direct ? readFileSync(file) : Buffer.alloc(0), ...taken]);
  expect(all.toString("latin1").split(CONTENT.toString("latin1")).length - 1).toBe(
    FILES - others.length,
  );
});

test("a scan that is stopped rejects, and calls do not overlap", async () => {
  const scanner = start();
  const frames = framesOf(scanner);
  const maker = new NativeFrames({ content: true, digests: false });
  const buffer = Buffer.alloc(16 * 1024);
  const once = () => frames(maker, (how) => void how(buffer, 0, undefined), none);
  const first = once();
  await expect(scanner.next()).rejects.toThrow(TypeError);
  expect(await first).not.toBe(FramesStop.END);
  scanner.stop();
  await expect(once()).rejects.toMatchObject({ code: "HPC_SCAN_STOPPED" });
  await expect(scanner.next()).rejects.toMatchObject({ code: "HPC_SCAN_STOPPED" });
  await scanner.close();
});

test("with what needs a decision comes all that is there behind it, so that large files can be opened ahead", async () => {
  const scanner = start({ threads: 1, ringEntries: 8192 });
  const frames = framesOf(scanner);
  const maker = new NativeFrames({ content: true, digests: false });
  const buffer = Buffer.alloc(16 * 1024);
  for (let stop: FramesStop = FramesStop.MORE; stop !== FramesStop.OTHER; )
    stop = await frames(maker, (how) => void how(buffer, 0, undefined), none);
  // The thread keeps less than a block of 64 KiB to itself.
  while (scanner.stats().handedOut < FILES + 1) await new Promise(setImmediate);
  const rest = await scanner.next();
  expect(rest?.bytes.length).toBeGreaterThan(FILES * CONTENT.length - 64 * 1024 - buffer.length);
  await scanner.close();
});
