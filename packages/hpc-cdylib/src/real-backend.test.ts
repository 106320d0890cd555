import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { HpcError } from "@podheitor/hpc-base";
import { builtBackend } from "./locate";
import { FilePuller, greetBackend } from "./puller";

/* FilePuller and the bundled backend, as the plugin would drive it. */

jest.setTimeout(60_000);

const ROOT = join(__dirname, "../../..");
let scratch: string;
let tree: string;
let backend: string;

beforeAll(() => {
  backend = bundledBackend();
  scratch = mkdtempSync(join(tmpdir(), "hpc-real-"));
  tree = join(scratch, "tree");
  mkdirSync(join(tree, "d"), { recursive: true });
  writeFileSync(join(tree, "large"), Buffer.alloc(2_500_000, "x"));
  writeFileSync(join(tree, "d/small"), "small");
  writeFileSync(join(tree, "none"), "");
  symlinkSync("small", join(tree, "d/link"));
  writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xff, 0x0a])]), "odd");
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** The backend's bundle, made now if it is not there. */
function bundledBackend(): string {
  try {
    return builtBackend();
  } catch (error) {
    if (!(error instanceof HpcError)) throw error;
    for (const folder of ["scan", "restore"])
      execFileSync("make", ["-s", "-C", join(ROOT, "shim-c", folder)]);
    execFileSync(process.execPath, [join(ROOT, "scripts/bundle.mjs"), "hpc-backend"]);
    return builtBackend();
  }
}

const puller = (over: Partial<ConstructorParameters<typeof FilePuller>[0]> = {}) =>
  new FilePuller({
    command: [process.execPath, backend],
    params: [["path", Buffer.from(tree)]],
    ...over,
  });

/** Names with the digest of what came as their data. */
async function pulled(from: FilePuller): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { entry, data } of from) {
    const hash = createHash("sha256");
    for await (const piece of data) hash.update(piece);
    found.set(entry.name.toString("latin1"), hash.digest("hex"));
  }
  return found;
}

describe("the real backend", () => {
  test("sends every name that find sees, with its bytes", async () => {
    const one = puller();
    const found = await pulled(one);
    expect([...found.keys()].sort()).toEqual(
      execFileSync("find", [tree, "-print0"]).toString("latin1").split("\0").slice(0, -1).sort(),
    );
    for (const name of ["large", "d/small", "none"])
      expect(found.get(join(tree, name))).toBe(
        createHash("sha256")
          .update(readFileSync(join(tree, name)))
          .digest("hex"),
      );
    expect(one.accounting).toMatchObject({
      emitted: 7,
      files: 4,
      directories: 2,
      symlinks: 1,
      bytes: 2_500_008,
      failed: 0,
    });
  });

  test("shards are disjoint and together the tree", async () => {
    const shards = await Promise.all(
      ["0/2", "1/2"].map((shard) =>
        pulled(
          puller({
            params: [
              ["path", Buffer.from(tree)],
              ["shard", Buffer.from(shard)],
            ],
          }),
        ),
      ),
    );
    const names = shards.flatMap((found) => [...found.keys()]);
    expect(names).toHaveLength(7);
    expect(new Set(names).size).toBe(7);
  });

  test("an estimate has no data", async () => {
    const one = puller({ job: { estimate: true } });
    const empty = createHash("sha256").digest("hex");
    expect(new Set((await pulled(one)).values())).toEqual(new Set([empty]));
    expect(one.accounting.emitted).toBe(7);
  });

  test("an accurate incremental asks before it sends what is old", async () => {
    const asked: string[] = [];
    const since = BigInt(Math.floor(Date.now() / 1000) + 3600);
    const found = await pulled(
      puller({
        job: { level: "I", since, accurate: true },
        wanted: ({ name }) => {
          asked.push(name.toString("latin1"));
          return name.toString().endsWith("/small");
        },
      }),
    );
    expect(asked).toHaveLength(7);
    expect([...found.keys()]).toEqual([join(tree, "d/small")]);
    expect(found.get(join(tree, "d/small"))).toBe(
      createHash("sha256").update("small").digest("hex"),
    );
  });

  test("refuses a key that it does not know, naming it", async () => {
    await expect(pulled(puller({ params: [["pth", Buffer.from(tree)]] }))).rejects.toMatchObject({
      code: "HPC_BACKEND_REFUSED",
      message: expect.stringContaining("pth"),
    });
  });

  test("killed in mid file is a clear error", async () => {
    const one = puller({ params: [["path", Buffer.from("/usr")]] });
    await expect(
      (async () => {
        for await (const { data } of one) {
          process.kill(one.pid, "SIGKILL");
          for await (const piece of data) expect(piece.length).toBeGreaterThan(0);
        }
      })(),
    ).rejects.toMatchObject({
      code: "HPC_BACKEND_DIED",
      message: expect.stringContaining("was killed by SIGKILL"),
    });
  });

  test("cancelled while it scans, it ends", async () => {
    const cancel = new AbortController();
    const one = puller({ params: [["path", Buffer.from("/usr")]], signal: cancel.signal });
    let entries = 0;
    await expect(
      (async () => {
        for await (const { entry } of one) if (entry.nlink > 0 && ++entries === 100) cancel.abort();
      })(),
    ).rejects.toMatchObject({ code: "HPC_PULL_CANCELLED" });
    expect(() => process.kill(one.pid, 0)).toThrow("ESRCH");
  });

  test("answers a greeting", async () => {
    await greetBackend({ backend, node: process.execPath });
  });
});
