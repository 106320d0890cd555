import { closeSync, fstatSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { digestOf, JobLog, rememberOutput } from "@podheitor/hpc-archive";
import {
  type EntryFields,
  EntryFlag,
  EntryKind,
  RecordWriter,
  ScanOp,
} from "@podheitor/hpc-walker";
import fc from "fast-check";
import { BatchEmitter } from "../src/emit/batch-emitter";
import { Emitter } from "../src/emit/emitter";
import { Hpc1Sink } from "../src/emit/hpc1-sink";
import { Tally } from "../src/job/tally";
import { parseParams } from "../src/params/params";

let scratch: string;
let fd: number;
let forget: () => void;
/** An archive that this process is writing: it must not be saved. */
let own: { dev: bigint; ino: bigint };

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-runs-"));
  fd = openSync(join(scratch, "archive"), "wx");
  const stat = fstatSync(fd, { bigint: true });
  own = { dev: stat.dev, ino: stat.ino };
  forget = rememberOutput([{ stat }]);
});
afterAll(() => {
  forget();
  closeSync(fd);
  rmSync(scratch, { recursive: true });
});

type Step =
  | { readonly dir: Buffer }
  | { readonly failed: Buffer }
  | { readonly entry: Omit<EntryFields, "dev" | "ino"> & { readonly ino: bigint | "own" } };

function batchOf(steps: readonly Step[]): Buffer {
  const writer = new RecordWriter(Buffer.alloc(8 * 1024 * 1024));
  writer.dir(Buffer.from("/start"));
  for (const step of steps) {
    if ("dir" in step) expect(writer.dir(step.dir)).toBe(true);
    else if ("failed" in step) expect(writer.error(ScanOp.STAT, 13, step.failed)).toBe(true);
    else
      expect(
        writer.entry({
          ...step.entry,
          ...(step.entry.ino === "own" ? own : { dev: 7n, ino: step.entry.ino }),
        }),
      ).toBe(true);
  }
  return writer.batch;
}

interface Outcome {
  readonly stream: Buffer;
  readonly sums: Partial<Tally>;
  readonly said: string[];
}

/**
 * What an emitter makes of the batch, twice (the second time every inode with several names was met
 * before).
 */
async function emit(
  batch: Buffer,
  native: boolean,
  digests: boolean,
  content: boolean,
): Promise<Outcome> {
  const written: Buffer[] = [];
  const write = async (bytes: Buffer) => void written.push(Buffer.from(bytes));
  const emitter = new Emitter({ write }, digests ? { digest: digestOf } : {});
  const sums = new Tally();
  const said: string[] = [];
  const job = {
    params: parseParams([["path", Buffer.from(scratch)]]),
    sink: new Hpc1Sink(emitter, { digests }),
    sums,
    messages: new JobLog((level, text) => said.push(`${level} ${text}`)),
    content,
    signal: undefined,
  };
  const batches = new BatchEmitter(job, { native });
  await batches.batch(batch, undefined);
  await batches.batch(batch, undefined);
  await batches.close();
  await emitter.finish();
  emitter.close();
  const { waits: _, ...counts } = sums; // how long it took is no matter of bytes
  return { stream: Buffer.concat(written), sums: counts, said };
}

async function same(batch: Buffer, digests: boolean, content: boolean): Promise<Outcome> {
  const native = await emit(batch, true, digests, content);
  const single = await emit(batch, false, digests, content);
  expect(native.sums).toEqual(single.sums);
  expect(native.said).toEqual(single.said);
  expect(native.stream.equals(single.stream)).toBe(true);
  return native;
}

const PLAIN = {
  ...{
    kind: EntryKind.REGULAR,
    flags: 0,
    name: Buffer.from("name"),
    link: Buffer.alloc(0),
    error: 0,
    inoHash: 0n,
    nlink: 1,
  },
  ...{
    ino: 5n,
    size: 0n,
    blocks: 8n,
    mode: 0o100644,
    uid: 1,
    gid: 2,
    rdev: 0n,
    blksize: 4096,
    content: undefined,
  },
  ...{
    mtimeSeconds: -5n,
    atimeSeconds: 6n,
    ctimeSeconds: 7n,
    mtimeNanoseconds: 1,
    atimeNanoseconds: 2,
    ctimeNanoseconds: 3,
  },
} as const;

/** Mostly what is ordinary, with a little of everything else in between. */
const mostly = <T>(usual: T, ...rare: T[]) =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constant(usual) },
    ...rare.map((value) => ({ weight: 1, arbitrary: fc.constant(value) })),
  );
const bytes = (max: number) =>
  fc.uint8Array({ minLength: 1, maxLength: max }).map((b) => Buffer.from(b.map((x) => x || 1)));
const content = fc.oneof(
  { weight: 8, arbitrary: fc.uint8Array({ maxLength: 600 }).map((b) => Buffer.from(b)) },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 0, max: 5000 }).map((n) => Buffer.alloc(n, "some content, ")),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(300_000, 512 * 1024).map((n) => Buffer.alloc(n, "much content, ")),
  },
  { weight: 1, arbitrary: fc.constant(undefined) },
);
const entry = fc
  .record({
    kind: mostly<EntryKind>(
      EntryKind.REGULAR,
      EntryKind.DIRECTORY,
      EntryKind.SYMLINK,
      EntryKind.FIFO,
      EntryKind.CHARDEV,
      EntryKind.BLOCKDEV,
      EntryKind.SOCKET,
    ),
    name: fc.oneof({ weight: 6, arbitrary: bytes(20) }, { weight: 1, arbitrary: bytes(255) }),
    link: bytes(300),
    content,
    /** The size differs from what was read: the file grew or shrank. */
    grown: mostly(0, -1, 1),
    error: mostly(0, 2, 13),
    flags: mostly<number>(0, EntryFlag.OLDER),
    nlink: mostly(1, 2, 3),
    ino: mostly<bigint | "own">(5n, 6n, 0xffff_ffff_ffffn, "own"),
    xattrs: fc.oneof(
      { weight: 4, arbitrary: fc.constant(Buffer.alloc(0)) },
      { weight: 1, arbitrary: bytes(400) },
    ),
    xattrError: mostly(0, 7),
  })
  .map(({ grown, link, content: read, ...fields }): Step => {
    const regular = fields.kind === EntryKind.REGULAR;
    const size = BigInt(Math.max(0, (read?.length ?? 3) + grown));
    return {
      entry: {
        ...PLAIN,
        ...fields,
        link: fields.kind === EntryKind.SYMLINK ? link : Buffer.alloc(0),
        content: regular && fields.error === 0 ? read : undefined,
        size: regular ? size : 0n,
      },
    };
  });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 20, arbitrary: entry },
  {
    weight: 2,
    arbitrary: fc.oneof(fc.constant(Buffer.from("/")), bytes(200)).map((dir) => ({ dir })),
  },
  { weight: 1, arbitrary: bytes(20).map((failed) => ({ failed })) },
);

test("frames of whole runs are byte for byte those of one entry at a time, and so are sums and messages", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 120 }),
      fc.boolean(),
      fc.boolean(),
      async (steps, digests, withContent) => {
        await same(batchOf(steps), digests, withContent);
      },
    ),
    { numRuns: 150 },
  );
});

test("content of every length has the digest that the library computes", async () => {
  const lengths = [...Array(1100).keys(), 2047, 2048, 2049, 65_536, 65_537];
  const of = (length: number): Step => ({
    entry: {
      ...PLAIN,
      content: Buffer.alloc(length, `${length} bytes of content`),
      size: BigInt(length),
      name: Buffer.alloc((length % 300) + 1, "n"),
    },
  });
  const { sums } = await same(batchOf(lengths.map(of)), true, true);
  expect(sums.emitted).toBe(2 * lengths.length);
});

test("an entry that is larger than the writer's memory goes by itself", async () => {
  const large: Step = {
    entry: {
      ...PLAIN,
      content: Buffer.alloc(512 * 1024, "x"),
      size: 524_288n,
      xattrs: Buffer.alloc(700_000, "attributes"),
    },
  };
  const small: Step = { entry: PLAIN };
  const { sums } = await same(
    batchOf([small, large, small, small, large, large, small]),
    true,
    true,
  );
  expect(sums).toMatchObject({ emitted: 14, xattrBlocks: 6 });
});

test("a batch that ends within a record is refused, whoever looks at it", async () => {
  const whole = batchOf([{ entry: PLAIN }, { entry: PLAIN }]);
  const cut = whole.subarray(0, whole.length - 8);
  for (const native of [true, false]) {
    await expect(emit(cut, native, false, true)).rejects.toMatchObject({ code: "HPC_BAD_BATCH" });
  }
});
