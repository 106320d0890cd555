import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  CheckBatch,
  type Entry,
  EntryFlag,
  EntryKind,
  encodeAccounting,
  encodeEntry,
  FrameDecoder,
  FrameWriter,
} from "@podheitor/hpc-ptcomm";
import { FilePuller, greetBackend, type PullOptions } from "./puller";

/* Scripted backends: Node programs that write prepared bytes, whatever they are told, and then do something. */

let scratch: string;
let scripts = 0;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-puller-"));
});
afterAll(() => rmSync(scratch, { recursive: true }));

const HELLO = (writer: FrameWriter) => writer.command("Hello podheitor-hpc hpc/1");
const READY = (writer: FrameWriter) => {
  HELLO(writer);
  for (let i = 0; i < 3; i++) writer.signal("F");
};
const UNTIL_TERMINATED = "process.stdin.on('end', () => process.exit(0)).resume();";

/** A backend that runs `before`, writes `fill`'s frames and then runs `after`. */
function script(
  fill: (writer: FrameWriter) => void,
  after = UNTIL_TERMINATED,
  before = "",
): PullOptions {
  const writer = new FrameWriter();
  fill(writer);
  const file = join(scratch, `backend-${scripts++}.cjs`);
  const hex = Buffer.from(writer.takeBytes()).toString("hex");
  writeFileSync(
    file,
    `${before}; process.stdout.write(Buffer.from("${hex}", "hex"), () => { ${after} });`,
  );
  return {
    command: [process.execPath, file],
    params: [["path", Buffer.from([0x2f, 0xff, 0x0a])]],
    stallMs: 20_000,
  };
}

const FILE = Buffer.from([0x2f, 0xff, 0x0a, 0x61]);
const ENTRY: Entry = {
  kind: EntryKind.REGULAR,
  flags: EntryFlag.HAS_DATA,
  name: FILE,
  link: Buffer.alloc(0),
  nlink: 1,
  ino: 1n,
  dev: 1n,
  size: 5n,
  blocks: 8n,
  mtime: 1n,
  mtimeNs: 0,
  atime: 1n,
  atimeNs: 0,
  ctime: 1n,
  ctimeNs: 0,
  mode: 0o100644,
  uid: 0,
  gid: 0,
  rdev: 0n,
  blksize: 4096,
  layout: 0,
  linkGroup: 0n,
  holes: [],
};
const entry = (writer: FrameWriter) => writer.frame("M", encodeEntry(ENTRY));
const end = (writer: FrameWriter, files: number) => {
  writer.frame("U", encodeAccounting({ scanned: files, emitted: files, files }));
  writer.signal("F");
  writer.signal("F");
};

async function pull(
  options: PullOptions,
  readData = true,
): Promise<{ names: Buffer[]; data: string; puller: FilePuller }> {
  const puller = new FilePuller(options);
  const names: Buffer[] = [];
  let data = "";
  for await (const file of puller) {
    names.push(file.entry.name);
    if (readData) for await (const piece of file.data) data += piece.toString();
  }
  return { names, data, puller };
}

const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({
    code,
    message: expect.stringMatching(message),
    remedy: expect.stringMatching(/./),
  });

/** The process is gone, children and all: signal 0 finds nobody. */
function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

describe("a backend that behaves", () => {
  const twoFiles = (writer: FrameWriter) => {
    READY(writer);
    writer.message("warning", "look out");
    for (const text of ["hello", "world"]) {
      entry(writer);
      writer.data(Buffer.from(text.slice(0, 2)));
      writer.signal("H");
      writer.data(Buffer.from(text.slice(2)));
      writer.dataEnd(5, text === "world" ? 5 : 0);
    }
    writer.frame("G", Buffer.from("/gone"));
    end(writer, 2);
  };

  test("entries, data in order, messages, deleted names, the account", async () => {
    const messages: string[] = [];
    const deleted: string[] = [];
    const { names, data, puller } = await pull({
      ...script(twoFiles),
      onMessage: (level, text) => messages.push(`${level}: ${text}`),
      onDeleted: (name) => deleted.push(name.toString()),
    });
    expect(names).toEqual([FILE, FILE]);
    expect(data).toBe("helloworld");
    expect(messages).toEqual(["warning: look out"]);
    expect(deleted).toEqual(["/gone"]);
    expect(puller.accounting).toMatchObject({ emitted: 2, files: 2 });
    expect(isGone(puller.pid)).toBe(true);
  });

  test("data that nobody reads is skipped, and a read error is known at its end", async () => {
    expect((await pull(script(twoFiles), false)).names).toHaveLength(2);
    const errors: (number | undefined)[] = [];
    for await (const file of new FilePuller(script(twoFiles))) {
      errors.push(file.errno);
      for await (const piece of file.data) if (piece.length === 0) throw new Error("empty piece");
      errors.push(file.errno);
    }
    expect(errors).toEqual([undefined, 0, undefined, 5]);
  });

  test("leaving the loop ends the backend", async () => {
    const puller = new FilePuller(script(twoFiles, "setInterval(() => {}, 1000);"));
    for await (const { entry: one } of puller) {
      expect(one.name).toEqual(FILE);
      break;
    }
    expect(isGone(puller.pid)).toBe(true);
  });

  test("it hears the job, the parameters as bytes, and the answers to CHECK batches", async () => {
    const heard = join(scratch, "heard");
    const check = new CheckBatch();
    for (const name of ["/a", "/b", "/c"])
      check.add({
        bytes: encodeEntry(ENTRY),
        headStart: 0,
        dir: Buffer.alloc(0),
        name: Buffer.from(name),
        link: Buffer.alloc(0),
        flags: EntryFlag.OLDER,
        group: 0,
        holes: Buffer.alloc(0),
      });
    const options = script(
      (writer) => {
        READY(writer);
        writer.frame("K", check.take(7));
        end(writer, 0);
      },
      `const all = []; process.stdin.on('data', (d) => all.push(d)).on('end', () => require('fs').writeFileSync(${JSON.stringify(heard)}, Buffer.concat(all)));`,
    );
    await pull({
      ...options,
      wanted: ({ name }) => name.toString() === "/b",
      job: { name: "nightly", id: 3, level: "I", since: 12n, accurate: true },
    });

    const decoder = new FrameDecoder();
    decoder.push(readFileSync(heard));
    const frames: string[] = [];
    for (let frame = decoder.next(); frame !== undefined; frame = decoder.next())
      frames.push(frame.status + frame.payload.toString("latin1"));
    expect(frames).toEqual([
      "CHello podheitor-hpc hpc/1\n",
      ..."CJob\n|CName=nightly\n|CJobID=3\n|CType=B\n|CLevel=I\n|CSince=12\n|CAccurate=1\n|F".split(
        "|",
      ),
      ...["CParams\n", "Cpath=/\xff\n\n", "F", "CBackupStart\n"],
      "K\x07\0\0\0\x03\0\0\0\x02",
      "CEND\n",
      "T",
    ]);
  });
});

describe("a backend that does not", () => {
  test.each<[string, () => PullOptions, string, RegExp]>([
    [
      "is missing",
      () => ({ ...script(READY), command: [join(scratch, "none")] }),
      "HPC_BACKEND_START",
      /none does not exist/,
    ],
    [
      "is not executable",
      () => ({ ...script(READY), command: [join(scratch, "backend-0.cjs")] }),
      "HPC_BACKEND_START",
      /is not executable/,
    ],
    [
      "says something else",
      () => script((writer) => writer.command("Hello Bacula")),
      "HPC_DIALECT",
      /does not answer/,
    ],
    [
      "sends garbage",
      () => script(READY, "process.stdout.write('Segmentation fault\\n')"),
      "HPC_FRAME",
      /not a frame/,
    ],
    [
      "ends at once",
      () => script(() => undefined, "console.error('no such\\nmodule'); process.exit(7)"),
      "HPC_BACKEND_DIED",
      /exit code 7 \(no such; module\)/,
    ],
    [
      "dies in mid file",
      () =>
        script((writer) => {
          READY(writer);
          entry(writer);
          writer.data(Buffer.from("he"));
        }, "process.kill(process.pid, 'SIGKILL')"),
      "HPC_BACKEND_DIED",
      /was killed by SIGKILL/,
    ],
    [
      "is cut off in mid frame",
      () =>
        script((writer) => {
          READY(writer);
          writer.dataHeader(50);
        }, "process.exit(0)"),
      "HPC_BACKEND_DIED",
      /exit code 0/,
    ],
    [
      "is silent",
      () => ({ ...script(READY, "setInterval(() => {}, 1000)"), stallMs: 300 }),
      "HPC_BACKEND_SILENT",
      /silent for 0.3 seconds/,
    ],
    [
      "refuses the parameters",
      () =>
        script((writer) => {
          HELLO(writer);
          writer.signal("F");
          writer.message("abort", 'unknown key "pth"');
        }),
      "HPC_BACKEND_REFUSED",
      /gave up: unknown key "pth"/,
    ],
    [
      "sends data without an entry",
      () =>
        script((writer) => {
          READY(writer);
          writer.data(FILE);
        }),
      "HPC_UNEXPECTED_FRAME",
      /D frame/,
    ],
    [
      "sends an entry within another's data",
      () =>
        script((writer) => {
          READY(writer);
          entry(writer);
          entry(writer);
        }),
      "HPC_UNEXPECTED_FRAME",
      /M frame/,
    ],
    [
      "announces more data than came",
      () =>
        script((writer) => {
          READY(writer);
          entry(writer);
          writer.dataEnd(5, 0);
        }),
      "HPC_COUNT_MISMATCH",
      /5 bytes .* 0 came/,
    ],
    [
      "announces more entries than came",
      () =>
        script((writer) => {
          READY(writer);
          end(writer, 1);
        }),
      "HPC_COUNT_MISMATCH",
      /sent 1 entries, 0 came/,
    ],
    [
      "loses an entry in its sums",
      () =>
        script((writer) => {
          READY(writer);
          writer.frame("U", encodeAccounting({ scanned: 1 }));
          writer.signal("F");
        }),
      "HPC_COUNT_MISMATCH",
      /do not add up/,
    ],
    [
      "gives no account",
      () =>
        script((writer) => {
          READY(writer);
          writer.signal("F");
        }),
      "HPC_COUNT_MISMATCH",
      /without its account/,
    ],
    [
      "fails after everything went well",
      () =>
        script((writer) => {
          READY(writer);
          end(writer, 0);
        }, "process.stdin.on('end', () => process.exit(70)).resume();"),
      "HPC_BACKEND_DIED",
      /exit code 70/,
    ],
  ])("%s", async (_what, options, code, message) => {
    const given = options();
    const puller = new FilePuller(given);
    const pulled = (async () => {
      for await (const file of puller)
        for await (const piece of file.data) expect(piece.length).toBeGreaterThan(0);
    })();
    await expect(pulled).rejects.toEqual(refusal(code, message));
    if (puller.pid !== 0) expect(isGone(puller.pid)).toBe(true);
  });

  test("cancel ends it, also one that ignores SIGTERM", async () => {
    const cancel = new AbortController();
    const options = script(
      (writer) => {
        READY(writer);
        entry(writer);
      },
      "",
      "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)",
    );
    const puller = new FilePuller({ ...options, signal: cancel.signal });
    const pulled = (async () => {
      for await (const file of puller) {
        cancel.abort();
        for await (const piece of file.data) expect(piece).toBe(undefined);
      }
    })();
    await expect(pulled).rejects.toEqual(refusal("HPC_PULL_CANCELLED", /cancelled/));
    expect(isGone(puller.pid)).toBe(true);
  });
});

describe("a first greeting", () => {
  test("of a backend that is well", async () => {
    const { command } = script(HELLO);
    await greetBackend({ backend: command[1] ?? "", node: process.execPath });
  });

  test("of one that inherits nothing that could choose its code", async () => {
    const seen = join(scratch, "environment");
    const { command } = script(
      HELLO,
      `require('fs').writeFileSync(${JSON.stringify(seen)}, JSON.stringify(process.env)); ${UNTIL_TERMINATED}`,
    );
    const before = { ...process.env };
    Object.assign(process.env, {
      NODE_OPTIONS: "--no-warnings",
      LD_HPC_TEST: "1",
      PODHEITOR_HPC_STATE_DIR: "/s",
      BASH_ENV: "/x",
    });
    try {
      await greetBackend({ backend: command[1] ?? "", node: process.execPath });
    } finally {
      process.env = before;
    }
    expect(existsSync(seen)).toBe(true);
    const names = Object.keys(JSON.parse(readFileSync(seen, "utf8")) as object);
    expect(names).toContain("PODHEITOR_HPC_STATE_DIR");
    expect(names.filter((name) => /^(NODE_|LD_|BASH)/.test(name))).toEqual([]);
  });
});
