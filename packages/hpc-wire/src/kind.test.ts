import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { countsOf, EntryKind, isDevice, kindOfMode, modeType, S_IFMT, SCAN_STATS } from "./index";

describe("kinds", () => {
  test("are what st_mode says, whatever its other bits", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(EntryKind)),
        fc.integer({ min: 0, max: 0o7777 }),
        (kind, permissions) => {
          const mode = modeType(kind) | permissions;
          expect(kindOfMode(mode)).toBe(kind);
          expect(modeType(kind) & ~S_IFMT).toBe(0);
          expect(isDevice(mode)).toBe(kind === EntryKind.CHARDEV || kind === EntryKind.BLOCKDEV);
        },
      ),
    );
  });

  test("are unknown for type bits that Linux does not have", () => {
    for (const type of [0, 0o030000, 0o170000]) expect(kindOfMode(type | 0o644)).toBeUndefined();
  });
});

test("counts are read where their names say", () => {
  const bytes = Buffer.alloc(8 * Object.keys(SCAN_STATS).length);
  bytes.writeBigUInt64LE(7n, SCAN_STATS.scanned);
  bytes.writeBigUInt64LE(2n ** 40n, SCAN_STATS.threadsNow);
  expect(countsOf(SCAN_STATS, bytes)).toMatchObject({ scanned: 7, threadsNow: 2 ** 40, failed: 0 });
});
