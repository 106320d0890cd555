import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { listing } from "./listing";
import { hpc1Backend, hpc1Plugin } from "./samples";

/**
 * The bytes of the protocol as they were when they were written down. A difference is a change of
 * the protocol: other releases and existing archives will not agree. Meant that way, delete the
 * files, run this with UPDATE_GOLDEN=1, read the listings.
 */
const DATA = join(__dirname, "..", "testdata");
const { UPDATE_GOLDEN } = process.env;
const STREAMS = [
  ["hpc1-backend", "backend", hpc1Backend],
  ["hpc1-plugin", "plugin", hpc1Plugin],
] as const;

/**
 * Written by older releases: no encoder makes these bytes any more, and every decoder reads them
 * for ever.
 */
test.each([
  ["hpc1-backend-20-counters", "backend"],
  ["hpc1-backend-24-counters", "backend"],
] as const)("%s is still read", (name, sender) => {
  expect(listing(readFileSync(join(DATA, `${name}.bin`)), sender)).toBe(
    readFileSync(join(DATA, `${name}.txt`), "utf8"),
  );
});

describe.each(STREAMS)("%s", (name, sender, make) => {
  const bin = join(DATA, `${name}.bin`);
  const txt = join(DATA, `${name}.txt`);
  if (UPDATE_GOLDEN && !existsSync(bin)) {
    mkdirSync(DATA, { recursive: true });
    writeFileSync(bin, make());
    writeFileSync(txt, listing(make(), sender));
  }

  test("the encoders still write these bytes", () => {
    expect(make().equals(readFileSync(bin))).toBe(true);
  });
  test("the decoders still read this from them", () => {
    expect(listing(readFileSync(bin), sender)).toBe(readFileSync(txt, "utf8"));
  });
});
