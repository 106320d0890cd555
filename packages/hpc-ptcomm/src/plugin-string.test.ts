import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatPluginString, parsePluginString } from "./plugin-string";

const key = fc.stringMatching(/^[a-z][a-z0-9_-]{0,12}$/);
const value = fc.uint8Array({ min: 1, maxLength: 20 }).map((bytes) => Buffer.from(bytes));

describe("plugin string", () => {
  test("any pairs come back as they were", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(key, value), { maxLength: 6 }), (pairs) => {
        expect(parsePluginString(formatPluginString("podheitor-hpc", pairs))).toEqual(pairs);
      }),
      { numRuns: 1000 },
    );
  });
  test("quotes only where they are needed", () => {
    const pairs = [
      ["path", Buffer.from("/a b")],
      ["path", Buffer.from('/c;"\\')],
    ] as const;
    expect(formatPluginString("podheitor-hpc", pairs).toString()).toBe(
      'podheitor-hpc:path=/a b;path="/c;\\"\\\\"',
    );
  });
  test("what no string can say is refused", () => {
    expect(() => formatPluginString("p", [["a b", Buffer.from("x")]])).toThrow("is no key");
    expect(() => formatPluginString("p", [["a", Buffer.from("x\0")]])).toThrow("NUL");
  });
  test("an error names the byte and the pair", () => {
    expect(() => parsePluginString(Buffer.from("p:a=1;path;"))).toThrow(
      "byte 11, pair 2 ('path'): no '='",
    );
  });
});
