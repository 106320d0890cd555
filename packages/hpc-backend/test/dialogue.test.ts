import { execFileSync } from "node:child_process";
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import {
  type Accounting,
  decodeAccounting,
  decodeCheck,
  decodeDataEnd,
  decodeEntry,
  decodeXattrs,
  type Entry,
  EntryFlag,
  EntryKind,
  encodeCheckAnswer,
  type Frame,
  isBalanced,
} from "@podheitor/hpc-ptcomm";
import { HPC1, TestPlugin } from "./plugin";

let scratch: string;
let tree: string;
let plugin: TestPlugin;
const BIG = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) & 255));
const ODD = Buffer.from([0x6e, 0x0a, 0xff, 0x22]);

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-dialogue-"));
  tree = join(scratch, "tree");
  mkdirSync(join(tree, "sub"), { recursive: true });
  writeFileSync(join(tree, "small"), "hello\n");
  writeFileSync(join(tree, "empty"), "");
  writeFileSync(join(tree, "big"), BIG);
  linkSync(join(tree, "small"), join(tree, "sub", "other-name"));
  symlinkSync("nowhere\nat all", join(tree, "symlink"));
  writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), ODD]), "odd");
  execFileSync("mkfifo", [join(tree, "fifo")]);
  execFileSync("python3", [
    "-c",
    "import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])",
    join(tree, "s"),
  ]);
});
afterAll(() => rmSync(scratch, { recursive: true }));
afterEach(() => plugin.kill());

interface Received {
  readonly entries: Map<string, { readonly entry: Entry; readonly data: Buffer | undefined }>;
  /** Blocks of B frames. */
  readonly xattrs: Map<string, Buffer>;
  readonly sums: Accounting;
  readonly messages: readonly string[];
}

/** What a backup sent, checked for the order of its frames. */
function received(frames: readonly Frame[]): Received {
  const entries: Received["entries"] = new Map();
  const xattrs: Received["xattrs"] = new Map();
  let last = "";
  let due = false;
  const messages: string[] = [];
  let open: { entry: Entry; blocks: Buffer[] } | undefined;
  let sums: Accounting | undefined;
  for (const { status, payload } of frames) {
    if (status === "M") {
      if (open) throw new Error("an entry inside another one");
      const entry = decodeEntry(payload);
      expect(due).toBe(false);
      last = entry.name.toString("latin1");
      due = (entry.flags & EntryFlag.ATTRS) !== 0;
      if (entry.flags & EntryFlag.HAS_DATA) open = { entry, blocks: [] };
      else entries.set(entry.name.toString("latin1"), { entry, data: undefined });
    } else if (status === "B") {
      expect(due).toBe(true);
      due = false;
      xattrs.set(last, payload);
    } else if (status === "D") {
      expect(due).toBe(false);
      open?.blocks.push(payload);
    } else if (status === "Z") {
      if (!open) throw new Error("an end without an entry");
      const data = Buffer.concat(open.blocks);
      const end = decodeDataEnd(payload);
      expect({ bytes: Number(end.bytes), errno: end.errno }).toEqual({
        bytes: data.length,
        errno: 0,
      });
      entries.set(open.entry.name.toString("latin1"), { entry: open.entry, data });
      open = undefined;
    } else if (status === "U") {
      sums = decodeAccounting(payload);
    } else if ("IWNQ".includes(status)) {
      messages.push(`${status} ${payload.toString("utf8").trimEnd()}`);
    }
  }
  if (!sums) throw new Error("no accounting");
  expect(isBalanced(sums)).toBe(true);
  expect(sums.emitted).toBe(entries.size);
  expect(sums.xattrBlocks).toBe(xattrs.size);
  return { entries, xattrs, sums, messages };
}

async function backup(
  job: Record<string, string>,
  params: readonly (string | Buffer)[] = [],
): Promise<Received> {
  plugin = new TestPlugin();
  await plugin.configure(job, [`path=${tree}`, ...params]);
  await plugin.start(job["Type"] === "E" ? "EstimateStart" : "BackupStart");
  const result = received(await plugin.rest());
  expect(await plugin.finish()).toMatchObject({ code: 0, signal: null });
  expect(plugin.stderr).toBe("");
  return result;
}

describe("hpc/1 backup", () => {
  test("sends every kind of entry", async () => {
    const { entries, sums, messages } = await backup({ Type: "B", Level: "F" });
    const at = (name: string) => entries.get(name === "" ? tree : `${tree}/${name}`);
    expect(entries.size).toBe(9);
    expect(at("")?.entry.kind).toBe(EntryKind.DIRECTORY);
    expect(at("big")?.data?.equals(BIG)).toBe(true);
    expect(at("empty")).toMatchObject({
      data: undefined,
      entry: { kind: EntryKind.REGULAR, flags: 0 },
    });
    expect(at("symlink")?.entry.link.toString()).toBe("nowhere\nat all");
    expect(at(ODD.toString("latin1"))?.data?.toString()).toBe("odd");
    expect(at("fifo")?.entry.kind).toBe(EntryKind.FIFO);
    // Which of the two names comes first is the scan's business.
    const names = [at("small"), at("sub/other-name")];
    const leader = names.find(
      (name) => name?.entry.flags === (EntryFlag.HAS_DATA | EntryFlag.LEADER),
    );
    const link = names.find((name) => name !== leader);
    expect(leader?.data?.toString()).toBe("hello\n");
    expect(link?.entry.flags).toBe(EntryFlag.LINK | EntryFlag.LAST_LINK);
    expect(link?.entry.link.equals(leader?.entry.name ?? Buffer.alloc(0))).toBe(true);
    expect(link?.entry.linkGroup).toBe(leader?.entry.linkGroup);
    expect(sums).toMatchObject({
      scanned: 10,
      files: 4,
      directories: 2,
      symlinks: 1,
      hardlinks: 1,
      specials: 1,
    });
    expect(sums).toMatchObject({ filteredSockets: 1, bytes: BIG.length + 9 });
    expect(messages).toContain(`I ${tree}/s: sockets are not saved`);
  });

  test("content comes whole whatever is inlined", async () => {
    const { entries } = await backup({ Type: "B", Level: "F" }, ["inline_kib=0"]);
    expect(entries.get(`${tree}/big`)?.data?.equals(BIG)).toBe(true);
    expect(entries.get(`${tree}/${ODD.toString("latin1")}`)?.data?.toString()).toBe("odd");
  });

  test("an estimate sends no content", async () => {
    const { entries } = await backup({ Type: "E", Level: "F" });
    expect(entries.size).toBe(9);
    expect([...entries.values()].every(({ entry }) => !(entry.flags & EntryFlag.HAS_DATA))).toBe(
      true,
    );
  });

  test("attributes in a B frame each, holes in the record and not in the data, what is excluded in the sums", async () => {
    const script =
      "import os,sys; f=os.open(sys.argv[1],66); os.pwrite(f,b'x',300000); os.ftruncate(f,900000); os.setxattr(f,'user.a',b'1')";
    execFileSync("python3", ["-c", script, join(tree, "sparse")]);
    try {
      const { entries, xattrs, sums } = await backup({}, ["exclude=small", "exclude=sub/"]);
      const sparse = entries.get(`${tree}/sparse`);
      const holes = sparse?.entry.holes ?? [];
      expect(holes.length).toBeGreaterThan(0);
      const inHoles = holes.reduce((sum, { length }) => sum + Number(length), 0);
      expect(sparse?.data?.length).toBe(900_000 - inHoles);
      expect(sums.holeBytes).toBe(inHoles);
      expect(decodeXattrs(xattrs.get(`${tree}/sparse`) ?? Buffer.alloc(0))).toContainEqual({
        name: Buffer.from("user.a"),
        value: Buffer.from("1"),
      });
      expect(sums).toMatchObject({
        scanned: 10,
        filteredOther: 2,
        filteredSockets: 1,
        xattrsFailed: 0,
      });
      expect((await backup({}, ["xattrs=no"])).xattrs.size).toBe(0);
    } finally {
      rmSync(join(tree, "sparse"));
    }
  });

  test("two shards are the tree, without overlap", async () => {
    const halves = [await backup({}, ["shard=0/2"]), await backup({}, ["shard=1/2"])].map(
      ({ entries }) => [...entries.keys()],
    );
    expect(new Set(halves.flat()).size).toBe(9);
    expect(halves.flat()).toHaveLength(9);
  });
});

describe("incremental", () => {
  const future = String(Math.floor(Date.now() / 1000) + 3600);

  test("drops what is older than since", async () => {
    const { entries, sums } = await backup({ Level: "I", Since: future });
    expect(entries.size).toBe(0);
    expect(sums.filteredSince).toBe(sums.scanned);
  });

  test("a full job looks at everything", async () => {
    expect((await backup({ Level: "F", Since: future })).entries.size).toBe(9);
  });

  test("an accurate job asks about older entries and sends those that are wanted, with their content", async () => {
    plugin = new TestPlugin();
    await plugin.configure({ Level: "I", Since: future, Accurate: "1" }, [`path=${tree}`]);
    await plugin.start("BackupStart");
    const frames: Frame[] = [];
    const asked: string[] = [];
    for (
      let frame = await plugin.next();
      frame && frame.status !== "F";
      frame = await plugin.next()
    ) {
      if (frame.status !== "K") frames.push(frame);
      else {
        const { batch, entries } = decodeCheck(frame.payload);
        asked.push(...entries.map(({ name }) => name.toString("latin1")));
        plugin.send(
          "K",
          encodeCheckAnswer(
            batch,
            entries.map(({ name }) => /big|empty|small|other/.test(name.toString())),
          ),
        );
      }
    }
    const { entries, sums } = received(frames);
    expect(asked).toHaveLength(10);
    expect([...entries.keys()].map((name) => name.slice(tree.length + 1)).sort()).toEqual([
      "big",
      "empty",
      "small",
      "sub/other-name",
    ]);
    expect(entries.get(`${tree}/big`)?.data?.equals(BIG)).toBe(true);
    expect(entries.get(`${tree}/big`)?.entry.flags).toBe(EntryFlag.HAS_DATA);
    expect(sums).toMatchObject({ filteredUnchanged: 6, filteredSockets: 0, scanned: 10 });
    await plugin.finish();
  });

  test("many older entries: batches of at most 512, at most 4 unanswered", async () => {
    const many = join(scratch, "many");
    mkdirSync(many);
    for (let i = 0; i < 3000; i++) writeFileSync(join(many, `f${i}`), "");
    plugin = new TestPlugin();
    await plugin.configure({ Level: "D", Since: future, Accurate: "1" }, [`path=${many}`]);
    await plugin.start("BackupStart");
    const open: { batch: number; entries: Entry[] }[] = [];
    let asked = 0;
    let most = 0;
    // Answers come late: only when the backend has stopped asking.
    while (asked < 3001 || open.length > 0) {
      if (open.length < 4 && asked < 3001) {
        const check = decodeCheck(await plugin.expect("K"));
        open.push(check);
        asked += check.entries.length;
        most = Math.max(most, open.length);
      } else {
        const check = open.shift();
        if (check)
          plugin.send(
            "K",
            encodeCheckAnswer(
              check.batch,
              check.entries.map(() => false),
            ),
          );
      }
    }
    const { sums } = received(await plugin.rest());
    expect(most).toBe(4);
    expect(sums).toMatchObject({ scanned: 3001, filteredUnchanged: 3001, emitted: 0 });
    await plugin.finish();
  }, 20_000);
});

describe("what cannot be done is refused with the key and the remedy", () => {
  test.each([
    ["pth=/x", /unknown key "pth"\. .*path, shard/],
    ["path=relative", /path "relative" is not absolute/],
    ["path=/no/such/path", /path "\/no\/such\/path" cannot be used: ENOENT/],
    ["shard=4/4", /shard=4\/4: .*0\.\.3/],
    ["threads=0", /threads=0 is out of range.*1 to 512/],
    ["mode=ext4", /mode=ext4 is not known.*lustre/],
    ["mode=warp", /mode=warp is not known/],
  ])("%s", async (pair, message) => {
    plugin = new TestPlugin();
    await plugin.configure({}, [`path=${tree}`, pair]);
    expect((await plugin.expect("A")).toString()).toMatch(message);
    expect((await plugin.exit()).code).toBe(1);
    expect(plugin.stderr).toBe("");
  });

  test("no path at all", async () => {
    plugin = new TestPlugin();
    await plugin.configure({}, []);
    expect((await plugin.expect("A")).toString()).toMatch(/key "path" is missing/);
  });

  test("garbage instead of a frame", async () => {
    plugin = new TestPlugin();
    plugin.child.stdin?.write("GET / HTTP/1.0\r\n\r\n");
    await plugin.expect("A");
    expect((await plugin.exit()).code).toBe(1);
  });

  test("a restore, which the plugin does by itself", async () => {
    plugin = new TestPlugin(["backup"]);
    plugin.command(HPC1);
    await plugin.expect("C");
    for (const line of ["Job", "Name=x", "JobID=1", "Type=R"]) plugin.command(line);
    plugin.send("F");
    expect((await plugin.expect("A")).toString()).toMatch(/Type="R" is none of B, E/);
    expect((await plugin.exit()).code).toBe(1);
  });
});

test("started without an argument it answers the hello; utimes of the tree stay", async () => {
  plugin = new TestPlugin([]);
  utimesSync(join(tree, "small"), 1, 1);
  plugin.command(HPC1);
  expect(await plugin.expectCommand()).toBe(HPC1);
});
