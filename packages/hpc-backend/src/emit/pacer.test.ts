import { expect, test } from "@jest/globals";
import type { ByteSink } from "./byte-sink";
import { Emitter } from "./emitter";
import { Pacer } from "./pacer";

test("bytes take at least their time", async () => {
  const pacer = new Pacer(1_000_000);
  const begun = performance.now();
  for (let i = 0; i < 5; i++) await pacer.spent(40_000, performance.now());
  expect(performance.now() - begun).toBeGreaterThanOrEqual(199);
});

test("time that the writing took counts", async () => {
  const pacer = new Pacer(1);
  // Forty seconds' worth that took a minute: whoever waits here is out of time.
  await pacer.spent(40, performance.now() - 60_000);
});

test("an emitter with a limit sends no faster, and everything", async () => {
  const written: Buffer[] = [];
  const sink: ByteSink = { write: async (bytes) => void written.push(Buffer.from(bytes)) };
  const emitter = new Emitter(sink);
  emitter.limit(10);
  const begun = performance.now();
  for (let i = 0; i < 4; i++) {
    emitter.frames.data(Buffer.alloc(2 ** 19, i));
    await emitter.drain();
  }
  await emitter.finish();
  emitter.close();
  expect(Buffer.concat(written).length).toBe(4 * (2 ** 19 + 8));
  expect(performance.now() - begun).toBeGreaterThanOrEqual(199);
});
