import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { everyCommand } from "../test/classic-samples";
import { framesOf } from "../test/listing";
import { classicCarries, encodeClassic, parseClassic } from "./classic";
import { ProtocolError } from "./errors";
import { FrameWriter } from "./writer";

describe("classic commands", () => {
  test("every command survives the way through frames, two bytes at a time", () => {
    const out = new FrameWriter();
    for (const command of everyCommand) out.command(encodeClassic(command));
    const read = framesOf(out.takeBytes(), 2).map((frame) => parseClassic(frame.payload));
    expect(read).toEqual(everyCommand);
  });

  test("the forms that a stock plugin expects", () => {
    const stat = { type: "F", size: 5n, uid: 1, gid: 2, mode: 0o100640, nlink: 1 } as const;
    expect(encodeClassic({ command: "STAT", stat }).toString()).toBe("STAT:F 5 1 2 100640 1");
    expect(encodeClassic({ command: "STAT", stat: { ...stat, mode: 0o640, linkFI: 0 } }).toString()).toBe(
      "STAT:F 5 1 2 000640 1 0",
    );
    expect(encodeClassic({ command: "TSTAMP", atime: 1n, mtime: -2n, ctime: 3n }).toString()).toBe("TSTAMP:1 -2 3");
  });

  test("a name keeps every byte but the one newline of the command", () => {
    fc.assert(
      fc.property(fc.uint8Array({ min: 1, minLength: 1, maxLength: 50 }), (name) => {
        const payload = Buffer.concat([
          encodeClassic({ command: "FNAME", bytes: Buffer.from(name) }),
          Buffer.from("\n"),
        ]);
        expect(parseClassic(payload)).toEqual({ command: "FNAME", bytes: Buffer.from(name) });
      }),
    );
  });

  test("names whose end a stock plugin would strip are known", () => {
    for (const name of ["/a\n", "/a ", "/a\t", "/a\r"]) expect(classicCarries(Buffer.from(name))).toBe(false);
    for (const name of ["/a\nb", "/ a", "/a\xff"]) expect(classicCarries(Buffer.from(name, "latin1"))).toBe(true);
  });

  test.each([
    "STAT:F 5 1 2 100640",
    "STAT:Q 5 1 2 100640 1",
    "STAT:F -5 1 2 100640 1",
    "STAT:F 5 1 2 100648 1",
    "STAT:F 5 4294967296 2 100640 1",
    "STAT:F 18446744073709551616 1 2 100640 1",
    "STAT:L 5 1 2 100640 2",
    "STAT:F 5 1 2 100640 1 ",
    "TSTAMP:1 2",
    "TSTAMP:1 2 x",
    "FNAME:",
    "FNAME:/a\0b",
    "NONSENSE",
    "NONSENSE:x",
    "PLUGINOBJ_STATUS:MAYBE",
    "STRIP:two",
    "",
  ])("%j is refused", (text) => {
    expect(() => parseClassic(Buffer.from(`${text}\n`))).toThrow(ProtocolError);
  });

  test("garbage is refused, or is a command", () => {
    const words = fc.constantFrom("STAT", "TSTAMP", "FNAME", ":", " ", "F", "7", "-1", "/", "\n", "PLUGINOBJ_", "\xff");
    fc.assert(
      fc.property(fc.array(words, { maxLength: 12 }), (parts) => {
        try {
          const payload = Buffer.from(`${parts.join("")}\n`, "latin1");
          expect(parseClassic(Buffer.concat([encodeClassic(parseClassic(payload)), Buffer.from("\n")]))).toEqual(
            parseClassic(payload),
          );
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("what cannot be said is refused before it is sent", () => {
    const stat = { type: "L", size: 5n, uid: 1, gid: 2, mode: 0o640, nlink: 1 } as const;
    expect(() => encodeClassic({ command: "STAT", stat })).toThrow("file index");
    expect(() => encodeClassic({ command: "STAT", path: Buffer.from("relative") })).toThrow("absolute");
  });
});
