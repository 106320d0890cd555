import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { decodeAccounting, decodeEntry, type Frame, FrameDecoder } from "@podheitor/hpc-ptcomm";
import { Emitter } from "../src/emit/emitter";
import { backupToStream } from "../src/job/backup-stream";
import { parseParams } from "../src/params/params";
import { TestPlugin } from "./plugin";
import { trialSource } from "./trial-source";

const scratch = mkdtempSync(join(tmpdir(), "hpc-source-"));
const root = Buffer.from(scratch);
afterAll(() => rmSync(scratch, { recursive: true }));

describe("a source of a reader's own", () => {
  const job = (emitter: Emitter, order: string[]) => ({
    params: parseParams([["path", root]]),
    emitter,
    signal: new AbortController().signal,
    openSource: () => trialSource(root, (position) => order.push(`committed ${position}`)),
  });

  test("its entries and deleted names are sent, its position is committed last", async () => {
    const order: string[] = [];
    const decoder = new FrameDecoder();
    const frames: Frame[] = [];
    const emitter = new Emitter({
      write: async (bytes) => {
        decoder.push(Buffer.from(bytes));
        for (let frame = decoder.next(); frame; frame = decoder.next()) {
          order.push(frame.status);
          frames.push({ status: frame.status, payload: Buffer.from(frame.payload) });
        }
      },
    });
    await backupToStream(job(emitter, order));
    emitter.close();
    expect(order).toEqual(["M", "G", "U", "F", "committed 42"]);
    const [entry, gone, sums] = frames.map(({ payload }) => payload) as [Buffer, Buffer, Buffer];
    expect(decodeEntry(entry).name.toString()).toBe(`${scratch}/new`);
    expect(gone).toEqual(Buffer.from(`${scratch}/gone\n\xff`, "latin1"));
    expect(decodeAccounting(sums)).toMatchObject({ scanned: 1, emitted: 1, files: 1 });
  });

  test("a receiver that is lost with the last bytes confirms nothing", async () => {
    const order: string[] = [];
    const emitter = new Emitter({ write: () => Promise.reject(new Error("gone")) });
    await expect(backupToStream(job(emitter, order))).rejects.toThrow("gone");
    emitter.close();
    expect(order).toEqual([]);
  });
});

describe("a shard's job over the pipe", () => {
  const record = async (last: "END" | "the end of input"): Promise<unknown> => {
    const tree = mkdtempSync(join(scratch, "tree-"));
    const state = mkdtempSync(join(scratch, "state-"));
    mkdirSync(join(tree, "d"));
    for (let i = 0; i < 20; i++) writeFileSync(join(tree, "d", `f${i}`), "x");
    const plugin = new TestPlugin(["backup"], { PODHEITOR_HPC_STATE_DIR: state });
    await plugin.configure({ Level: "F" }, [`path=${tree}`, "shard=0/2"]);
    await plugin.start("BackupStart");
    expect((await plugin.rest()).at(-1)?.status).toBe("F");
    if (last === "END") await plugin.finish();
    else {
      plugin.child.stdin?.end();
      await plugin.rest();
    }
    const sets = join(state, "shard-sets");
    const set = join(sets, readdirSync(sets)[0] ?? "");
    return JSON.parse(readFileSync(join(set, readdirSync(set)[0] ?? ""), "utf8"));
  };

  test("is complete once the plugin has said END", async () => {
    expect(await record("END")).toHaveProperty("completed");
  });

  test("is none when the plugin is lost after the last entry", async () => {
    expect(await record("the end of input")).not.toHaveProperty("completed");
  });
});
