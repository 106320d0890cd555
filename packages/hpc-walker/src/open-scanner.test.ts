import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { RecordType } from "@podheitor/hpc-wire";
import { createScanner } from "./open-scanner";
import { RecordCursor } from "./records/record";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "hpc-open-"));
  for (let i = 0; i < 1000; i++) writeFileSync(join(dir, `f${i}`), "");
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const threads = () => readdirSync("/proc/self/task").length;
const code = (text: string) => expect.objectContaining({ code: text });

describe("createScanner()", () => {
  test("needs nothing but paths, as text or as bytes, and is read by for await", async () => {
    for (const path of [dir, Buffer.from(dir)]) {
      const scanner = createScanner({ paths: [path] });
      const record = new RecordCursor();
      const names: string[] = [];
      for await (const batch of scanner)
        for (record.reset(batch.bytes); record.next(); )
          if (record.type === RecordType.ENTRY) names.push(record.name.toString());
      expect(new Set(names).size).toBe(1001);
      expect(scanner.stats()).toMatchObject({ scanned: 1001, handedOut: 1001, contentBytes: 0 });
      expect(scanner.capabilities).toMatchObject({ threads: 512, longPaths: true, refuses: [] });
    }
  });

  test("for await closes the scan after a break, too", async () => {
    const before = threads();
    const scanner = createScanner({ paths: ["/usr"], threads: 8, ringEntries: 8 });
    for await (const _ of scanner) break;
    expect(threads()).toBeLessThanOrEqual(before);
    await expect(scanner.next()).rejects.toMatchObject({ code: "HPC_SCAN_STOPPED" });
  });

  test("a signal stops the scan; one that has fired already starts none", async () => {
    const control = new AbortController();
    const scanner = createScanner({ paths: ["/usr"], ringEntries: 8, signal: control.signal });
    const read = async () => {
      for await (const _ of scanner) control.abort();
    };
    await expect(read()).rejects.toMatchObject({ code: "HPC_SCAN_STOPPED" });
    expect(() => createScanner({ paths: [dir], signal: control.signal })).toThrow(
      control.signal.reason as Error,
    );
  });

  test("a library that is missing, or broken, is one error that names it and the remedy", () => {
    const nowhere = { paths: [dir], nativeLibrary: ["/nonexistent/libhpcscan.so"] };
    expect(() => createScanner(nowhere)).toThrow(
      expect.objectContaining({
        code: "HPC_NATIVE_MISSING",
        message: expect.stringContaining("/nonexistent/libhpcscan.so"),
        remedy: expect.stringContaining("npm run build"),
      }),
    );
    const broken = join(dir, "libhpcscan.so");
    writeFileSync(broken, "junk");
    expect(() => createScanner({ paths: [dir], nativeLibrary: [broken] })).toThrow(
      expect.objectContaining({
        code: "HPC_NATIVE_BROKEN",
        message: expect.stringContaining(`${broken} cannot be used`),
      }),
    );
    rmSync(broken);
  });

  test("the workers engine needs no library, and refuses what it cannot keep", async () => {
    const how = { engine: "workers", trustedTree: true, paths: [dir] } as const;
    const scanner = createScanner({ ...how, nativeLibrary: ["/nonexistent"], whole: [] });
    for await (const _ of scanner);
    expect(scanner.stats().handedOut).toBe(1001);
    expect(scanner.capabilities).toMatchObject({ longPaths: false, pinsDirectories: false });
    for (const option of scanner.capabilities.refuses)
      expect(() => createScanner({ ...how, [option]: ["on"] })).toThrow(
        expect.objectContaining({
          code: "HPC_SCAN_OPTIONS",
          message: expect.stringContaining(option),
        }),
      );
  });

  (process.geteuid?.() === 0 ? test : test.skip)(
    "root gets no workers engine unless the tree is trusted",
    () => {
      const refused = code("HPC_ENGINE_REFUSED");
      expect(() => createScanner({ engine: "workers", paths: [dir] })).toThrow(refused);
    },
  );
});
