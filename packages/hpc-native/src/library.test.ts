import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { errnoName, errnoText, HpcError } from "@podheitor/hpc-base";
import { buildSync } from "esbuild";
import { openLibrary } from "./library";

const SOURCE = `
#include <stdint.h>
#include <string.h>
int64_t t_abi(void) { return 7; }
int64_t t_same(int64_t v) { return v; }
int64_t t_fill(uint8_t *p, int64_t n, int64_t byte) { memset(p, (int)byte, n); return n; }
int64_t t_fail(int64_t e) { return -e; }
`;

let dir: string;
let lib: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "hpc-native-"));
  lib = join(dir, "libt.so");
  writeFileSync(join(dir, "t.c"), SOURCE);
  execFileSync("cc", ["-shared", "-fPIC", "-o", lib, join(dir, "t.c")]);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function failure(act: () => unknown): HpcError {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(HpcError);
    return error as HpcError;
  }
  throw new Error("did not fail");
}

describe("openLibrary", () => {
  test("takes the first candidate that exists, and gives the same object again", () => {
    const first = openLibrary("t", ["/nonexistent/libt.so", "libhpc-nonexistent.so.1", lib], {
      symbol: "t_abi",
      version: 7,
    });
    expect(first.path).toBe(lib);
    expect(openLibrary("t", [lib])).toBe(first);
  });

  test("names what was tried, and the remedy, when nothing is there", () => {
    const error = failure(() =>
      openLibrary("t", ["/nonexistent/libt.so", "libhpc-nonexistent.so.1"]),
    );
    expect(error.code).toBe("HPC_NATIVE_MISSING");
    expect(error.message).toContain("/nonexistent/libt.so, libhpc-nonexistent.so.1");
    expect(error.remedy).toContain("npm run build");
  });

  test("a broken candidate is an error, not a reason to try the next", () => {
    const broken = join(dir, "broken.so");
    writeFileSync(broken, "this is no library");
    const error = failure(() => openLibrary("t", [broken, lib]));
    expect(error.code).toBe("HPC_NATIVE_BROKEN");
    expect(error.message).toContain(broken);
  });

  test("a candidate that misses a library of its own is broken, not absent", () => {
    const needed = join(dir, "libneeded.so");
    const needs = join(dir, "libneeds.so");
    const cc = (...args: string[]) =>
      execFileSync("cc", ["-shared", "-fPIC", ...args, join(dir, "t.c")]);
    cc("-Wl,-soname,libneeded.so", "-o", needed);
    cc("-o", needs, "-Wl,--no-as-needed", `-L${dir}`, "-lneeded");
    rmSync(needed);
    const error = failure(() => openLibrary("t", [needs, lib]));
    expect(error.code).toBe("HPC_NATIVE_BROKEN");
    expect(error.message).toContain("libneeded.so");
  });

  test("refuses another version of the interface", () => {
    const error = failure(() => openLibrary("t", [lib], { symbol: "t_abi", version: 8 }));
    expect(error.code).toBe("HPC_NATIVE_BROKEN");
    expect(error.message).toContain("says 7, wanted 8");
  });

  test("refuses to be used by a worker thread", async () => {
    const bundle = join(dir, "library.cjs");
    buildSync({
      entryPoints: [join(__dirname, "library.ts")],
      outfile: bundle,
      bundle: true,
      platform: "node",
      external: ["ffi-rs"],
    });
    const program = `
      const { parentPort } = require("node:worker_threads");
      try { require(${JSON.stringify(bundle)}).openLibrary("t", [${JSON.stringify(lib)}]); parentPort.postMessage("opened"); }
      catch (error) { parentPort.postMessage(error.code ?? error.message); }`;
    const worker = new Worker(program, { eval: true });
    const answer = await new Promise((resolve, reject) =>
      worker.once("message", resolve).once("error", reject),
    );
    await worker.terminate();
    expect(answer).toBe("HPC_NATIVE_THREAD");
  });
});

describe("bind", () => {
  test("numbers are exact to 2^53, bigints to 63 bits and sign", () => {
    const library = openLibrary("t", [lib]);
    const number = library.bind("t_same", ["i64"], "i64");
    const big = library.bind("t_same", ["bigint"], "bigint");
    for (const v of [0, -1, 2 ** 47, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER])
      expect(number(v)).toBe(v);
    for (const v of [0n, -1n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)]) expect(big(v)).toBe(v);
  });

  test("C writes into a Buffer, also into the middle of one", () => {
    const fill = openLibrary("t", [lib]).bind("t_fill", ["buffer", "i64", "i64"], "i64");
    const buffer = Buffer.alloc(8);
    expect(fill(buffer.subarray(2, 5), 3, 0xab)).toBe(3);
    expect(buffer.toString("hex")).toBe("0000ababab000000");
  });

  test("a status throws -errno by name; an i64 does not", () => {
    const library = openLibrary("t", [lib]);
    expect(library.bind("t_fail", ["i64"], "i64")(2)).toBe(-2);
    const error = failure(() => library.bind("t_fail", ["i64"], "status")(13));
    expect(error).toMatchObject({
      code: "HPC_NATIVE_CALL",
      errno: 13,

      message: "t_fail: EACCES",
    });
  });

  test("wrong arguments and missing symbols say what is wrong", () => {
    const library = openLibrary("t", [lib]);
    const same = library.bind("t_same", ["i64"], "i64") as (...values: unknown[]) => number;
    expect(() => same(1.5)).toThrow("argument 0 is not i64: 1.5");
    expect(() => same(2 ** 53)).toThrow("argument 0 is not i64");
    expect(() => same()).toThrow("takes 1 arguments");
    expect(failure(() => library.bind("t_absent", [], "i64")()).message).toContain("t_absent");
  });

  test("bindAsync calls in another thread, several at once, and rejects as bind throws", async () => {
    const library = openLibrary("t", [lib]);
    const fill = library.bindAsync("t_fill", ["buffer", "i64", "i64"], "i64");
    const buffers = Array.from({ length: 10 }, () => Buffer.alloc(1000));
    expect(await Promise.all(buffers.map((buffer, at) => fill(buffer, 1000, at)))).toEqual(
      buffers.map(() => 1000),
    );
    expect(buffers.every((buffer, at) => buffer.every((byte) => byte === at))).toBe(true);
    const fail = library.bindAsync("t_fail", ["i64"], "status")(13);
    await expect(fail).rejects.toMatchObject({ code: "HPC_NATIVE_CALL", errno: 13 });
    await expect(library.bindAsync("t_absent", [], "i64")()).rejects.toMatchObject({
      code: "HPC_NATIVE_BROKEN",
    });
  });

  test("errno names", () => {
    expect(errnoName(2)).toBe("ENOENT");
    expect(errnoName(4095)).toBe("errno 4095");
    // node:os does not name these
    expect([108, 112, 117, 121].map(errnoName)).toEqual([
      "ESHUTDOWN",
      "EHOSTDOWN",
      "EUCLEAN",
      "EREMOTEIO",
    ]);
    expect(errnoText(108)).toMatch(/^ESHUTDOWN \(.*`lfs mdts`/);
    expect(errnoText(13)).toBe("EACCES");
  });
});
