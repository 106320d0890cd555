import { Dir, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, jest, test } from "@jest/globals";
import { EIO } from "../system-error";
import { Listing } from "./listing";

const dir = mkdtempSync(join(tmpdir(), "hpc-listing-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test("names that were read before an error are not lost", () => {
  for (const name of ["a", "b", "c", "d"]) writeFileSync(join(dir, name), "");
  const listing = new Listing(Buffer.from(dir), 1n);
  const real = Dir.prototype.readSync;
  let reads = 0;
  // A disk that fails in the middle of a directory.
  const read = jest.spyOn(Dir.prototype, "readSync").mockImplementation(function (this: Dir) {
    if (++reads > 3) throw Object.assign(new Error("planted"), { errno: -EIO, syscall: "scandir" });
    return real.call(this);
  });
  const names: Buffer[] = [];
  try {
    expect(() => listing.read(names, 10, () => undefined)).toThrow("planted");
  } finally {
    read.mockRestore();
    listing.close();
  }
  expect(names.map(String).every((name) => ["a", "b", "c", "d"].includes(name))).toBe(true);
  expect(names.length).toBe(3);
});
