import { execFileSync } from "node:child_process";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { escapeName, escapeText } from "./escape";

describe("names on a terminal", () => {
  test.each([
    ["plain name.txt", "plain name.txt"],
    ["Žluťoučký 漢字 😀", "Žluťoučký 漢字 😀"],
    ["a\nb\tc\rd\\e", "a\\nb\\tc\\rd\\\\e"],
    ["\u001b[2J", "\\x1b[2J"],
    ["\u202etxt.exe", "\\xe2\\x80\\xaetxt.exe"],
    ["\u0085\u2028", "\\xc2\\x85\\xe2\\x80\\xa8"],
  ])("%j", (name, shown) => {
    expect(escapeName(Buffer.from(name))).toBe(shown);
  });

  test("bytes that are not UTF-8, overlong and truncated forms", () => {
    expect(escapeName(Buffer.from([0x61, 0xff, 0x62]))).toBe("a\\xffb");
    expect(escapeName(Buffer.from([0xc0, 0xaf]))).toBe("\\xc0\\xaf");
    expect(escapeName(Buffer.from([0xed, 0xa0, 0x80]))).toBe("\\xed\\xa0\\x80");
    expect(escapeName(Buffer.from([0xe2, 0x82]))).toBe("\\xe2\\x82");
  });

  test("never a control byte, and bash reads the name back", () => {
    const names = fc.sample(fc.uint8Array({ minLength: 1, maxLength: 20 }), 200).map((bytes) =>
      // NUL and the quote that ends $'…' cannot be given to bash this way.
      Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x27 ? 0x41 : byte))),
    );
    const shown = names.map(escapeName);
    for (const text of shown) expect(text).not.toMatch(/\p{Cc}/u);
    const back = execFileSync("bash", [
      "-c",
      `printf '%s\\0' ${shown.map((text) => `$'${text}'`).join(" ")}`,
    ]);
    expect(back).toEqual(Buffer.concat(names.flatMap((name) => [name, Buffer.from([0])])));
  });
});

test("messages stay on one line", () => {
  expect(escapeText("a\nb\u001b[0m \\ ok")).toBe("a\\nb\\x1b[0m \\ ok");
});
