import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, jest, test } from "@jest/globals";

const dir = mkdtempSync(join(tmpdir(), "hpc-failure-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test("when a worker cannot be started, those that run already are ended", async () => {
  const { openWorkersScanner } = require("./workers-scanner") as typeof import("./workers-scanner");
  const threads = () => readdirSync("/proc/self/task").length;
  const plain = {
    trustedTree: true,
    paths: [Buffer.from("/usr")],
    threads: 3,
    inlineBytes: 0,
    keepOlder: false,
    serialDirectories: false,
  };
  const ring = { ringEntries: 1, ringBytes: 1 };
  await openWorkersScanner({ ...plain, ...ring }).close(); // Node itself keeps a thread from the first worker on
  const before = threads();
  let asked = 0;
  const options = {
    ...plain,
    ...ring,
    // The third worker is given what cannot be sent to it.
    get serialDirectories() {
      return ++asked > 3 ? ((() => true) as unknown as boolean) : false;
    },
  };
  expect(() => openWorkersScanner(options)).toThrow(
    expect.objectContaining({ code: "HPC_SCAN_ENGINE" }),
  );
  expect(asked).toBe(4);
  const end = performance.now() + 3000;
  while (threads() > before && performance.now() < end) await new Promise(setImmediate);
  expect(threads()).toBeLessThanOrEqual(before);
});

test("a worker that fails ends the scan with the reason", async () => {
  const file = join(dir, "worker.js");
  writeFileSync(file, 'throw new Error("planted");');
  // No option makes a worker fail, so another program runs in it.
  jest.resetModules();
  jest.doMock("./worker-file", () => ({ workerFile: () => file }));
  const { openWorkersScanner } = require("./workers-scanner") as typeof import("./workers-scanner");
  const how = {
    inlineBytes: 0,
    keepOlder: false,
    serialDirectories: false,
    ringEntries: 64,
    ringBytes: 1 << 20,
  };
  const scanner = openWorkersScanner({
    trustedTree: true,
    paths: [Buffer.from(dir)],
    threads: 2,
    ...how,
  });
  await expect(scanner.next()).rejects.toMatchObject({
    code: "HPC_SCAN_ENGINE",
    message: expect.stringContaining("planted"),
  });
  await scanner.close();
});
