import { expect, test } from "@jest/globals";
import { Emitter } from "./emitter";

const FRAME_HEADER = 8;

/** A receiver that takes each write when it is told to. */
function receiver() {
  const written: number[] = [];
  let take = (): void => undefined;
  const write = (bytes: Buffer) =>
    new Promise<void>((resolve) => {
      written.push(bytes.length);
      take = resolve;
    });
  return { sink: { write }, written, take: () => take() };
}

test("what is to be flushed during a write follows it at once", async () => {
  const { sink, written, take } = receiver();
  const emitter = new Emitter(sink);
  emitter.close(); // nothing by the clock
  emitter.frames.data(Buffer.alloc(10));
  emitter.flush();
  emitter.frames.data(Buffer.alloc(20));
  emitter.flush();
  expect(written).toEqual([FRAME_HEADER + 10]);
  const drained = emitter.drain();
  take();
  while (written.length < 2) await new Promise(setImmediate);
  take();
  await drained;
  expect(written).toEqual([FRAME_HEADER + 10, FRAME_HEADER + 20]);
});

test("frames may be sent by others while nothing is on its way and no limit is kept", async () => {
  const { sink, written, take } = receiver();
  const emitter = new Emitter({ ...sink, fd: 7 });
  emitter.close();
  const lent: (number | undefined)[] = [];
  /** Sends all but the last `left` bytes, and adds `more`. */
  const fill = (left: number, more: number) =>
    emitter.fill((_, length, to) => {
      lent.push(to);
      return { length: left + more, written: length - left };
    });
  emitter.frames.data(Buffer.alloc(92));
  fill(30, 50);
  expect(emitter.frames.byteLength).toBe(80);
  emitter.flush();
  fill(0, 10);
  take();
  await emitter.drain();
  take();
  await emitter.drain();
  expect(written).toEqual([80, 10]);
  emitter.limit(1);
  fill(0, 0);
  emitter.limit(undefined);
  fill(0, 0);
  emitter.abandon(new Error("given up"));
  fill(0, 0);
  expect(lent).toEqual([7, undefined, undefined, 7, undefined]);
});

test("what others sent was taken by the receiver, and so it is not quiet", async () => {
  const emitter = new Emitter({ ...receiver().sink, fd: 7 });
  emitter.close();
  const begun = performance.now();
  while (performance.now() - begun < 30) await new Promise(setImmediate);
  emitter.fill(() => ({ length: 0, written: 0 }));
  const quiet = emitter.quietMs;
  expect(quiet).toBeGreaterThanOrEqual(30);
  const sent = performance.now();
  emitter.fill(() => ({ length: 0, written: 1 }));
  // However long this machine takes between two lines: it is counted from what was sent.
  expect(emitter.quietMs).toBeLessThanOrEqual(performance.now() - sent);
});
