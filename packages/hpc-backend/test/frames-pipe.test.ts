import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { sinkOf } from "@podheitor/hpc-archive";
import { FrameDecoder } from "@podheitor/hpc-ptcomm";
import { Emitter } from "../src/emit/emitter";
import { backupToStream } from "../src/job/backup-stream";
import { parseParams } from "../src/params/params";
import { openScan } from "../src/source/scan-source";
import type { OpenSource } from "../src/source/source";

/* Frames that C writes to the output by itself: the stream is the one that entries make which are taken one batch at a time. */

const KIB = 1024;
let scratch: string;
let tree: string;
let program: string;
let wanted: string[];

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-pipe-"));
  tree = join(scratch, "tree");
  await makeTree();
  execFileSync(process.execPath, [
    join(__dirname, "../../../scripts/bundle.mjs"),
    "hpc-backend",
    scratch,
  ]);
  program = join(scratch, "podheitor-hpc-backend.cjs");
  await byBatches(); // the first reading of directories and links changes their times
  wanted = framesOf(await byBatches());
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Mostly ordinary, four mebibytes of it: many times what a pipe holds. */
async function makeTree(): Promise<void> {
  mkdirSync(tree);
  for (let dir = 0; dir < 4; dir++) {
    const at = join(tree, `dir-${dir}`);
    mkdirSync(at);
    for (let i = 0; i < 250; i++)
      writeFileSync(join(at, `file-${i}`), Buffer.alloc((i * 97) % 8192, `${dir} ${i} `));
    symlinkSync("target", join(at, "link"));
    writeFileSync(join(at, "sparse"), "");
    truncateSync(join(at, "sparse"), 100 * KIB);
    linkSync(join(at, "file-40"), join(at, "one-more-name"));
    writeFileSync(join(at, "large"), Buffer.alloc(500 * KIB, "large "));
    writeFileSync(join(at, "larger"), Buffer.alloc(3000 * KIB, "larger ")); // by splice, where that can be
    execFileSync("mkfifo", [join(at, "fifo")]);
  }
  const server = createServer().listen(join(tree, "dir-2", "socket"));
  await new Promise((resolve) => server.once("listening", resolve));
  // Closed in the ordinary way it would remove its name.
  linkSync(join(tree, "dir-2", "socket"), join(tree, "dir-2", "socket-that-stays"));
  await new Promise((resolve) => server.close(resolve));
}

/** One thread: the entries come in the order of the directories. */
async function byBatches(): Promise<Buffer> {
  const written: Buffer[] = [];
  const emitter = new Emitter({ write: async (bytes) => void written.push(Buffer.from(bytes)) });
  const params = parseParams([
    ["path", Buffer.from(tree)],
    ["threads", Buffer.from("1")],
  ]);
  const openSource: OpenSource = (options) => ({ ...openScan(options), frames: undefined });
  await backupToStream({ params, emitter, signal: new AbortController().signal, openSource });
  emitter.close();
  return Buffer.concat(written);
}

/**
 * The frames in short; those of one content are one, because a file that is spliced comes in other
 * pieces.
 */
function framesOf(stream: Buffer): string[] {
  const decoder = new FrameDecoder();
  decoder.push(stream);
  const frames: string[] = [];
  let digest = createHash("sha256");
  let length = 0;
  for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) {
    if (frame.status === "D") {
      digest.update(frame.payload);
      length += frame.payload.length;
      continue;
    }
    if (length > 0) {
      frames.push(`D ${length} ${digest.digest("hex")}`);
      digest = createHash("sha256");
      length = 0;
    }
    frames.push(`${frame.status} ${frame.payload.toString("hex")}`);
  }
  return frames;
}

/** What the backend sends to a receiver that takes its time. */
async function received(command: string, pauseEach: number): Promise<Buffer> {
  const child = spawn(
    "sh",
    ["-c", command, process.execPath, program, "backup", `--path=${tree}`, "--threads=1"],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const chunks: Buffer[] = [];
  let since = 0;
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    since += chunk.length;
    if (since < pauseEach) continue;
    since = 0;
    await new Promise((resolve) => setTimeout(resolve, 20)); // longer than a call of C may take
  }
  expect(child.exitCode ?? (await once(child, "exit"))[0]).toBe(0);
  return Buffer.concat(chunks);
}

test.each([
  ["a pipe", '"$0" "$@" | cat', Number.POSITIVE_INFINITY],
  ["a pipe whose receiver is slow", '"$0" "$@" | cat', 200 * KIB],
  ["a socket", 'exec "$0" "$@"', Number.POSITIVE_INFINITY],
  ["a socket whose receiver is slow", 'exec "$0" "$@"', 200 * KIB],
])("through %s come the frames of entries by batches", async (_, command, pauseEach) => {
  const got = framesOf(await received(command, pauseEach));
  expect(got.length).toBe(wanted.length);
  for (const [i, frame] of got.entries())
    if (frame !== wanted[i]) expect([i, frame]).toEqual([i, wanted[i]]);
});

test("a tree of small files goes to the pipe without the event loop", async () => {
  const plain = join(scratch, "plain");
  const fifo = join(scratch, "fifo");
  const file = join(scratch, "received");
  mkdirSync(plain);
  for (let i = 0; i < 2000; i++)
    writeFileSync(join(plain, `file-${i}`), Buffer.alloc(4 * KIB, `${i} `));
  execFileSync("mkfifo", [fifo]);
  const receiver = spawn("sh", ["-c", 'cat "$0" >"$1"', fifo, file], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const exited = once(receiver, "exit");
  const fd = openSync(fifo, "w");
  const sink = sinkOf(fd);
  let through = 0;
  const emitter = new Emitter({
    ...sink,
    write(bytes) {
      through += bytes.length;
      return sink.write(bytes);
    },
  });
  const params = parseParams([["path", Buffer.from(plain)]]);
  await backupToStream({ params, emitter, signal: new AbortController().signal });
  emitter.close();
  closeSync(fd);
  await exited;
  expect(statSync(file).size).toBeGreaterThan(2000 * 4 * KIB);
  expect(through).toBeLessThan(statSync(file).size / 2);
});
