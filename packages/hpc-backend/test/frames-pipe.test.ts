import { execFileSync, spawn } from "node:child_process";
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createScanner, type Scanner } from "@podheitor/hpc-walker";
import { backupToStream } from "../src/backup-stream";
import type { OpenScanner } from "../src/backup-types";
import { Emitter } from "../src/emitter";
import { parseParams } from "../src/params";

/* Frames that C writes to the output by itself: the stream is the one that entries make which are taken one batch at a time. */

const KIB = 1024;
let scratch: string;
let tree: string;
let program: string;
let wanted: Buffer;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-pipe-"));
  tree = join(scratch, "tree");
  await makeTree();
  execFileSync(process.execPath, [join(__dirname, "../../../scripts/bundle.mjs"), "hpc-backend", scratch]);
  program = join(scratch, "podheitor-hpc-backend.cjs");
  await byBatches(); // the first reading of directories and links changes their times
  wanted = await byBatches();
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Mostly ordinary, four mebibytes: many times what a pipe holds. */
async function makeTree(): Promise<void> {
  mkdirSync(tree);
  for (let dir = 0; dir < 4; dir++) {
    const at = join(tree, `dir-${dir}`);
    mkdirSync(at);
    for (let i = 0; i < 250; i++) writeFileSync(join(at, `file-${i}`), Buffer.alloc((i * 97) % 8192, `${dir} ${i} `));
    symlinkSync("target", join(at, "link"));
    writeFileSync(join(at, "sparse"), "");
    truncateSync(join(at, "sparse"), 100 * KIB);
    linkSync(join(at, "file-40"), join(at, "one-more-name"));
    writeFileSync(join(at, "large"), Buffer.alloc(500 * KIB, "large "));
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
  const openScanner: OpenScanner = (options) => withoutFrames(createScanner({ ...options, engine: "native" }));
  await backupToStream({ params, emitter, signal: new AbortController().signal, openScanner });
  emitter.close();
  return Buffer.concat(written);
}

function withoutFrames(scanner: Scanner): Scanner {
  return {
    engine: "native",
    next: () => scanner.next(),
    stop: () => scanner.stop(),
    stats: () => scanner.stats(),
    close: () => scanner.close(),
  };
}

/** What the backend sends to a receiver that takes its time. */
async function received(command: string, pauseEach: number): Promise<Buffer> {
  const child = spawn("sh", ["-c", command, process.execPath, program, "backup", `--path=${tree}`, "--threads=1"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const chunks: Buffer[] = [];
  let since = 0;
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    since += chunk.length;
    if (since < pauseEach) continue;
    since = 0;
    await new Promise((resolve) => setTimeout(resolve, 20)); // longer than a call of C may take
  }
  return Buffer.concat(chunks);
}

test.each([
  ["a pipe", '"$0" "$@" | cat', Number.POSITIVE_INFINITY],
  ["a pipe whose receiver is slow", '"$0" "$@" | cat', 200 * KIB],
  ["a socket", 'exec "$0" "$@"', Number.POSITIVE_INFINITY],
  ["a socket whose receiver is slow", 'exec "$0" "$@"', 200 * KIB],
])("through %s come the frames of entries by batches", async (_, command, pauseEach) => {
  const got = await received(command, pauseEach);
  expect(got.length).toBe(wanted.length);
  expect(got.equals(wanted)).toBe(true);
});
