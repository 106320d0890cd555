import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { openNativeScanner } from "./native-scanner";

const top = mkdtempSync(join(tmpdir(), "hpc-control-"));
const FILES = 300;

beforeAll(() => {
  for (let d = 0; d < 3; d++) {
    mkdirSync(join(top, String(d)));
    for (let f = 0; f < FILES / 3; f++) writeFileSync(join(top, String(d), String(f)), "");
  }
});
afterAll(() => rmSync(top, { recursive: true }));

const scan = (metadataOps?: number) =>
  openNativeScanner({
    paths: [top],
    threads: 4,
    inlineBytes: 0,
    keepOlder: false,
    serialDirectories: false,
    ringEntries: 1024,
    ringBytes: 2 ** 20,
    ...(metadataOps !== undefined && { metadataOps }),
  });

test("a scan that pauses stands still, can be stopped, and goes on when it may", async () => {
  const scanner = scan(1);
  scanner.control({ paused: true });
  const first = scanner.next();
  await new Promise((resolve) => setTimeout(resolve, 100));
  const { scanned } = scanner.stats();
  scanner.control({ threads: 2 }); // it pauses all the same
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(scanner.stats().scanned).toBe(scanned);
  expect(scanner.stats().threadsNow).toBe(2);
  scanner.control({ paused: false, metadataOps: 0, threads: 0 });
  for (let batch = await first; batch !== undefined; batch = await scanner.next());
  const { handedOut, waits, threadsNow } = scanner.stats();
  expect(handedOut).toBe(1 + 3 + FILES);
  expect(threadsNow).toBe(4);
  // Nearly all of its time it was kept: by the rate or the pause.
  expect(waits?.waitedMs).toBeGreaterThan(150);
  expect(waits?.throttledMs).toBeGreaterThan((waits?.waitedMs ?? 0) / 2);
  await scanner.close();
  scanner.control({ paused: true }); // too late, and no harm

  const paused = scan();
  paused.control({ paused: true });
  const pending = paused.next();
  paused.stop();
  await expect(pending).rejects.toMatchObject({ code: "HPC_SCAN_STOPPED" });
  await paused.close();
});

test("what is out of its bounds is refused, and changes nothing", async () => {
  const scanner = scan(5);
  for (const change of [{ threads: 513 }, { threads: -1 }, { metadataOps: -1 }])
    expect(() => scanner.control(change)).toThrow(
      expect.objectContaining({ code: "HPC_SCAN_OPTIONS" }),
    );
  scanner.control({});
  await scanner.close();
});
