import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { HpcError, readStamp, Spool, StateDir, StateLock, writeStamp } from "../src";

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-state-"));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const CHILD = [
  "--import",
  "tsx",
  "--conditions=@podheitor/source",
  join(__dirname, "crash-child.ts"),
];

const used = <T>(act: (dir: StateDir) => T): T => StateDir.within([scratch, "state"], true, act);
const codeOf = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    return error instanceof HpcError ? error.code : error;
  }
};

describe("a file", () => {
  test("comes back by the reader of its version, and only by that", () => {
    used((dir) => {
      dir.write("position", 2, { index: 7 });
      const readers = { 1: () => "old", 2: ({ index }: Record<string, unknown>) => index };
      expect(dir.readVersion("position", 100, readers)).toBe(7);
      dir.write("position", 1, {});
      expect(dir.readVersion("position", 100, readers)).toBe("old");
      expect(dir.readVersion("none", 100, readers)).toBeUndefined();
      dir.write("position", 3, {});
      expect(codeOf(() => dir.readVersion("position", 100, readers))).toBe("HPC_STATE_DAMAGED");
      dir.replace("position", Buffer.alloc(101));
      expect(codeOf(() => dir.read("position", 100))).toBe("HPC_STATE_DAMAGED");
      expect(dir.names()).toEqual(["position"]);
      dir.remove("position");
      dir.remove("position");
      expect(dir.names()).toEqual([]);
    });
  });

  test("is private, and drafts of the dead are swept away", () => {
    const state = join(scratch, "state");
    used((dir) => dir.replace("file", Buffer.from("x")));
    expect(statSync(state).mode & 0o777).toBe(0o700);
    expect(statSync(join(state, "file")).mode & 0o777).toBe(0o600);
    for (const name of [".file.1.draft", ".file.2.draft"]) writeFileSync(join(state, name), "");
    utimesSync(join(state, ".file.1.draft"), 1, 1);
    used(() => expect(readdirSync(state).sort()).toEqual([".file.2.draft", "file"]));
  });

  test("is the old or the new one, at whatever step its writer is killed", () => {
    const state = join(scratch, "state");
    const run = (at: string) =>
      spawnSync(process.execPath, [...CHILD, state, "replace", at], { encoding: "utf8" });
    used((dir) => dir.replace("file", Buffer.from("old")));
    const steps = Number(/^steps (\d+)$/m.exec(run("none").stdout)?.[1]);
    expect(steps).toBeGreaterThanOrEqual(5);
    const seen = new Set<string>();
    for (let at = 0; at < steps; at++) {
      used((dir) => dir.replace("file", Buffer.from("old")));
      expect(run(String(at)).signal).toBe("SIGKILL");
      const content = readFileSync(join(state, "file"), "latin1");
      seen.add(content === "old" || content === "n".repeat(100_000) ? content : "a mixture");
    }
    expect([...seen].map((content) => content.length).sort()).toEqual([100_000, 3]);
  }, 120_000);
});

describe("the directory", () => {
  test("is refused where others may write to it, or to one above it, and where it is a link", () => {
    const state = join(scratch, "state");
    mkdirSync(join(state, "inner"), { recursive: true, mode: 0o700 });
    const inner = () => codeOf(() => StateDir.within([state, "inner"], false, () => "good"));
    expect(inner()).toBe("good");
    for (const path of [state, join(state, "inner")]) {
      chmodSync(path, 0o770);
      expect(inner()).toBe("HPC_STATE_DIR");
      chmodSync(path, 0o700);
    }
    renameSync(join(state, "inner"), join(state, "other"));
    symlinkSync("other", join(state, "inner"));
    expect(String(inner())).toContain("ENOTDIR");
    expect(codeOf(() => StateDir.open("/proc/none", true))).toMatchObject({ code: "ENOENT" });
  });

  test("is the one that was opened, whatever takes its name", () => {
    used((dir) => {
      renameSync(join(scratch, "state"), join(scratch, "away"));
      mkdirSync(join(scratch, "state"));
      dir.replace("file", Buffer.from("x"));
      expect(existsSync(join(scratch, "away/file"))).toBe(true);
      expect(() => dir.read("../state", 1)).toThrow(RangeError);
    });
  });
});

describe("a lock", () => {
  async function holder(): Promise<ChildProcess> {
    const child = spawn(process.execPath, [...CHILD, join(scratch, "state"), "lock"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout as NodeJS.ReadableStream, "data");
    return child;
  }

  test("is held once, and free when it was released", () => {
    used((dir) => {
      const lock = StateLock.take(dir, "feed");
      expect(codeOf(() => StateLock.take(dir, "feed"))).toBe("HPC_STATE_LOCKED");
      StateLock.take(dir, "other").release();
      lock.release();
      StateLock.take(dir, "feed").release();
      expect(readdirSync(join(scratch, "state"))).toEqual([]);
    });
  });

  test("dies with its process", async () => {
    used(() => undefined);
    const child = await holder();
    used((dir) => {
      expect(() => StateLock.take(dir, "feed")).toThrow(`process ${child.pid} `);
    });
    child.kill("SIGKILL");
    await once(child, "close");
    used((dir) => StateLock.take(dir, "feed").release());
  }, 60_000);

  test("of another machine is never taken over, one of an earlier boot is", () => {
    used((dir) => {
      const file = join(scratch, "state/.feed.lock.1");
      StateLock.take(dir, "feed");
      const owner = JSON.parse(readFileSync(file, "utf8")) as object;
      for (const [facts, free] of [
        [{ machine: "far" }, false],
        [{ machine: "far", boot: "earlier" }, false],
        [{ namespace: "pid:[1]" }, false],
        [{ boot: "earlier" }, true],
        [{ start: "1" }, true],
      ] as const) {
        writeFileSync(file, JSON.stringify({ ...owner, ...facts }));
        const taken = codeOf(() => StateLock.take(dir, "feed").release());
        expect(taken).toBe(free ? undefined : "HPC_STATE_LOCKED");
      }
    });
  });
});

describe("a spool", () => {
  const records = (spool: Spool) => [...spool.records()].map(String);

  test("gives back what came, in order, also to the next process", () => {
    used((dir) => {
      const spool = new Spool(dir, "spool");
      const many = Array.from({ length: 300 }, (_, at) => `${at}`.padEnd(at * 17, "x"));
      for (const record of many) spool.append(Buffer.from(record));
      spool.sync();
      spool.append(Buffer.alloc(0));
      expect(records(spool)).toEqual([...many, ""]);
      spool.close();
      const again = new Spool(dir, "spool");
      again.append(Buffer.from("last"));
      expect(records(again)).toEqual([...many, "", "last"]);
      again.remove();
      expect(dir.names()).toEqual([]);
    });
  });

  test("loses what was cut off, at any byte, and nothing before it", () => {
    used((dir) => {
      const file = join(scratch, "state/spool");
      const spool = new Spool(dir, "spool");
      spool.append(Buffer.from("one"));
      spool.sync();
      const good = statSync(file).size;
      spool.append(Buffer.from("two"));
      spool.close();
      for (let size = statSync(file).size - 1; size >= good; size--) {
        truncateSync(file, size);
        appendFileSync(file, Buffer.alloc(3)); // as where a filesystem made room only
        const again = new Spool(dir, "spool");
        expect(records(again)).toEqual(["one"]);
        again.close();
        expect(statSync(file).size).toBe(good);
      }
    });
  });

  test("that changed within it is refused", () => {
    used((dir) => {
      const spool = new Spool(dir, "spool");
      for (let at = 0; at < 10; at++) spool.append(Buffer.alloc(200_000, at));
      spool.close();
      const file = join(scratch, "state/spool");
      const bytes = readFileSync(file);
      bytes[1000] = 1;
      writeFileSync(file, bytes);
      expect(codeOf(() => new Spool(dir, "spool"))).toBe("HPC_STATE_DAMAGED");
    });
  });
});

describe("a stamp", () => {
  const state = () => used((dir) => readStamp(dir).state);

  test("tells a directory that was copied or put back from the one that was stamped", () => {
    expect(state()).toBe("new");
    used(writeStamp);
    used(writeStamp);
    expect(used(readStamp)).toMatchObject({ state: "same", count: 2 });
    const { id } = used(readStamp);
    const path = join(scratch, "state");

    linkSync(join(path, "stamp.json"), join(scratch, "saved")); // its inode stays taken
    used(writeStamp);
    rmSync(join(path, "stamp.json"));
    copyFileSync(join(scratch, "saved"), join(path, "stamp.json"));
    expect(state()).toBe("rolled back");

    used(writeStamp);
    expect(used(readStamp)).toMatchObject({ state: "same", count: 1 });
    expect(used(readStamp).id).not.toBe(id);
    cpSync(path, join(scratch, "copy"), { recursive: true, preserveTimestamps: true });
    renameSync(path, join(scratch, "away"));
    renameSync(join(scratch, "copy"), path);
    expect(state()).toBe("moved");
    used(writeStamp);
    expect(state()).toBe("same");
  });

  test("whose inode came back, but not its time, was put back", () => {
    used(writeStamp);
    const file = join(scratch, "state/stamp.json");
    const written = JSON.parse(readFileSync(file, "utf8")) as { made: string };
    const made = String(BigInt(written.made) - 120_000_000_000n);
    writeFileSync(file, JSON.stringify({ ...written, made })); // the same inode
    expect(state()).toBe("rolled back");
  });
});
