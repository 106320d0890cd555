import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, linkSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "@jest/globals";
import { RecordType } from "@podheitor/hpc-wire";
import { createScanner } from "../src/open-scanner";
import { RecordCursor } from "../src/records/record";
import type { GivenName, Scanner, ScanOptions, ScanStats } from "../src/scanner";
import type { TreeScanner } from "../src/tree-scanner";

/** What a scan handed out. */
export interface Seen {
  /** path (latin1: every byte kept) → the line that find(1) would print of it. */
  readonly entries: Map<string, string>;
  readonly content: Map<string, string | undefined>;
  readonly flags: Map<string, number>;
  readonly errors: { path: string; op: number; error: number }[];
  /** errno of content or link targets that could not be read. */
  readonly entryErrors: number[];
  readonly stats: ScanStats;
}

/** Trees of one engine, and scans of them. */
export class Bench {
  // In memory where possible: thousands of files are made here.
  readonly scratch: string;
  readonly #engine: "native" | "workers";

  constructor(engine: "native" | "workers") {
    this.#engine = engine;
    this.scratch = mkdtempSync(
      join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), `hpc-${engine}-`),
    );
  }

  /** By rm(1): Node cannot remove paths beyond PATH_MAX. */
  remove(): void {
    execFileSync("rm", ["-rf", this.scratch]);
  }

  tree(name: string): string {
    const path = join(this.scratch, name);
    mkdirSync(path);
    return path;
  }

  /** By four threads unless the options say otherwise. `path`: latin1. */
  start(path: string, options: Partial<ScanOptions> & { signal?: AbortSignal } = {}): TreeScanner {
    const paths: readonly GivenName[] = [Buffer.from(path, "latin1")];
    const engine = this.#engine;
    return createScanner({ paths, engine, trustedTree: true, threads: 4, ...options });
  }

  scan(path: string, options: Partial<ScanOptions> = {}): Promise<Seen> {
    return drain(this.start(path, options));
  }

  async expectSameAsFind(path: string, options: Partial<ScanOptions> = {}): Promise<Seen> {
    const seen = await this.scan(path, options);
    expect(seen.errors).toEqual([]);
    expect(seen.entries).toEqual(find(path));
    return seen;
  }
}

/** Another filesystem at this directory; false where that is not allowed. */
export function mounted(path: string): boolean {
  return spawnSync("mount", ["-t", "tmpfs", "none", path]).status === 0;
}

export function makeKinds(path: string): void {
  const inside = (name: Buffer | string) =>
    Buffer.concat([Buffer.from(`${path}/d/`), Buffer.from(name)]);
  mkdirSync(join(path, "d", "deeper"), { recursive: true });
  mkdirSync(join(path, "hollow"));
  const odd = [
    "new\nline",
    "-rf",
    "'single'",
    '"double"',
    "back\\slash",
    " blank ",
    "tab\t",
    "…",
    "x".repeat(255),
    "*",
    "$(ls)",
  ];
  for (const name of odd) writeFileSync(inside(name), name);
  writeFileSync(inside(Buffer.from([0xff, 0xfe, 0x80])), "invalid UTF-8");
  linkSync(inside("-rf"), inside("hard"));
  symlinkSync("nowhere\nat all", inside("dangling"));
  symlinkSync("x".repeat(4095), inside("longest-target"));
  execFileSync("mkfifo", [join(path, "fifo")]);
  execFileSync("truncate", ["-s", "5G", join(path, "sparse")]);
  execFileSync("touch", ["-d", "@-5.25", join(path, "before-1970")]);
  execFileSync("chmod", ["6751", join(path, "sparse")]);
  if (process.getuid?.() === 0) {
    execFileSync("mknod", [join(path, "null"), "c", "1", "3"]);
    execFileSync("chown", ["12345:54321", join(path, "sparse")]);
  }
}

/** `levels` nested directories with names of 32 bytes, a file in the last. */
export function makeChain(path: string, levels: number): void {
  const name = "a-component-of-thirty-two-bytes!";
  // Beyond PATH_MAX only relative steps work; perl is there wherever GNU userland is.
  const program = `for (1..${levels}) { mkdir "${name}" or die; chdir "${name}" or die } open(F, ">leaf") or die`;
  execFileSync("perl", ["-e", program], { cwd: path });
}

/** All that a scan hands out; the accounts must balance. */
export async function drain(scanner: Scanner): Promise<Seen> {
  const seen = {
    entries: new Map(),
    content: new Map(),
    flags: new Map(),
    errors: [] as Seen["errors"],
    entryErrors: [] as number[],
  };
  const cursor = new RecordCursor();
  try {
    for (let batch = await scanner.next(); batch; batch = await scanner.next()) {
      for (cursor.reset(batch.bytes); cursor.next(); ) note(cursor, seen);
    }
    const stats = scanner.stats();
    const { scanned, handedOut, filteredShard, filteredOlder, filteredExcluded, vanished, failed } =
      stats;
    expect(scanned).toBe(
      handedOut + filteredShard + filteredOlder + filteredExcluded + vanished + failed,
    );
    expect(handedOut).toBe(seen.entries.size); // no path twice
    return { ...seen, stats };
  } finally {
    await scanner.close();
  }
}

function note(cursor: RecordCursor, seen: Omit<Seen, "stats">): void {
  if (cursor.type === RecordType.DIR) return;
  const dir = cursor.dir.toString("latin1");
  const path =
    cursor.nameLength === 0 ? dir : `${dir === "/" ? "" : dir}/${cursor.name.toString("latin1")}`;
  if (cursor.type === RecordType.ERROR) {
    seen.errors.push({ path, op: cursor.op, error: cursor.error });
    return;
  }
  if (cursor.error !== 0) seen.entryErrors.push(cursor.error);
  seen.entries.set(path, describeEntry(cursor));
  seen.content.set(path, cursor.content?.toString("latin1"));
  seen.flags.set(path, cursor.flags);
}

const LETTERS = ["", "f", "d", "l", "p", "c", "b", "s"];

/** The line of FIND_FORMAT. */
function describeEntry(c: RecordCursor): string {
  const time = (s: bigint, ns: number) => ((s * 1_000_000_000n + BigInt(ns)) * 10n).toString();
  return [
    LETTERS[c.kind],
    (c.mode & 0o7777).toString(8),
    c.exact("ino"),
    c.dev,
    c.nlink,
    c.uid,
    c.gid,
    c.size,
    c.exact("blocks"),
    time(c.exact("mtimeS"), c.mtimeNanoseconds),
    time(c.exact("ctimeS"), c.ctimeNanoseconds),
    c.link.toString("latin1"),
  ].join(" ");
}

const FIND_FORMAT = "%p\\0%y %m %i %D %n %U %G %s %b\\0%T@\\0%C@\\0%l\\0";

/**
 * path → line, by GNU find. %T@ is the seconds, a point, and the nanoseconds with a zero: 5.25 s
 * before the epoch is "-6.7500000000".
 */
export function find(path: string): Map<string, string> {
  const out = execFileSync("find", ["-H", path, "-printf", FIND_FORMAT], {
    encoding: "latin1",
    maxBuffer: 1 << 28,
  });
  const fields = out.split("\0");
  const map = new Map<string, string>();
  const ticks = (text: string) => {
    const [seconds = "", decimals = ""] = text.split(".");
    return (BigInt(seconds) * 10_000_000_000n + BigInt(decimals)).toString();
  };
  for (let i = 0; i + 4 < fields.length; i += 5) {
    const [name, head, mtime, ctime, link] = fields.slice(i, i + 5) as [
      string,
      string,
      string,
      string,
      string,
    ];
    map.set(name, `${head} ${ticks(mtime)} ${ticks(ctime)} ${link}`);
  }
  return map;
}
