import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { RecordType, ScanOp } from "./layout";
import { RecordCursor } from "./record";
import type { Scanner, ScanOptions } from "./scanner";
import { ENAMETOOLONG, ENOENT } from "./system-error";
import { MAX_STREAMS, NAMES_PER_READ } from "./workers-limits";
import { openWorkersScanner } from "./workers-scanner";

// In memory where possible: thousands of files are made here.
const scratch = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "hpc-workers-"));
const disk = mkdtempSync(join(tmpdir(), "hpc-workers-"));
afterAll(() => void execFileSync("rm", ["-rf", scratch, disk])); // rm(1) can remove paths beyond PATH_MAX, Node cannot

function scan(path: string, options: Partial<ScanOptions> = {}): Scanner {
  const defaults = {
    trustedTree: true,
    threads: 3,
    inlineBytes: 0,
    keepOlder: false,
    serialDirectories: false,
  };
  const ring = { ringEntries: 8192, ringBytes: 4 << 20 };
  return openWorkersScanner({ paths: [Buffer.from(path)], ...defaults, ...ring, ...options });
}

/** Calls `each` for every record and returns the statistics; the accounts must balance. */
async function drain(scanner: Scanner, each: (cursor: RecordCursor) => void) {
  const cursor = new RecordCursor();
  try {
    for (let batch = await scanner.next(); batch !== undefined; batch = await scanner.next()) {
      for (cursor.reset(batch.bytes); cursor.next(); ) each(cursor);
    }
    const s = scanner.stats();
    expect(s.scanned).toBe(s.handedOut + s.filteredShard + s.filteredOlder + s.vanished + s.failed);
    return s;
  } finally {
    await scanner.close();
  }
}

/** Whole path as latin1, which keeps every byte. */
function pathOf({ dir, name }: RecordCursor): string {
  const prefix = dir.toString("latin1");
  return name.length === 0 ? prefix : `${prefix === "/" ? "" : prefix}/${name.toString("latin1")}`;
}

async function names(path: string, options: Partial<ScanOptions> = {}): Promise<string[]> {
  const list: string[] = [];
  await drain(
    scan(path, options),
    (c) => void (c.type === RecordType.ENTRY && list.push(pathOf(c))),
  );
  return list.sort();
}

/** path → everything that find(1) says of it. */
function found(path: string): Map<string, string> {
  const format = "%p\\0%i %m %y %n %U %G %s %b %T@ %C@ %l\\0";
  const out = execFileSync("find", [path, "-printf", format], {
    encoding: "latin1",
    maxBuffer: 1 << 28,
  }).split("\0");
  const map = new Map<string, string>();
  for (let i = 0; i + 1 < out.length; i += 2) map.set(out[i] as string, out[i + 1] as string);
  return map;
}

/** The same text from a record. */
function described(c: RecordCursor): string {
  const letter = ["", "f", "d", "l", "p", "c", "b", "s"][c.kind];
  const time = (seconds: bigint, ns: number) => `${seconds}.${String(ns).padStart(9, "0")}0`;
  const times = `${time(c.exact("mtime_s"), c.mtimeNanoseconds)} ${time(c.exact("ctime_s"), c.ctimeNanoseconds)}`;
  const numbers = `${c.nlink} ${c.uid} ${c.gid} ${c.size} ${c.exact("blocks")}`;
  return `${c.exact("ino")} ${(c.mode & 0o7777).toString(8)} ${letter} ${numbers} ${times} ${c.link.toString("latin1")}`;
}

function tree(name: string, script: string, parent = scratch): string {
  const path = join(parent, name);
  mkdirSync(path);
  execFileSync("bash", ["-ec", script], { cwd: path });
  return path;
}

describe("the TypeScript engine", () => {
  test("hands out what find(1) finds, field by field", async () => {
    const path = tree(
      "kinds",
      `mkdir -p a/b empty; echo hi > a/f; ln a/f a/b/hard; ln -s ../nowhere a/sym; mkfifo a/fifo
       printf x > $'a/new\\nline'; printf x > $'a/\\xff\\xfe'; printf x > ./-rf; printf x > "a/quo\\"te' \\\\"
       touch -d @-5 a/before-1970; truncate -s 5G a/sparse; chmod 4711 a/f; : > "$(printf 'n%.0s' {1..255})"
       python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("a/sock")'`,
    );
    const ours = new Map<string, string>();
    const stats = await drain(scan(path), (c) => {
      if (c.type === RecordType.ENTRY) ours.set(pathOf(c), described(c));
    });
    const theirs = found(path);
    expect(theirs.size).toBeGreaterThan(14);
    expect(ours).toEqual(theirs);
    expect(stats).toMatchObject({
      scanned: theirs.size,
      handedOut: theirs.size,
      dirsListed: 4,
      failed: 0,
    });
  });

  test("/ and a file as roots, and one that is missing", async () => {
    const file = join(tree("roots", "printf x > f"), "f");
    const seen: string[] = [];
    const errors: unknown[] = [];
    const paths = [Buffer.from(`${file}`), Buffer.from(`${scratch}/none/`)];
    const stats = await drain(scan("", { paths }), (c) => {
      if (c.type === RecordType.ENTRY) seen.push(pathOf(c));
      if (c.type === RecordType.ERROR) errors.push([pathOf(c), c.op, c.error]);
    });
    expect(seen).toEqual([file]);
    expect(errors).toEqual([[`${scratch}/none`, ScanOp.STAT, ENOENT]]);
    expect(stats).toMatchObject({ scanned: 2, handedOut: 1, failed: 1 });

    const slash = scan("/", { threads: 1 });
    const cursor = new RecordCursor();
    cursor.reset((await slash.next())?.bytes ?? Buffer.alloc(0));
    const top = new Set<string>();
    while (cursor.next())
      if (cursor.type === RecordType.ENTRY && cursor.dir.equals(Buffer.from("/")))
        top.add(pathOf(cursor));
    await slash.close();
    expect([...top].filter((p) => p.startsWith("//"))).toEqual([]);
    expect(top.has("/")).toBe(true);
  });

  test("content of small files and no other, whole and unchanged", async () => {
    const path = tree(
      "content",
      "printf abc > three; printf abcd > four; : > empty; mkfifo fifo; ln -s three link",
    );
    const content: Record<string, string | undefined> = {};
    const stats = await drain(scan(path, { inlineBytes: 3 }), (c) => {
      if (c.type === RecordType.ENTRY) content[c.name.toString()] = c.content?.toString();
    });
    expect(content).toEqual({
      "": undefined,
      three: "abc",
      four: undefined,
      empty: "",
      fifo: undefined,
      link: undefined,
    });
    expect(stats).toMatchObject({ contentBytes: 3, fdsPeak: 1 });
  });

  test("shards are disjoint and their union is the tree", async () => {
    const path = tree(
      "shards",
      "mkdir d{1..9}; for d in d*; do touch $d/f{1..40}; ln $d/f1 $d/link; done",
    );
    const parts = await Promise.all(
      [0, 1, 2].map((index) => names(path, { threads: 1, shard: { index, count: 3 } })),
    );
    for (const part of parts) expect(part.length).toBeGreaterThan(50);
    expect(parts.flat().sort()).toEqual([...found(path).keys()].sort());
  });

  test("since: older entries are dropped, or marked and left without content", async () => {
    const path = tree("since", "printf x > old; printf x > new");
    const future = BigInt(Math.floor(Date.now() / 1000)) + 100n;
    utimesSync(join(path, "new"), Number(future), Number(future));
    expect(await names(path, { since: future, inlineBytes: 10 })).toEqual([join(path, "new")]);
    const marks: Record<string, [boolean, string | undefined]> = {};
    await drain(scan(path, { since: future, inlineBytes: 10, keepOlder: true }), (c) => {
      if (c.type === RecordType.ENTRY)
        marks[c.name.toString()] = [(c.flags & 32) !== 0, c.content?.toString()];
    });
    expect(marks).toEqual({ "": [true, undefined], old: [true, undefined], new: [false, "x"] });
  });

  test("what is beyond PATH_MAX is reported, not left out", async () => {
    const path = tree(
      "deep",
      `for i in {1..30}; do d=$(printf 'd%.0s' {1..200}); mkdir $d; cd $d; done; touch leaf`,
    );
    const errors: number[] = [];
    const stats = await drain(
      scan(path),
      (c) => void (c.type === RecordType.ERROR && errors.push(c.error)),
    );
    expect(errors).toEqual([ENAMETOOLONG]);
    expect(stats.failed).toBe(1);
    expect(stats.handedOut).toBeGreaterThan(15);
  });

  test("symlinks below a root are not followed; a root that is one is", async () => {
    const path = tree("links", "mkdir d; touch d/f; ln -s d root; ln -s . d/loop");
    expect(await names(join(path, "root"))).toEqual(
      ["root", "root/f", "root/loop"].map((n) => join(path, n)).sort(),
    );
  });

  test.each([false, true])(
    "large directories: all of them, few known at a time (serialDirectories %s)",
    async (serial) => {
      const path = join(scratch, `large-${serial}`);
      mkdirSync(path);
      const each = 3 * NAMES_PER_READ;
      for (const kind of ["dirs", "files"]) mkdirSync(join(path, kind));
      for (let i = 0; i < each; i++) {
        mkdirSync(join(path, "dirs", `d${i}`));
        writeFileSync(join(path, "files", `f${i}`), "");
      }
      const seen = new Set<string>();
      const stats = await drain(
        scan(path, { serialDirectories: serial, ringEntries: 100 }),
        (c) => {
          if (c.type === RecordType.ENTRY) seen.add(pathOf(c));
        },
      );
      expect([...seen].sort()).toEqual([...found(path).keys()].sort());
      expect(stats.scanned).toBe(2 * each + 3);
      // One portion of names, and what three workers hold; 1536 would mean that the whole directory
      // was held.
      expect(stats.pendingPeak).toBeLessThan(1.5 * NAMES_PER_READ);
      expect(stats.fdsPeak).toBeLessThan(3 * MAX_STREAMS);
    },
  );

  test("a tree that changes while it is read: every name is accounted for, and nothing outside is entered", async () => {
    // On disk: there the inode number of a removed directory is given to the symlink that replaces
    // it.
    const path = tree(
      "changing",
      "for i in {1..60}; do mkdir -p d$i/x; touch d$i/{1..8} d$i/x/{1..4}; done",
      disk,
    );
    const outside = tree("outside", "touch secret");
    const scanner = scan(path, { ringEntries: 1, ringBytes: 1 });
    const seen: string[] = [];
    let batches = 0;
    await drain(scanner, (c) => {
      if (c.type === RecordType.ENTRY) seen.push(pathOf(c));
      batches++;
      // The ring holds a handful of entries, so the scan is always close to here.
      const victim = join(path, `d${(batches % 60) + 1}`);
      if (batches % 7 === 0) rmSync(victim, { recursive: true, force: true });
      if (batches % 14 === 0) symlinkSync(outside, victim);
    });
    expect(batches).toBeGreaterThan(60);
    expect(seen.filter((p) => p.endsWith("/secret"))).toEqual([]);
    expect(new Set(seen).size).toBe(seen.length);
  });
});

describe("stop and close", () => {
  const threads = () => readdirSync("/proc/self/task").length;

  test("stop() ends a pending next() at once; close() ends the workers, though the ring is full", async () => {
    const before = threads();
    const scanner = scan("/usr", { ringBytes: 1, threads: 4 });
    expect(await scanner.next()).toBeDefined();
    const pulls = (async () => {
      while ((await scanner.next()) !== undefined);
    })();
    const rejected = expect(pulls).rejects.toMatchObject({ code: "HPC_SCAN_STOPPED" });
    const start = performance.now();
    scanner.stop();
    await rejected;
    expect(performance.now() - start).toBeLessThan(100);
    scanner.stop();
    await scanner.close();
    await scanner.close();
    expect(threads()).toBeLessThan(before + 4);
    await expect(scanner.next()).rejects.toMatchObject({ code: "HPC_SCAN_STOPPED" });
  });

  test("the event loop turns while the scan waits for its consumer, and while the consumer waits for the scan", async () => {
    const scanner = scan("/usr", { ringBytes: 1 });
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    for (let i = 0; i < 300 && turns < 20; i++) await scanner.next();
    clearInterval(timer);
    await scanner.close();
    expect(turns).toBeGreaterThan(3);
  });
});
