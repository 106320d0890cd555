import { execFileSync } from "node:child_process";
import {
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { type ClassicCommand, parseClassic } from "@podheitor/hpc-ptcomm";
import { CLASSIC, TestPlugin } from "./plugin";

let scratch: string;
let tree: string;
let plugin: TestPlugin;

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-classic-"));
  tree = join(scratch, "tree");
  mkdirSync(tree);
  writeFileSync(join(tree, "file"), "hello\n");
  writeFileSync(join(tree, "empty"), "");
  writeFileSync(join(tree, "big"), Buffer.alloc(1 << 20, "x"));
  writeFileSync(join(tree, "new\nline"), "n");
  writeFileSync(join(tree, "blank at its end "), "");
  linkSync(join(tree, "file"), join(tree, "link1"));
  linkSync(join(tree, "file"), join(tree, "link2"));
  symlinkSync("target", join(tree, "symlink"));
  execFileSync("mkfifo", [join(tree, "fifo")]);
});
afterAll(() => rmSync(scratch, { recursive: true }));
afterEach(() => plugin.kill());

interface Saved {
  readonly stat: Extract<ClassicCommand, { stat: unknown }>["stat"];
  readonly link?: string;
  readonly data?: Buffer;
}

/** Plays a stock metaplugin: one file after the other, answering what it is asked. */
async function backup(job: Record<string, string>, params: readonly string[] = [], unchanged = /^$/) {
  plugin = new TestPlugin([]);
  await plugin.configure(job, [`path=${tree}`, ...params], CLASSIC);
  await plugin.start(job["Type"] === "E" ? "EstimateStart" : "BackupStart");
  const files = new Map<string, Saved>();
  const messages: string[] = [];
  const checked: string[] = [];
  const next = async () => {
    for (;;) {
      const frame = await plugin.next();
      if (frame === undefined) throw new Error(`the backend is gone: ${plugin.stderr}`);
      if (!"IWNQ".includes(frame.status)) return frame;
      messages.push(frame.payload.toString());
    }
  };
  for (let frame = await next(); frame.status !== "F"; frame = await next()) {
    let command = parseClassic(frame.payload);
    if (command.command === "FileIndex") {
      plugin.command(String(files.size));
      continue;
    }
    const what = command.command;
    const name = "bytes" in command ? command.bytes.toString() : "";
    const stat = parseClassic((await next()).payload);
    const times = parseClassic((await next()).payload);
    if (!("stat" in stat) || times.command !== "TSTAMP") throw new Error("STAT and TSTAMP should follow");
    if (what === "CHECK") {
      checked.push(name);
      plugin.command(unchanged.test(name) ? "SEEN" : "OK");
      continue;
    }
    expect(what).toBe("FNAME");
    let link: string | undefined;
    for (frame = await next(); frame.status !== "F"; frame = await next()) {
      command = parseClassic(frame.payload);
      if (command.command === "LSTAT") link = command.bytes.toString();
    }
    let data: Buffer | undefined;
    if (job["Type"] !== "E") {
      for (frame = await next(); frame.status !== "F"; frame = await next()) {
        if (frame.status === "D") data = Buffer.concat([data ?? Buffer.alloc(0), frame.payload]);
        else expect(parseClassic(frame.payload).command).toBe("DATA");
      }
    }
    files.set(name.slice(tree.length), {
      stat: stat.stat,
      ...(link === undefined ? {} : { link }),
      ...(data === undefined ? {} : { data }),
    });
  }
  expect(await plugin.finish()).toMatchObject({ code: 0, signal: null });
  expect(plugin.stderr).toBe("");
  return { files, messages, checked };
}

test("a backup says what the dialect can say, and names what it cannot", async () => {
  const { files, messages } = await backup({ Type: "B", Level: "F" });
  expect([...files.keys()].sort()).toEqual([
    "/",
    "/big",
    "/empty",
    "/file",
    "/link1",
    "/link2",
    "/new\nline",
    "/symlink",
  ]);
  expect(files.get("/")?.stat).toMatchObject({ type: "D", mode: lstatSync(tree).mode });
  expect(files.get("/empty")).toEqual({ stat: expect.objectContaining({ type: "E" }) });
  expect(files.get("/big")?.data?.equals(readFileSync(join(tree, "big")))).toBe(true);
  expect(files.get("/symlink")).toMatchObject({ stat: { type: "S" }, link: "target" });
  const order = [...files.keys()];
  const names = order.filter((name) => /file|link[12]/.test(name));
  expect(names.map((name) => files.get(name)?.stat.type)).toEqual(["F", "L", "L"]);
  const leader = order.indexOf(names[0] ?? "") + 1;
  expect(names.slice(1).map((name) => files.get(name)?.stat.linkFI)).toEqual([leader, leader]);
  expect(messages.join("")).toMatch(/fifo: the classic dialect cannot carry fifos/);
  expect(messages.join("")).toMatch(/blank at its end : the classic dialect cannot carry a name/);
  expect(messages.join("")).toMatch(/scanned 10: 8 saved, 2 filtered, 0 vanished, 0 failed/);
});

test("extended attributes and holes do not travel: the first are counted, the others are zeros", async () => {
  const extra = join(tree, "sparse");
  const script =
    "import os,sys; f=os.open(sys.argv[1],66); os.pwrite(f,b'x',300000); os.ftruncate(f,400000); os.setxattr(f,'user.a',b'1')";
  execFileSync("python3", ["-c", script, extra]);
  try {
    const { files, messages } = await backup({ Level: "F" });
    const expected = Buffer.alloc(400_000);
    expected[300_000] = 0x78;
    expect(files.get("/sparse")?.data?.equals(expected)).toBe(true);
    expect(messages.join()).toMatch(/did not carry the extended attributes or ACLs of 1 entries/);
  } finally {
    rmSync(extra);
  }
});

test("an estimate has no content", async () => {
  const { files } = await backup({ Type: "E", Level: "F" });
  expect(files.size).toBe(8);
  expect(files.get("/big")?.data).toBeUndefined();
});

test("an accurate incremental asks with CHECK and sends what is not SEEN", async () => {
  const since = String(Math.floor(Date.now() / 1000) + 3600);
  const { files, checked } = await backup({ Type: "B", Level: "I", Since: since }, ["Accurate=1"], /empty|tree\/$/);
  expect(checked).toHaveLength(10);
  expect([...files.keys()].sort()).toEqual(["/big", "/file", "/link1", "/link2", "/new\nline", "/symlink"]);
});

test("a restore puts files below Where and leaves hard links to the File Daemon", async () => {
  const where = join(scratch, "restored");
  plugin = new TestPlugin([]);
  await plugin.configure({ Type: "R", Where: where, Replace: "a" }, [`path=${tree}`], CLASSIC);
  await plugin.start("RestoreStart");
  const file = async (name: string, stat: string, link?: string, data?: string) => {
    plugin.command(`FNAME:${name}`);
    plugin.command(`STAT:${stat}`);
    plugin.command("TSTAMP:3 1000 2");
    if (link !== undefined) plugin.command(`LSTAT:${link}`);
    plugin.send("F");
    const answer = await plugin.expectCommand();
    if (data === undefined) return answer;
    plugin.command("DATA");
    plugin.send("D", data);
    plugin.send("F");
    expect(await plugin.expectCommand()).toBe("OK");
    return answer;
  };
  expect(await file("/t/dir/", "D 4096 0 0 040750 2 0")).toBe("OK");
  expect(await file("/t/dir/new\nline", "F 5 7 8 100640 1 0", undefined, "hello")).toBe("OK");
  expect(await file(`${where}/t/empty`, "E 0 0 0 100600 1 0")).toBe("OK");
  expect(await file("/t/s", "S 4 0 0 120777 1 0", "over")).toBe("OK");
  expect(await file("/t/l", "L 5 0 0 100640 2 1")).toBe("CORE");
  plugin.command("FINISH");
  await plugin.expect("F");
  expect(await plugin.finish()).toMatchObject({ code: 0 });
  expect(readFileSync(join(where, "t/dir/new\nline"), "utf8")).toBe("hello");
  expect(lstatSync(join(where, "t/dir/new\nline"))).toMatchObject({
    uid: 7,
    gid: 8,
    mode: 0o100640,
    mtimeMs: 1000_000,
  });
  expect(lstatSync(join(where, "t/dir"))).toMatchObject({ mode: 0o40750, mtimeMs: 1000_000 });
  expect(lstatSync(join(where, "t/empty")).size).toBe(0);
  expect(readlinkSync(join(where, "t/s"))).toBe("over");
});
