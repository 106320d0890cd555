import { describe, expect, test } from "@jest/globals";
import { HpcError } from "@podheitor/hpc-base";
import { FRAME_MAX } from "@podheitor/hpc-wire";
import fc from "fast-check";
import { encodeFrame, type Frame, FrameDecoder, type FrameStatus, isSignal } from "./frame";
import { FrameWriter } from "./writer";

const STATUSES = [..."CDFTEAQWISNRPOVMBZKHGUX"] as FrameStatus[];
const anyFrame = fc.tuple(fc.constantFrom(...STATUSES), fc.uint8Array({ maxLength: 300 })).map(
  ([status, payload]): Frame => ({
    status,
    payload: Buffer.from(isSignal(status) ? [] : payload),
  }),
);

/** What a decoder makes of pieces: frames, and the code of the error that ended them, if any. */
function decode(
  bytes: Buffer,
  pieces: readonly number[],
  maxPayload?: number,
): { frames: Frame[]; error?: string } {
  const decoder = new FrameDecoder(maxPayload === undefined ? {} : { maxPayload });
  const frames: Frame[] = [];
  try {
    let at = 0;
    for (let i = 0; at < bytes.length; i++) {
      const size = pieces[i % pieces.length] ?? bytes.length;
      decoder.push(Buffer.from(bytes.subarray(at, at + size)));
      at += size;
      for (let frame = decoder.next(); frame; frame = decoder.next()) {
        frames.push({ status: frame.status, payload: Buffer.from(frame.payload) });
      }
    }
    decoder.end();
    return { frames };
  } catch (error) {
    if (!(error instanceof HpcError)) throw error;
    if (error.code !== "HPC_STREAM_TRUNCATED") expect(() => decoder.next()).toThrow(error); // it stays broken
    return { frames, error: error.code };
  }
}

describe("FrameDecoder", () => {
  test("gives back what was encoded, in whatever pieces it arrives", () => {
    fc.assert(
      fc.property(
        fc.array(anyFrame, { maxLength: 20 }),
        fc.array(
          fc.nat(40).map((n) => n + 1),
          { minLength: 1 },
        ),
        (frames, pieces) => {
          const bytes = Buffer.concat(
            frames.map((frame) => encodeFrame(frame.status, frame.payload)),
          );
          expect(decode(bytes, pieces)).toEqual({ frames });
          expect(decode(bytes, [2])).toEqual({ frames });
          expect(decode(bytes, [bytes.length || 1])).toEqual({ frames });
        },
      ),
    );
  });

  test("says the same of garbage two bytes at a time as at once", () => {
    const nearlyFrames = fc
      .array(fc.constantFrom(...Buffer.from("CDMF0019\nx")), { maxLength: 60 })
      .map((b) => Buffer.from(b));
    const flipped = fc
      .tuple(fc.array(anyFrame, { minLength: 1, maxLength: 4 }), fc.nat(), fc.nat(7))
      .map(([frames, where, bit]) => {
        const bytes = Buffer.concat(
          frames.map((frame) => encodeFrame(frame.status, frame.payload)),
        );
        const at = where % bytes.length;
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
        return bytes;
      });
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((b) => Buffer.from(b)),
      nearlyFrames,
      flipped,
    );
    fc.assert(
      fc.property(anything, (bytes) => {
        expect(decode(bytes, [2])).toEqual(decode(bytes, [bytes.length || 1]));
      }),
      { numRuns: 2000 },
    );
  });

  test("refuses the first wrong byte, without waiting for a header", () => {
    for (const bad of ["x", "\n", "C00x", "C 0", "D-", "F1", "T00001", "C000001\r", "H000010\n"]) {
      expect(decode(Buffer.from(bad), [1])).toEqual({ frames: [], error: "HPC_FRAME" });
    }
  });

  test("refuses a long frame by its header, before it keeps any of it", () => {
    const header = Buffer.from("C001000\n");
    expect(decode(header, [8], 999)).toEqual({ frames: [], error: "HPC_FRAME_TOO_LONG" });
    expect(decode(header, [8], 1000)).toEqual({ frames: [], error: "HPC_STREAM_TRUNCATED" });
  });

  test("names a stream that ends within a frame", () => {
    const whole = encodeFrame("C", Buffer.from("END\n"));
    for (let cut = 1; cut < whole.length; cut++) {
      expect(decode(whole.subarray(0, cut), [3])).toEqual({
        frames: [],
        error: "HPC_STREAM_TRUNCATED",
      });
    }
    const decoder = new FrameDecoder();
    decoder.push(whole.subarray(0, 10));
    expect(decoder.next()).toBeUndefined();
    expect(() => decoder.end()).toThrow(
      "the stream ends at byte 10, after 2 of 4 bytes of a C frame",
    );
  });

  test("chunks may be pushed ahead of the frames that are pulled", () => {
    const decoder = new FrameDecoder();
    for (const byte of encodeFrame("D", Buffer.from("abc"))) decoder.push(Buffer.from([byte]));
    decoder.push(encodeFrame("F"));
    expect(decoder.next()).toEqual({ status: "D", payload: Buffer.from("abc") });
    expect(decoder.next()).toEqual({ status: "F", payload: Buffer.alloc(0) });
    expect(decoder.next()).toBeUndefined();
    expect(decoder.offset).toBe(19);
    decoder.end();
  });

  test("takes the largest frame there can be", () => {
    const payload = Buffer.alloc(FRAME_MAX, 7);
    const { frames } = decode(encodeFrame("D", payload), [65_536]);
    expect(frames[0]?.payload.equals(payload)).toBe(true);
    expect(() => encodeFrame("D", Buffer.alloc(FRAME_MAX + 1))).toThrow("at most 999999");
    expect(() => encodeFrame("F", Buffer.alloc(1))).toThrow("carries no payload");
  });
});

describe("FrameWriter", () => {
  test("long data becomes several frames, none becomes none", () => {
    const out = new FrameWriter({ capacity: 16 });
    const data = Buffer.alloc(FRAME_MAX + 1, 3);
    out.data(Buffer.alloc(0));
    out.data(data);
    const { frames } = decode(out.takeBytes(), [1 << 20]);
    expect(frames.map((frame) => frame.payload.length)).toEqual([FRAME_MAX, 1]);
  });

  test("memory that was taken is not written to until it is given back", () => {
    const out = new FrameWriter({ capacity: 64 });
    out.command("one");
    const first = out.takeBytes();
    out.command("two");
    expect(first.toString()).toBe("C000004\none\n");
    out.recycle(first);
    expect(out.takeBytes().toString()).toBe("C000004\ntwo\n");
    out.command("six");
    expect(out.takeBytes().buffer).toBe(first.buffer);
    expect(out.byteLength).toBe(0);
  });

  test("a buffer that grew is used again, and what is filled stays within the capacity", () => {
    const out = new FrameWriter({ capacity: 64 });
    const rooms: number[] = [];
    const fill = () =>
      out.fill((buffer, length) => {
        rooms.push(buffer.length - length);
        return length;
      });
    out.data(Buffer.alloc(150));
    const grown = out.takeBytes();
    out.recycle(grown);
    fill();
    out.takeBytes();
    out.signal("F");
    fill();
    out.data(Buffer.alloc(100));
    fill();
    expect(rooms).toEqual([64, 56, 0]);
    expect(out.takeBytes().buffer).toBe(grown.buffer);
  });

  test("what does not fit a frame throws and leaves nothing behind; a message is cut", () => {
    const out = new FrameWriter({ capacity: 64 });
    const long = Buffer.alloc(FRAME_MAX);
    expect(() => out.command(long)).toThrow(HpcError);
    expect(() => out.frame("G", Buffer.alloc(FRAME_MAX + 1))).toThrow(HpcError);
    expect(() => out.frame("F", Buffer.alloc(1))).toThrow(HpcError);
    expect(out.byteLength).toBe(0);
    out.message("warning", Buffer.alloc(FRAME_MAX + 5, 0x61));
    expect(out.byteLength).toBe(8 + FRAME_MAX);
  });
});
