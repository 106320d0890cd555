import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { RecordType, ScanOp } from "@podheitor/hpc-wire";
import { RecordCursor } from "../records/record";
import type { Scanner, ScanOptions } from "../scanner";
import { ENOENT } from "../system-error";
import { MAX_STREAMS, NAMES_PER_READ } from "./limits";
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

function tree(name: string, script: string, parent = scratch): string {
  const path = join(parent, name);
  mkdirSync(path);
  execFileSync("bash", ["-ec", script], { cwd: path });
  return path;
}

describe("the workers engine, beyond what the contract asks for", () => {
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
    scanner.stop();
    await rejected;
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
