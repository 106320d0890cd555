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
