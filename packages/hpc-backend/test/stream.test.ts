import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { holesOf } from "@podheitor/hpc-archive";
import { FrameDecoder } from "@podheitor/hpc-ptcomm";
import fc from "fast-check";
import type { MoveContent } from "../src/emit/entry-sink";
import { FileReader } from "../src/entry/file-reader";

/* Large files by splice: whatever way the bytes take, they are the file's. */

const MIB = 2 ** 20;
let scratch: string;
let program: string;

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-stream-"));
  execFileSync(process.execPath, [
    join(__dirname, "../../../scripts/bundle.mjs"),
    "hpc-backend",
    scratch,
  ]);
  program = join(scratch, "podheitor-hpc-backend.cjs");
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function open(
  path: string,
  options: { readonly streams: boolean },
): { reader: FileReader; fd: number } {
  const fd = openSync(path, "r");
  const moment = fstatSync(fd, { bigint: true });
  return { fd, reader: new FileReader(fd, moment, holesOf(fd, Number(moment.size)), options) };
}

/** What a reader says of a file whose pieces `move` takes; holes are left out. */
async function contentOf(path: string, move: MoveContent, taken: Buffer[], opened?: () => void) {
  const { reader } = open(path, { streams: true });
  opened?.();
  let errno = 0;
  for (;;) {
    if (reader.streamable) {
      const moved = await reader.stream(move);
      errno = moved.errno;
      if (errno !== 0) break;
      continue;
    }
    const block = await reader.next();
    if (block === undefined) break;
    taken.push(Buffer.from(block));
  }
  await reader.close();
  return { content: Buffer.concat(taken), holes: reader.holeBytes, errno };
}

/** A move that copies, and at most `most` bytes at a time. */
function copying(taken: Buffer[], most = Number.POSITIVE_INFINITY): MoveContent {
  return async (fd, offset, length) => {
    const block = Buffer.alloc(Math.min(length, most, 16 * MIB));
    let bytes = 0;
    for (let n = 1; n > 0 && bytes < block.length; bytes += n)
      n = readSync(fd, block, bytes, block.length - bytes, offset + bytes);
    taken.push(block.subarray(0, bytes));
    return { bytes, errno: 0 };
  };
}

/** A file of data and holes by turns, in units of 64 KiB; returns its data without the holes. */
function makeSparse(path: string, runs: readonly number[]): Buffer {
  const unit = 65_536;
  const fd = openSync(path, "w");
  const data: Buffer[] = [];
  let at = 0;
  for (const [turn, units] of runs.entries()) {
    if (turn % 2 === 0) {
      const bytes = Buffer.alloc(units * unit, `data ${turn} `);
      writeSync(fd, bytes, 0, bytes.length, at);
      data.push(bytes);
    }
    at += units * unit;
  }
  closeSync(fd);
  truncateSync(path, at);
  return Buffer.concat(data);
}

test("data and holes by turns, moved in pieces of any length, are the file", async () => {
  const path = join(scratch, "sparse");
  const cases = fc.asyncProperty(
    fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 6 }),
    fc.integer({ min: 1, max: 5 * MIB }),
    async (runs, most) => {
      const data = makeSparse(path, runs);
      const taken: Buffer[] = [];
      const { content } = await contentOf(path, copying(taken, Math.max(most, 100_000)), taken);
      expect(content.equals(data)).toBe(true);
    },
  );
  await fc.assert(cases, { numRuns: 30 });
});

test("a file that is cut off while it is read ends where it ends", async () => {
  const path = join(scratch, "cut");
  writeFileSync(path, Buffer.alloc(8 * MIB, "x"));
  const taken: Buffer[] = [];
  const { content, errno } = await contentOf(path, copying(taken), taken, () =>
    truncateSync(path, 3 * MIB + 5),
  );
  expect([content.length, errno]).toEqual([3 * MIB + 5, 0]);
});

test("what cannot be spliced is read, and an error is the file's", async () => {
  const path = join(scratch, "unable");
  writeFileSync(path, Buffer.alloc(4 * MIB, "y"));
  const unable = await contentOf(
    path,
    async () => ({ bytes: 0, errno: constants.errno.EINVAL }),
    [],
  );
  expect([unable.content.length, unable.errno]).toEqual([4 * MIB, 0]);
  const failing = await contentOf(path, async () => ({ bytes: 0, errno: constants.errno.EIO }), []);
  expect(failing.errno).toBe(constants.errno.EIO);
});

/** The content that the backend sends of one file, and how long that took. */
async function sent(
  path: string,
  ...keys: string[]
): Promise<{ content: Buffer; seconds: number }> {
  const begun = performance.now();
  const argv = [program, "backup", `--path=${path}`, ...keys];
  // Node would give it a socket, and only a pipe is spliced to.
  const child = spawn("sh", ["-c", '"$0" "$@" | cat', process.execPath, ...argv], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(child, "close");
  const decoder = new FrameDecoder();
  const content: Buffer[] = [];
  for await (const chunk of child.stdout) {
    decoder.push(chunk as Buffer);
    for (let frame = decoder.next(); frame !== undefined; frame = decoder.next())
      if (frame.status === "D") content.push(Buffer.from(frame.payload));
  }
  await closed;
  return { content: Buffer.concat(content), seconds: (performance.now() - begun) / 1000 };
}

test("the backend's frames hold the file, spliced to a pipe; bandwidth is kept on the way", async () => {
  const path = join(scratch, "large");
  const data = makeSparse(path, [100, 3, 30, 20, 1, 5, 17]);
  expect((await sent(path)).content.equals(data)).toBe(true);
  const slow = await sent(path, "--bandwidth=20");
  expect(slow.content.equals(data)).toBe(true);
  expect(slow.seconds).toBeGreaterThanOrEqual(data.length / (20 * MIB) - 0.3);
});

test.each([
  ["pipe, which it is moved to", "| cat >/dev/null"],
  ["device, which it is copied to", ">/dev/null"],
])(
  "drop-behind: a large file that goes to a %s leaves the page cache, and stays there without",
  (_, output) => {
    const tree = mkdtempSync(join(scratch, "tree-"));
    const file = join(tree, "large");
    writeFileSync(file, Buffer.alloc(48 * MIB, "content "));
    execFileSync("sync", [file]);
    const cachedAfter = (drop: "yes" | "no") => {
      const job = `exec "$0" "$1" backup "--path=$2" --drop-behind=${drop} ${output}`;
      execFileSync("cat", [file], { stdio: ["ignore", "ignore", "inherit"] });
      execFileSync("sh", ["-c", job, process.execPath, program, tree]);
      return Number(execFileSync("fincore", ["--bytes", "--noheadings", "--output", "RES", file]));
    };
    expect(cachedAfter("no")).toBe(48 * MIB);
    expect(cachedAfter("yes")).toBeLessThan(4 * MIB);
  },
);
