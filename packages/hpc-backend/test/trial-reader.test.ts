import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { JobLog } from "@podheitor/hpc-archive";
import { decodeEntry, FrameDecoder } from "@podheitor/hpc-ptcomm";
import { Emitter } from "../src/emit/emitter";
import { Hpc1Sink } from "../src/emit/hpc1-sink";
import { CONTENT_DRIVERS } from "../src/entry/content-drivers";
import { runBackup } from "../src/job/backup-job";
import { Tally } from "../src/job/tally";
import { parseParams } from "../src/params/params";
import { trialReader } from "./trial-reader";

const scratch = mkdtempSync(join(tmpdir(), "hpc-reader-"));
afterAll(() => rmSync(scratch, { recursive: true }));

test("a reader of a reader's own reads what it can; its layout travels in the record", async () => {
  const large = Buffer.alloc(300_000, "large");
  writeFileSync(join(scratch, "large"), large);
  writeFileSync(join(scratch, "other"), Buffer.alloc(100_000, "o"));
  const decoder = new FrameDecoder();
  const layouts: Record<string, number> = {};
  const blocks: Record<string, Buffer[]> = {};
  let name = "";
  const emitter = new Emitter({
    write: async (bytes) => {
      decoder.push(Buffer.from(bytes));
      for (let frame = decoder.next(); frame; frame = decoder.next()) {
        if (frame.status === "M") {
          const entry = decodeEntry(frame.payload);
          name = entry.name.toString().slice(scratch.length);
          layouts[name] = entry.layout;
          blocks[name] = [];
        } else if (frame.status === "D") blocks[name]?.push(Buffer.from(frame.payload));
      }
    },
  });
  await runBackup({
    params: parseParams([["path", Buffer.from(scratch)]]),
    since: undefined,
    ask: undefined,
    content: true,
    sink: new Hpc1Sink(emitter, { digests: false }),
    sums: new Tally(),
    messages: new JobLog(() => undefined),
    signal: undefined,
    contentDrivers: [trialReader, ...CONTENT_DRIVERS],
  });
  await emitter.finish();
  emitter.close();
  expect(layouts).toEqual({ "": 0, "/large": 7, "/other": 0 });
  expect(Buffer.concat(blocks["/large"] ?? [])).toEqual(large);
  expect(blocks["/large"]?.map(({ length }) => length)).toEqual([
    65536, 65536, 65536, 65536, 37856,
  ]);
  expect(blocks["/other"]).toHaveLength(1);
});
