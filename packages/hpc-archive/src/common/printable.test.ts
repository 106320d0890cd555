import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { printable } from "./printable";

describe("printable", () => {
  test("is one line and keeps clean text", () => {
    expect(printable(Buffer.from("/a/ä ö"))).toBe("/a/ä ö");
    expect(printable(Buffer.from("a\nb\x1b[0m\\"))).toBe("a\\x0ab\\x1b[0m\\\\");
    expect(printable(Buffer.from([0xff, 0x41]))).toBe("\\xffA");
  });

  test("of any bytes has no control character", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => !/\p{Cc}/u.test(printable(Buffer.from(bytes)))),
    );
  });
});
