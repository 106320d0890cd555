import { execFileSync } from "node:child_process";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { absolutePath, fromBytes, rawArguments, toBytes, toText } from "./bytes";

describe("bytes that are not UTF-8, as strings", () => {
  test("any bytes come back", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(toBytes(fromBytes(Buffer.from(bytes)))).toEqual(Buffer.from(bytes));
      }),
    );
  });

  test("any text is itself", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(fromBytes(Buffer.from(text, "utf8"))).toBe(text);
      }),
    );
  });

  test("U+FFFD in a name stays what it is, beside a broken byte too", () => {
    for (const name of [
      Buffer.from("a\ufffdb"),
      Buffer.concat([Buffer.from("\ufffd"), Buffer.from([0xff])]),
    ])
      expect(toBytes(fromBytes(name))).toEqual(name);
  });

  test("an option that is text refuses them, naming itself", () => {
    expect(toText("plain é 😀", "--archive")).toBe("plain é 😀");
    expect(() => toText(fromBytes(Buffer.from([0x61, 0xff])), "--archive")).toThrow(
      '--archive "aÿ" is not UTF-8',
    );
  });
});

test.each([
  ["/x/../y", "/x/../y"],
  ["x", "/a/b/x"],
  [".", "/a/b"],
  ["./x/", "/a/b/x/"],
  ["..", "/a"],
  ["../../../x", "/x"],
  ["..//./x/../y", "/a/x/../y"],
])("%s from /a/b is %s", (path, absolute) => {
  expect(absolutePath(Buffer.from(path), Buffer.from("/a/b")).toString()).toBe(absolute);
});

describe("arguments of a process", () => {
  // In a process of its own (the arguments of this one are jest's), from source, as the bundle does
  // it.
  const script = `
    const { rawArguments, toBytes } = require(${JSON.stringify(require.resolve("./bytes"))});
    process.stdout.write(JSON.stringify(rawArguments(process.argv.slice(1)).map((a) => toBytes(a).toString("hex"))));`;

  test("arrive byte for byte", () => {
    // Node cannot pass such bytes to a child either: bash does.
    const command = `exec "$1" --import tsx -e "$2" -- $'/a/\\xff\\nb' plain $'\\xc3\\xa9'`;
    const text = execFileSync("bash", ["-c", command, "bash", process.execPath, script], {
      encoding: "utf8",
    });
    expect(JSON.parse(text)).toEqual([
      "2f612fff0a62",
      Buffer.from("plain").toString("hex"),
      "c3a9",
    ]);
  });

  test("are taken as Node gives them where /proc is missing or says something else", () => {
    expect(rawArguments(["a\ufffd"], "/proc/self/no-such-file")).toEqual(["a\ufffd"]);
    expect(rawArguments(["a\ufffd"])).toEqual(["a\ufffd"]);
    expect(rawArguments(["plain"])).toEqual(["plain"]);
  });
});
