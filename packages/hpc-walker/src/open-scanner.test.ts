import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type CreateScannerOptions, createScanner, type Fallback } from "./open-scanner";
import { openWorkersScanner } from "./workers-scanner";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "hpc-open-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function options(more: Partial<CreateScannerOptions>): CreateScannerOptions {
  const plain = {
    threads: 2,
    inlineBytes: 0,
    keepOlder: false,
    serialDirectories: false,
    ringEntries: 64,
    ringBytes: 1 << 20,
  };
  return { engine: "auto", trustedTree: true, paths: [Buffer.from(dir)], ...plain, ...more };
}

async function run(more: Partial<CreateScannerOptions>) {
  const told: Fallback[] = [];
  const scanner = createScanner(
    options({ ...more, onFallback: (fallback) => told.push(fallback) }),
  );
  while (await scanner.next());
  await scanner.close();
  return { engine: scanner.engine, told, handedOut: scanner.stats().handedOut };
}

describe("createScanner", () => {
  test("takes the native engine when it is there, and says nothing", async () => {
    expect(await run({})).toEqual({ engine: "native", told: [], handedOut: 1 });
  });

  test("falls back when the library is missing, and says why, what to do, and what is different", async () => {
    const { engine, told, handedOut } = await run({
      nativeLibrary: ["/nonexistent/libhpcscan.so"],
    });
    expect([engine, handedOut, told.length]).toEqual(["workers", 1, 1]);
    expect(told[0]?.reason).toContain("/nonexistent/libhpcscan.so");
    expect(told[0]?.remedy).toContain("npm run build");
    expect(told[0]?.consequence).toContain("4,095 bytes");
  });

  test("a broken library is a reason too, named as what it is", async () => {
    const broken = join(dir, "libhpcscan.so");
    writeFileSync(broken, "junk");
    const { engine, told } = await run({ nativeLibrary: [broken] });
    rmSync(broken);
    expect(engine).toBe("workers");
    expect(told[0]?.reason).toContain(`${broken} cannot be used`);
  });

  test("does what it is told: workers silently, native or an error", async () => {
    expect(await run({ engine: "workers" })).toEqual({ engine: "workers", told: [], handedOut: 1 });
    const missing = options({ engine: "native", nativeLibrary: ["/nonexistent/libhpcscan.so"] });
    expect(() => createScanner(missing)).toThrow(
      expect.objectContaining({ code: "HPC_NATIVE_MISSING" }),
    );
  });

  test("says that the TypeScript engine reads no attributes, when it was asked for both", async () => {
    const { engine, told } = await run({ engine: "workers", xattrs: true });
    expect([engine, told.length]).toEqual(["workers", 1]);
    expect(told[0]?.consequence).toContain(
      "extended attributes, ACLs, inode flags and holes are not read",
    );
    expect((await run({ engine: "native", xattrs: true })).told).toEqual([]);
  });

  (process.geteuid?.() === 0 ? test : test.skip)(
    "root gets no TypeScript engine, asked for or not, unless the tree is trusted",
    () => {
      const own = { trustedTree: false, nativeLibrary: ["/nonexistent/libhpcscan.so"] };
      const refused = expect.objectContaining({ code: "HPC_ENGINE_REFUSED" });
      expect(() => createScanner(options({ ...own, engine: "workers" }))).toThrow(refused);
      const { engine: _, ...plain } = options(own);
      expect(() => openWorkersScanner(plain)).toThrow(refused);
      const missing = expect.objectContaining({ code: "HPC_NATIVE_MISSING" });
      expect(() => createScanner(options(own))).toThrow(missing);
    },
  );

  test("bad options are no reason to fall back", () => {
    const told: Fallback[] = [];
    const bad = options({ threads: 0, onFallback: (fallback) => told.push(fallback) });
    expect(() => createScanner(bad)).toThrow(expect.objectContaining({ code: "HPC_SCAN_OPTIONS" }));
    expect(told).toEqual([]);
  });
});
