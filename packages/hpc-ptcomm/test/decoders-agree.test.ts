import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { HpcError } from "@podheitor/hpc-base";
import { COUNTERS } from "@podheitor/hpc-wire";
import fc from "fast-check";
import {
  type Accounting,
  decodeAccounting,
  decodeCheck,
  decodeDataEnd,
  decodeEntry,
  decodeXattrs,
  type Entry,
  encodeAccounting,
  encodeDataEnd,
  encodeEntry,
  encodeXattrs,
  FrameDecoder,
  isBalanced,
  parsePluginString,
} from "../src/index";
import { framesOf } from "./listing";
import { checkPayload, everyEntry, everyXattr, hpc1Backend } from "./samples";

/** The C decoders and the TypeScript decoders read the same bytes: same verdict, same fields. */
const SOURCES = join(__dirname, "..", "..", "..", "shim-c", "wire");
let folder: string;
let driver: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hpc-decoders-"));
  driver = join(folder, "decode");
  const sources = ["test/decode.c", "hpc_frame.c", "hpc_params.c"].map((file) =>
    join(SOURCES, file),
  );
  const flags = [
    "-std=gnu11",
    "-D_GNU_SOURCE",
    "-O1",
    "-g",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
  ];
  const { CC = "cc" } = process.env;
  const cc = spawnSync(CC, [...flags, "-o", driver, ...sources], { encoding: "utf8" });
  if (cc.status !== 0) {
    throw new Error(
      `no C compiler, or it fails (install gcc and libc6-dev, or set CC): ${cc.error?.message ?? cc.stderr}`,
    );
  }
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Kind = "f" | "M" | "B" | "Z" | "K" | "U" | "p";
type Case = readonly [kind: Kind, bytes: Buffer];

function viaC(cases: readonly Case[]): string[] {
  const input = cases.flatMap(([kind, bytes]) => {
    const head = Buffer.alloc(5);
    head.write(kind, "latin1");
    head.writeUInt32LE(bytes.length, 1);
    return [head, bytes];
  });
  const run = spawnSync(driver, { input: Buffer.concat(input), maxBuffer: 1 << 28 });
  expect([run.status, run.stderr.toString()]).toEqual([0, ""]);
  return run.stdout.toString("latin1").split("\n").slice(0, -1);
}

function viaTypeScript([kind, bytes]: Case): string {
  try {
    return read[kind](bytes);
  } catch (error) {
    if (!(error instanceof HpcError)) throw error;
    return kind === "p" ? `bad ${error.message}` : "bad";
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex") || "-";
const read: Record<Kind, (bytes: Buffer) => string> = {
  f(bytes) {
    const decoder = new FrameDecoder();
    decoder.push(bytes);
    const frame = decoder.next();
    return frame ? `frame ${frame.status} ${decoder.offset} ${hex(frame.payload)}` : "more";
  },
  M: (bytes) => `entry ${entryText(decodeEntry(bytes))}`,
  B: (bytes) =>
    `xattrs${decodeXattrs(bytes)
      .map(({ name, value }) => ` ${hex(name)} ${hex(value)}`)
      .join("")}`,
  Z(bytes) {
    const end = decodeDataEnd(bytes);
    // The driver prints the digest field as it stands; without the flag its bytes mean nothing.
    return `end ${end.bytes} ${end.errno} ${end.digest === undefined ? 0 : 1} ${bytes.readBigUInt64LE(16).toString(16)}`;
  },
  K(bytes) {
    const { batch, entries } = decodeCheck(bytes);
    return `check ${batch} ${entries.length}${entries.map((entry) => ` | ${entryText(entry)}`).join("")}`;
  },
  U(bytes) {
    const accounting = decodeAccounting(bytes);
    return `accounting ${isBalanced(accounting) ? 1 : 0} ${COUNTERS.map((name) => accounting[name]).join(" ")}`;
  },
  p: (bytes) =>
    `params${parsePluginString(bytes)
      .map(([key, value]) => ` ${hex(Buffer.from(key))} ${hex(value)}`)
      .join("")}`,
};

function entryText(e: Entry): string {
  const fields = [
    e.kind,
    e.flags,
    e.nlink,
    e.ino,
    e.dev,
    e.size,
    e.blocks,
    `${e.mtime}.${e.mtimeNs}`,
    `${e.atime}.${e.atimeNs}`,
    `${e.ctime}.${e.ctimeNs}`,
    e.mode.toString(8),
    e.uid,
    e.gid,
    e.rdev,
    e.blksize,
    e.layout,
    e.linkGroup,
    hex(e.name),
    hex(e.link),
    ...e.holes.map((hole) => `${hole.offset}+${hole.length}`),
    ...(e.digest === undefined ? [] : [`#${e.digest.toString(16)}`]),
  ];
  return fields.join(" ");
}

function agree(cases: readonly Case[]): string[] {
  const c = viaC(cases);
  expect(c).toHaveLength(cases.length);
  cases.forEach((one, i) => {
    const ours = viaTypeScript(one);
    if (ours !== c[i])
      throw new Error(
        `they disagree on ${one[0]} ${one[1].toString("hex")}\n  TypeScript: ${ours}\n  C:          ${c[i]}`,
      );
  });
  return c;
}

const plain: Accounting = decodeAccounting(
  framesOf(hpc1Backend()).find((frame) => frame.status === "U")?.payload ?? Buffer.alloc(0),
);
const good: readonly Case[] = [
  ...everyEntry.map((entry): Case => ["M", encodeEntry(entry)]),
  ["B", encodeXattrs(everyXattr)],
  ["B", Buffer.alloc(0)],
  ["Z", encodeDataEnd({ bytes: 1n << 63n, errno: 5, digest: 3n })],
  ["K", checkPayload()],
  ["U", encodeAccounting(plain)],
  ["f", hpc1Backend()],
  ["p", Buffer.from('podheitor-hpc: path=/a; path="/b;\\"\\\\\n"; x=;;')],
];

describe("C and TypeScript", () => {
  test("read the same fields from valid bytes", () => {
    expect(agree(good).filter((line) => line.startsWith("bad"))).toEqual([]);
  });

  test("cut every valid payload at every length", () => {
    agree(
      good
        .filter(([kind]) => kind !== "f")
        .flatMap(([kind, bytes]) =>
          Array.from({ length: bytes.length + 1 }, (_, n): Case => [kind, bytes.subarray(0, n)]),
        ),
    );
  });

  test("flip every bit of every entry record, and of B, Z, K, U", () => {
    const flipped = good.flatMap(([kind, bytes]) =>
      "fp".includes(kind)
        ? []
        : Array.from({ length: bytes.length * 8 }, (_, bit): Case => {
            const copy = Buffer.from(bytes);
            copy[bit >>> 3] = (copy[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
            return [kind, copy];
          }).filter(([, copy]) => kind !== "U" || isExact(copy)),
    );
    const verdicts = agree(flipped);
    // The comparison would be empty if one verdict never came.
    expect(verdicts.some((line) => line === "bad")).toBe(true);
    expect(verdicts.some((line) => line.startsWith("entry"))).toBe(true);
  });

  test("random bytes, and random plugin strings", () => {
    const bytes = fc.uint8Array({ maxLength: 200 }).map((b) => Buffer.from(b));
    const words = fc
      .array(
        fc.constantFrom(
          "p:",
          "path",
          "=",
          '"',
          "\\",
          ";",
          " ",
          "\n",
          "\t",
          "\r",
          "/a",
          "x",
          "\xff",
          "\0",
          "-",
        ),
        {
          maxLength: 14,
        },
      )
      .map((parts) => Buffer.from(`p:${parts.join("")}`, "latin1"));
    const frames = fc
      .array(fc.constantFrom("C", "F", "D", "0", "1", "00000", "\n", "x"), { maxLength: 12 })
      .map((parts) => Buffer.from(parts.join("")));
    const any = fc.oneof(
      fc.tuple(fc.constantFrom<Kind>("f", "M", "B", "Z", "K"), bytes),
      fc.tuple(fc.constant<Kind>("p"), words),
      fc.tuple(fc.constant<Kind>("f"), frames),
    );
    agree(fc.sample(any, { numRuns: 20_000, seed: 7 }));
    agree(fc.sample(any, { numRuns: 5_000 }));
  });
});

/** Counters beyond 2^53 are rounded in TypeScript, and nothing else. */
function isExact(payload: Buffer): boolean {
  for (let at = 8; at < payload.length; at += 8)
    if (payload.readBigUInt64LE(at) > 2n ** 53n) return false;
  return true;
}
